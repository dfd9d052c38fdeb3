#!/usr/bin/env bash
# Says whether the name of a branch is right.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
  -h | --help)
    echo "Usage: scripts/validate_branch_name.sh [NAME]"
    echo
    echo "Says whether NAME says its kind; without a name, the branch that is checked out. Names: docs/00-overview/naming-conventions.md"
    exit 0 ;;
esac

# The checker needs the Python standard library alone, so it works before anything is installed.
python=.venv/bin/python
[ -x "$python" ] || python=python3
PYTHONPATH=src exec "$python" -m movie_mlops standard branch "$@"
