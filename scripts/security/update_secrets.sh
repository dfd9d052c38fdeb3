#!/usr/bin/env bash
# Makes new secrets in the place of old ones. Where that is possible the old one goes on for a stated time, and then dies.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/security/update_secrets.sh [--secrets FOLDER] [--overlap TIME] COMMAND

  admin-token     a new admin token; the old one goes on for --overlap (default: 24h), and every console session ends
  redis           a second password for the Redis of the containers; the old one goes on until 'redis-end'
  redis-end       the old password dies
  postgres        a new password of the database's user, at once: whoever is connected stays so
  signing-key     a new key that signs bundles; what the old one signed stays trusted (movie-mlops models keys)
  access-secret   what API keys are hashed with: every API key and session ends at once
  list            which secrets there are, and since when; no values

  --secrets FOLDER   the containers' secrets (default: data/secrets where it is there, otherwise .env)
  --overlap TIME     such as 30m, 24h or 7d

After admin-token, redis and postgres, scripts/deploy/deploy_production.sh brings the new secret to one replica after the
other. PSQL and REDIS_CLI name other commands than those of the containers. A webhook is replaced by
scripts/monitoring/setup_monitoring.sh --webhook-file.
TEXT
}

die() { echo "update_secrets.sh: $1" >&2; exit "${2:-1}"; }
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

secrets="${MOVIE_MLOPS_SECRETS:-$here/data/secrets}" overlap=24h words=()
[ -d "$secrets" ] || secrets=''
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --secrets) secrets="${2:?--secrets needs a folder}"; [ -d "$secrets" ] || die "$secrets is no folder."; shift 2 ;;
    --overlap) overlap="${2:?--overlap needs a time, such as 24h}"; shift 2 ;;
    -*) die "'$1' is not an option. See --help." 2 ;;
    *) words+=("$1"); shift ;;
  esac
done
[ ${#words[@]} -eq 1 ] || die "name one command. See --help." 2
[[ "$overlap" =~ ^([1-9][0-9]{0,4})([mhd])$ ]] || die "--overlap is such as 30m, 24h or 7d." 2
amount="${BASH_REMATCH[1]}"
case "${BASH_REMATCH[2]}" in m) seconds=$((amount * 60)) ;; h) seconds=$((amount * 3600)) ;; *) seconds=$((amount * 86400)) ;; esac

# Whole or not at all. Only its owner enters the folder; in a container somebody else reads the files.
keep() { printf '%s' "$2" > "$secrets/.$1.new"; chmod 444 "$secrets/.$1.new"; mv -f "$secrets/.$1.new" "$secrets/$1"; }
of_folder() { [ -n "$secrets" ] || die "there are no secrets of containers. Name their folder: --secrets FOLDER"; }
held() { [ -s "$secrets/$1" ] || die "$secrets has no $1. Make it: scripts/setup/setup_secrets.sh --files $secrets"; cat "$secrets/$1"; }
ask_compose() { docker compose -f "$here/docker/docker-compose.production.yml" exec -T "$@"; }
# Their input is the standard input, so that no list of processes shows a password.
psql_() { if [ -n "${PSQL:-}" ]; then $PSQL; else ask_compose postgres psql --quiet --username movie_mlops --set ON_ERROR_STOP=1; fi; }
redis_() { if [ -n "${REDIS_CLI:-}" ]; then $REDIS_CLI; else ask_compose redis redis-cli; fi; }
redis_ask() {
  local told
  told="$(printf 'AUTH %s\n%s\n' "$1" "$2" | redis_)" || die "Redis cannot be reached; nothing was changed."
  [ "$told" = $'OK\nOK' ] || die "Redis did not do it; nothing was changed."
}

# Writes name=value lines of .env anew, whole or not at all.
keep_lines() {
  local file="$here/.env" new line name
  new="$(mktemp "$file.XXXXXX")"
  while IFS= read -r line || [ -n "$line" ]; do
    for name in "$@"; do case "$line" in "${name%%=*}="*) continue 2 ;; esac; done
    printf '%s\n' "$line"
  done < "$file" > "$new"
  printf '%s\n' "$@" >> "$new"
  mv -f "$new" "$file"
}

admin_token() {
  local old until
  until="$(date -u -d "@$(($(date +%s) + seconds))" +%Y-%m-%dT%H:%M:%SZ)"
  if [ -n "$secrets" ]; then
    old="$(held movie_mlops_admin_token)"
    # The end first: an old token without one is refused.
    keep movie_mlops_admin_token_before_until "$until"
    keep movie_mlops_admin_token_before "$old"
    keep movie_mlops_admin_token "$(random)"
  else
    old="$(sed -n 's/^MOVIE_MLOPS_ADMIN_TOKEN=//p' "$here/.env" 2>/dev/null)" || true
    [ -n "$old" ] || die "there is no admin token yet. Make one: scripts/setup/setup_secrets.sh"
    keep_lines "MOVIE_MLOPS_ADMIN_TOKEN=$(random)" "MOVIE_MLOPS_ADMIN_TOKEN_BEFORE=$old" "MOVIE_MLOPS_ADMIN_TOKEN_BEFORE_UNTIL=$until"
  fi
  echo "The admin token is new; the one before it dies at $until. Start the servers again." >&2
}

redis_password() {
  local old new
  of_folder
  [ ! -e "$secrets/redis_password_before" ] || die "the last change has not ended. End it: scripts/security/update_secrets.sh redis-end"
  old="$(held redis_password)" new="$(random)"
  held movie_mlops_redis_url >/dev/null
  redis_ask "$old" "ACL SETUSER default >$new"
  keep redis_password_before "$old"
  keep redis_password "$new"
  keep movie_mlops_redis_url "$(sed "s/:$old@/:$new@/" "$secrets/movie_mlops_redis_url")"
  echo "Redis takes both passwords. Deploy, then: scripts/security/update_secrets.sh redis-end" >&2
}

redis_end() {
  of_folder
  redis_ask "$(held redis_password)" "ACL SETUSER default <$(held redis_password_before)"
  rm -f "$secrets/redis_password_before"
  echo "The old password of Redis is dead." >&2
}

postgres_password() {
  local old new
  of_folder
  old="$(held postgres_password)" new="$(random)"
  held movie_mlops_state_url >/dev/null
  # First beside the others: after a crash it is still known what the database was told.
  keep postgres_password_new "$new"
  printf "ALTER USER movie_mlops PASSWORD '%s';\n" "$new" | psql_ >/dev/null || die "PostgreSQL did not do it; the old password holds."
  keep movie_mlops_state_url "$(sed "s/:$old@/:$new@/" "$secrets/movie_mlops_state_url")"
  mv -f "$secrets/postgres_password_new" "$secrets/postgres_password"
  echo "The database's password is new. Deploy at once: new connections with the old one are refused." >&2
}

case "${words[0]}" in
  admin-token) admin_token ;;
  redis) redis_password ;;
  redis-end) redis_end ;;
  postgres) postgres_password ;;
  signing-key) "$here/.venv/bin/movie-mlops" models keys new ;;
  access-secret)
    if [ -n "$secrets" ] && [ -e "$secrets/movie_mlops_access_secret" ]; then keep movie_mlops_access_secret "$(random)"
    else [ -e "$here/.env" ] || die "there is no .env. Make it: scripts/setup/setup_secrets.sh"; keep_lines "MOVIE_MLOPS_ACCESS_SECRET=$(random)"; fi
    echo "Every API key and session ends. Start the servers again, and make new keys." >&2 ;;
  list)
    of_folder
    for path in "$secrets"/*; do printf '%s\t%s\n' "$(date -u -r "$path" +%Y-%m-%dT%H:%M:%SZ)" "$(basename "$path")"; done ;;
  *) die "'${words[0]}' is not a command. See --help." 2 ;;
esac
