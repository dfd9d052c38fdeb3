#!/usr/bin/env bash
# Writes .env from .env.template: every name that ends in _SECRET, _TOKEN, _PASSWORD or _KEY and has no value there gets a
# fresh random one. A key that only somebody else can give has the value "" there, and stays empty until you fill it in.
# What .env already holds is never changed; only names that are missing are added.
#
#   scripts/setup/setup_secrets.sh                  .env, for this machine
#   scripts/setup/setup_secrets.sh --files FOLDER   one file for each secret, for containers (production); where some of
#                                                   them are lost it makes none, and says which
set -euo pipefail

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# Where a token that was changed goes on for a while (scripts/security/update_secrets.sh): containers want the files there.
empty() {
  local name
  for name in movie_mlops_admin_token_before movie_mlops_admin_token_before_until; do
    [ -e "$1/$name" ] || { : > "$1/$name"; chmod 444 "$1/$name"; }
  done
}

# A file that is there is never changed. Of secrets of which one is lost none is made: a new password would fit neither the
# database that has the old one nor the address that names it. Only its owner enters the folder; the files themselves can
# be read, because in a container somebody else reads them.
make_files() {
  local names=(movie_mlops_admin_token movie_mlops_redis_url movie_mlops_state_url postgres_password redis_password)
  local name missing=() new
  for name in "${names[@]}"; do [ -s "$1/$name" ] || missing+=("$name"); done
  [ ${#missing[@]} -gt 0 ] || { empty "$1"; return 0; }
  if [ ${#missing[@]} -lt ${#names[@]} ]; then
    echo "setup_secrets.sh: $1 has secrets, but not ${missing[*]}: put back what was lost. To make all of them anew, and take the database with the old password away, move the folder away." >&2
    return 1
  fi
  # All at once, so that nobody finds some of them.
  mkdir -p "$(dirname "$1")"
  new="$(mktemp -d "$1.XXXXXX")"
  write() { printf '%s' "$2" > "$new/$1"; chmod 444 "$new/$1"; }
  write movie_mlops_admin_token "$(random)"
  write postgres_password "$(random)"
  write redis_password "$(random)"
  write movie_mlops_state_url "postgresql+psycopg://movie_mlops:$(cat "$new/postgres_password")@postgres:5432/movie_mlops"
  empty "$new"
  write movie_mlops_redis_url "redis://:$(cat "$new/redis_password")@redis:6379/0"
  if [ -d "$1" ]; then chmod 700 "$1"; mv -f "$new"/* "$1"; rmdir "$new"; else mv "$new" "$1"; fi
}

case "${1:-}" in
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
  --files) make_files "${2:?--files needs a folder}"; exit ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
umask 077
touch .env
while IFS= read -r line || [ -n "$line" ]; do
  case "$line" in
    '' | '#'*) continue ;;
  esac
  name="${line%%=*}"
  grep -q "^${name}=" .env && continue
  case "$line" in
    *_SECRET= | *_TOKEN= | *_PASSWORD= | *_KEY=) value="$(random)" ;;
    *) value="${line#*=}" ;;
  esac
  printf '%s=%s\n' "$name" "$value" >> .env
done < .env.template
