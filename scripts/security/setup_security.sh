#!/usr/bin/env bash
# Sets up stage 7, security: secrets for this machine, and a look at those of production.
# Safe to run twice: a secret that is there is never changed.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/security/setup_security.sh [--production FOLDER]

Makes .env with its secrets (scripts/setup/setup_secrets.sh) and takes it, and data/keys, from everybody else.

  --production FOLDER   change nothing; say what is wrong with the secrets of production in FOLDER, which
                        scripts/setup/setup_secrets.sh --files FOLDER made, and with config/security.yaml
TEXT
}

# What is wrong is said, one line each; the whole is looked at before it ends.
wrong=0
say() { echo "setup_security.sh: $*" >&2; wrong=1; }

# Nobody else's business: neither the group nor others may enter or read.
is_private() { [ -z "$(find "$1" -maxdepth 0 -perm /077)" ]; }

check_production() {
  local folder="$1" name value
  local names=(movie_mlops_admin_token movie_mlops_redis_url movie_mlops_state_url postgres_password redis_password)
  [ -d "$folder" ] || { say "there is no folder $folder: scripts/setup/setup_secrets.sh --files $folder makes it"; return; }
  is_private "$folder" || say "others can enter $folder: chmod 700 $folder"
  for name in "${names[@]}"; do
    if [ ! -s "$folder/$name" ]; then say "$folder/$name is missing or empty"; continue; fi
    value="$(cat "$folder/$name")"
    case "$name" in
      *_url) case "$value" in *://*:?*@*) ;; *) say "$name carries no password" ;; esac ;;
      *)
        [ "${#value}" -ge 32 ] || say "$name has ${#value} characters, fewer than 32"
        if [ -f "$here/.env" ] && grep -qF -- "=$value" "$here/.env"; then say "$name is that of this machine's .env: production has secrets of its own"; fi
        ;;
    esac
  done
  if [ -s "$folder/movie_mlops_access_secret" ] && [ "$(wc -c < "$folder/movie_mlops_access_secret")" -lt 32 ]; then
    say "movie_mlops_access_secret has fewer than 32 characters"
  fi
  if [ "$(cat "$folder/postgres_password" 2>/dev/null)" = "$(cat "$folder/redis_password" 2>/dev/null)" ]; then
    say "PostgreSQL and Redis have the same password"
  fi
  grep -q '^access: closed' "$here/config/security.yaml" || say "access is not closed in config/security.yaml"
  grep -q '^tls: true' "$here/config/security.yaml" || say "tls is not true in config/security.yaml: browsers are not told to stay with https"
}

case "${1:-}" in
  '') ;;
  --production) check_production "${2:?--production needs a folder}"; exit "$wrong" ;;
  -h | --help) usage; exit 0 ;;
  *) echo "setup_security.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
esac

"$here/scripts/setup/setup_secrets.sh"
chmod 600 "$here/.env"
mkdir -p "$here/data/keys"
chmod 700 "$here/data/keys"
echo "Stage 7 is set up. Make a key: movie-mlops security keys create --name … --role …" >&2
