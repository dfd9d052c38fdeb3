#!/usr/bin/env bash
# Runs the tests of 4.3, delivery, those in real containers too.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/test/run_4_3_tests.sh [options of ./run_tests.sh]

Besides what ./run_tests.sh runs, it builds the images of this commit and deploys production with them, under load: some
minutes. It needs docker with its compose plugin, or podman with podman-compose, and images that can be pulled, or were
made here by scripts/setup/setup_base_images.sh. Port 18080 of this machine must be free.
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac
exec "$(dirname "${BASH_SOURCE[0]}")/../../run_tests.sh" --stage 4.3 "$@" -- -m "containers or not containers"
