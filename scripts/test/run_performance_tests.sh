#!/usr/bin/env bash
# Runs the performance tests: the benchmarks and the load generator themselves, for seconds, not for figures.
# Options go to ./run_tests.sh: -- and pytest's own.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../../run_tests.sh" --kind performance "$@"
