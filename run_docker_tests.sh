#!/usr/bin/env bash
# The test command inside the container: the same script, the same options, the same exit code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'END'
Usage: ./run_docker_tests.sh [--stage X[.Y]] [--kind unit|integration|e2e|performance|security] [-- pytest options]

Builds the development image (Dockerfile.dev) and runs ./run_tests.sh in it, with the options that are given here,
in a container with no way out to a network and with a read-only file system (docker/docker-compose.simple.yml).
Uses docker with its compose plugin, or else podman with podman-compose.
END
}

for option in "$@"; do
  case "$option" in
    -h | --help) usage; exit 0 ;;
    --) break ;;
  esac
done

if docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
  compose=(docker compose)
elif command -v podman >/dev/null && command -v podman-compose >/dev/null; then
  compose=(podman-compose)
elif command -v docker >/dev/null; then
  echo "run_docker_tests.sh: docker is here, but its daemon or its compose plugin does not answer: start the one or install the other (docker compose version; docker info)." >&2
  exit 1
elif command -v podman >/dev/null; then
  echo "run_docker_tests.sh: podman is here, but podman-compose is not: install it (pipx install podman-compose)." >&2
  exit 1
else
  echo "run_docker_tests.sh: neither docker nor podman was found: install Docker with its compose plugin, or podman with podman-compose (on Debian: apt-get install podman pipx; pipx install podman-compose)." >&2
  exit 1
fi
compose+=(-f docker/docker-compose.simple.yml)

"${compose[@]}" build tests
# The container's network goes with it, however the tests ended.
trap '"${compose[@]}" down >/dev/null 2>&1 || true' EXIT
"${compose[@]}" run --rm -T tests ./run_tests.sh "$@"
