#!/usr/bin/env bash
# Says whether the name of a branch is right; without a name, the branch that is checked out.
#
#   scripts/validate_branch_name.sh [NAME]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The checker needs the Python standard library alone, so it works before anything is installed.
python=.venv/bin/python
[ -x "$python" ] || python=python3
PYTHONPATH=src exec "$python" -m movie_mlops standard branch "$@"
