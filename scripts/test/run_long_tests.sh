#!/usr/bin/env bash
# Runs the tests that take a minute or more and that ./run_tests.sh leaves out: flows in the real Airflow, whole measured
# runs. Options go to ./run_tests.sh.
set -euo pipefail

case "${1:-}" in
  -h | --help) echo "Usage: scripts/test/run_long_tests.sh [options of ./run_tests.sh]"; exit 0 ;;
esac
exec "$(dirname "${BASH_SOURCE[0]}")/../../run_tests.sh" "$@" -- -m long
