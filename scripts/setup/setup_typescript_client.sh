#!/usr/bin/env bash
# Installs what the lock of src/typescript-client names, and builds the client.
# Safe to run twice: a second run sees that nothing changed and does nothing.
#
#   scripts/setup/setup_typescript_client.sh              what its tests need
#   scripts/setup/setup_typescript_client.sh --generate   the same after the types were made anew from the API: after a change of it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../src/typescript-client"

generate=""
case "${1:-}" in
  "") ;;
  --generate) generate=yes ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "../../scripts/setup/$(basename "$0")" >&2; exit 2 ;;
esac
command -v npm >/dev/null || { echo "setup_typescript_client.sh: there is no npm. Install Node.js 18 or later first." >&2; exit 2; }

state() { cat package-lock.json client.ts schema.d.ts tsconfig.json | sha256sum; }
stamp=node_modules/.built
if [ -z "$generate" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(state)" ]; then exit 0; fi
echo "Installing what src/typescript-client/package-lock.json names …" >&2
npm ci --no-audit --no-fund --silent
if [ -n "$generate" ]; then
  ../../.venv/bin/movie-mlops serve --openapi > openapi.json
  {
    echo "// Made by scripts/setup/setup_typescript_client.sh --generate from openapi.json, SHA-256 $(sha256sum < openapi.json | cut -d' ' -f1)."
    npx --no-install openapi-typescript openapi.json
  } > schema.d.ts.unfinished
  mv schema.d.ts.unfinished schema.d.ts
fi
npx --no-install tsc
state > "$stamp"
