#!/usr/bin/env bash
# Runs the tests of stage 7, security. Options go to ./run_tests.sh: --kind unit, or -- and pytest's own.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../../run_tests.sh" --stage 7 "$@"
