#!/usr/bin/env bash
# Sets up stage 8, scalability: what a load test needs of this machine, and a first short measurement of it.
# Safe to run twice: a measurement that is there is kept.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/setup/setup_stage_8.sh [--again]

Makes the environment, checks that a process may have enough connections open, and measures for some seconds how fast
this machine answers, so that later measurements have something to stand beside: reports/serve-first.json.

  --again      measure anew
TEXT
}

again=false
case "${1:-}" in
  '') ;;
  --again) again=true ;;
  -h | --help) usage; exit 0 ;;
  *) echo "setup_stage_8.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
esac

# A connection is a file at both ends; the open loops have 16 of them unless told otherwise, and a load test more.
needed=1024
limit="$(ulimit -n)"
if [ "$limit" != unlimited ] && [ "$limit" -lt "$needed" ]; then
  echo "setup_stage_8.sh: a process may have $limit files open here, and a load test wants $needed. Raise it with: ulimit -n $needed" >&2
  exit 1
fi

"$here/scripts/setup/setup_environment.sh" platform
export MOVIE_MLOPS_HOME="${MOVIE_MLOPS_HOME:-$here}"
first="$MOVIE_MLOPS_HOME/reports/serve-first.json"
if [ -e "$first" ] && ! $again; then
  echo "Stage 8 is set up; the first measurement is $first (--again: anew)." >&2
  exit 0
fi
"$here/.venv/bin/movie-mlops" bench serve --part answers --seconds 2 --out "$first"
echo "Stage 8 is set up. Measure for longer: movie-mlops bench serve" >&2
