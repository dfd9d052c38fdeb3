#!/usr/bin/env bash
# Writes .env from .env.template: every name that ends in _SECRET, _TOKEN, _PASSWORD or _KEY and has no value there gets a
# fresh random one. A key that only somebody else can give has the value "" there, and stays empty until you fill it in.
# What .env already holds is never changed; only names that are missing are added.
set -euo pipefail
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
    *_SECRET= | *_TOKEN= | *_PASSWORD= | *_KEY=) value="$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" ;;
    *) value="${line#*=}" ;;
  esac
  printf '%s=%s\n' "$name" "$value" >> .env
done < .env.template
