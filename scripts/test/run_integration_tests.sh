#!/usr/bin/env bash
# Runs the integration tests of every stage. Options go to ./run_tests.sh: --stage 1, or -- and pytest's own.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../../run_tests.sh" --kind integration "$@"
