#!/usr/bin/env bash
# Sets up stage 2, the feature store: feature views in the lake, histories in the online store. Safe to run twice.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/setup/setup_stage_2.sh [SOURCE [options of 'movie-mlops run']]

Makes the environment and .env and runs the main job on SOURCE (default: sample) without serving: its second step fills
the feature store. Then it brings the online store up to the lake's newest version, and writes the catalogue of all
features. Where nothing has changed every step is skipped.
TEXT
}

source=sample
case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  '' | -*) ;;
  *) source="$1"; shift ;;
esac

"$here/run_movie_mlops.sh" --no-serve --source "$source" "$@"
export MOVIE_MLOPS_HOME="${MOVIE_MLOPS_HOME:-$here}"
export MOVIE_MLOPS_CONFIG="${MOVIE_MLOPS_CONFIG:-$here/config}"
export MOVIE_MLOPS_ENV_FILE="${MOVIE_MLOPS_ENV_FILE:-$here/.env}"
"$here/.venv/bin/movie-mlops" features materialise
"$here/.venv/bin/movie-mlops" features catalogue
echo "Stage 2 is set up. Ask it: movie-mlops features read film_features 1" >&2
