#!/usr/bin/env bash
# Runs the tests of stage 6, monitoring. Options go to ./run_tests.sh: --kind unit, or -- and pytest's own.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../../run_tests.sh" --stage 6 "$@"
