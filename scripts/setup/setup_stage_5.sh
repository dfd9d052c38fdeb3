#!/usr/bin/env bash
# Sets up stage 5, model serving: a released model whose every byte was verified, and a token for the admin routes.
# Safe to run twice.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/setup/setup_stage_5.sh [SOURCE [options of 'movie-mlops run']]

Sets up stage 2 on SOURCE (default: sample): the environment, .env with a fresh admin token, and the main job up to a
release. Then it compares every byte of the bundles with the hashes of their manifests, and says what serves. Where
nothing has changed every step is skipped. Then serve it: movie-mlops serve
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac

"$here/scripts/setup/setup_stage_2.sh" "$@"
export MOVIE_MLOPS_HOME="${MOVIE_MLOPS_HOME:-$here}"
export MOVIE_MLOPS_CONFIG="${MOVIE_MLOPS_CONFIG:-$here/config}"
export MOVIE_MLOPS_ENV_FILE="${MOVIE_MLOPS_ENV_FILE:-$here/.env}"
"$here/.venv/bin/movie-mlops" models verify
"$here/.venv/bin/movie-mlops" release status
echo "Stage 5 is set up. Serve it: $here/.venv/bin/movie-mlops serve" >&2
