#!/usr/bin/env bash
# Prints the container engine of this machine: docker where its daemon answers, else podman.
set -euo pipefail

case "${1:-}" in
  '') ;;
  -h | --help) echo "Usage: scripts/deploy/find_engine.sh"; echo; echo "Prints docker or podman, whichever answers; docker first."; exit 0 ;;
  *) echo "find_engine.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
esac

for engine in docker podman; do
  if command -v $engine >/dev/null && $engine info >/dev/null 2>&1; then echo $engine; exit 0; fi
done
echo "find_engine.sh: neither docker nor podman answers. Install one of them, and start docker's daemon if it is docker." >&2
exit 1
