#!/usr/bin/env bash
# Sets up stage 1, the data pipeline: the environment, and a first load through the contract. Safe to run twice.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/setup/setup_stage_1.sh [SOURCE [options of 'movie-mlops ingest load']]

Makes the environment and .env, and loads SOURCE (default: sample) into the lake. What breaks the
contract goes to the quarantine with its line and reason. What the lake has already is not loaded again.

  scripts/setup/setup_stage_1.sh
  scripts/setup/setup_stage_1.sh file:ratings.csv --column user_id=customer
TEXT
}

source=sample
case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  '' | -*) ;;
  *) source="$1"; shift ;;
esac

"$here/scripts/setup/setup_environment.sh" platform
# Paths in options are relative to where you are; state is kept in the checkout unless MOVIE_MLOPS_HOME says otherwise.
export MOVIE_MLOPS_HOME="${MOVIE_MLOPS_HOME:-$here}"
export MOVIE_MLOPS_CONFIG="${MOVIE_MLOPS_CONFIG:-$here/config}"
export MOVIE_MLOPS_ENV_FILE="${MOVIE_MLOPS_ENV_FILE:-$here/.env}"
"$here/.venv/bin/movie-mlops" ingest load --source "$source" "$@"
echo "Stage 1 is set up. Look at what came in: movie-mlops ingest report --open" >&2
