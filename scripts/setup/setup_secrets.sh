#!/usr/bin/env bash
# Writes .env from .env.template: every name that ends in _SECRET, _TOKEN, _PASSWORD or _KEY and has no value there gets a
# fresh random one. A key that only somebody else can give has the value "" there, and stays empty until you fill it in.
# What .env already holds is never changed; only names that are missing are added.
#
#   scripts/setup/setup_secrets.sh                  .env, for this machine
#   scripts/setup/setup_secrets.sh --files FOLDER   one file for each secret, for containers (production)
set -euo pipefail

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# A file that is there is never changed. Only its owner enters the folder; the files themselves can be read, because in a
# container somebody else reads them.
make_files() {
  mkdir -p "$1"
  chmod 700 "$1"
  keep() { [ -s "$1" ] || printf '%s' "$2" > "$1"; chmod 444 "$1"; }
  keep "$1/movie_mlops_admin_token" "$(random)"
  keep "$1/postgres_password" "$(random)"
  keep "$1/redis_password" "$(random)"
  keep "$1/movie_mlops_state_url" \
    "postgresql+psycopg://movie_mlops:$(cat "$1/postgres_password")@postgres:5432/movie_mlops"
  keep "$1/movie_mlops_redis_url" "redis://:$(cat "$1/redis_password")@redis:6379/0"
}

case "${1:-}" in
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
  --files) make_files "${2:?--files needs a folder}"; exit 0 ;;
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
