#!/usr/bin/env bash
# Sets up what CI needs on this machine: the development environment, the tools of the tests, the git hooks. Safe to run twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
  cat <<'TEXT'
Usage: scripts/setup/setup_cicd.sh [--no-hooks]

Makes the environment with the tools of development, installs git, Chromium and a font where they are missing (as root or
through sudo), and configures git for the project. Afterwards ./run_tests.sh does here what CI does.

  --no-hooks   leave git alone, on a machine where nobody commits
TEXT
}

hooks=true
case "${1:-}" in
  '') ;;
  --no-hooks) hooks=false ;;
  -h | --help) usage; exit 0 ;;
  *) echo "setup_cicd.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
esac

scripts/setup/setup_environment.sh dev
scripts/setup/setup_test_tools.sh
if $hooks; then scripts/setup/setup_mlops_git.sh; fi
echo "Ready. What CI runs: ./run_tests.sh" >&2
