#!/usr/bin/env bash
# Runs the tests of 4.4, orchestration, the long ones in the real Airflow too. Options go to ./run_tests.sh.
set -euo pipefail

case "${1:-}" in
  -h | --help) echo "Usage: scripts/test/run_4_4_tests.sh [options of ./run_tests.sh]"; exit 0 ;;
esac
exec "$(dirname "${BASH_SOURCE[0]}")/../../run_tests.sh" --stage 4.4 "$@" -- -m "long or not long"
