#!/usr/bin/env bash
# From a fresh machine to a page of recommendations: installs, runs the main job, serves, prints the address.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

usage() {
  cat <<'END'
Usage: ./run_movie_mlops.sh [options]

  --source SOURCE   where the ratings come from (default: sample)
                      sample                       made here: real films, a simulated audience
                      movielens:ml-latest-small    an official release, downloaded
                      movielens:PATH               a release you have, as a folder or a zip
                      file:PATH                    your own CSV or Parquet file
  --no-serve        stop when the release is made
  --port PORT       where the page answers (default: 8000)
  --setup-only      make .venv and .env, nothing more
  -h, --help        this text

Any other option goes to 'movie-mlops run' (see 'movie-mlops run --help').
END
}

serve=--serve
setup_only=false
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --no-serve) serve=; shift ;;
    --setup-only) setup_only=true; shift ;;
    *) options+=("$1"); shift ;;
  esac
done

"$here/scripts/setup/setup_environment.sh" platform
if $setup_only; then
  echo "Ready: .venv and .env are made. Run './run_movie_mlops.sh' for the main job." >&2
  exit 0
fi
# Paths in options are relative to where you are; state is kept in the checkout unless --home says otherwise.
export MOVIE_MLOPS_HOME="${MOVIE_MLOPS_HOME:-$here}"
export MOVIE_MLOPS_CONFIG="${MOVIE_MLOPS_CONFIG:-$here/config}"
export MOVIE_MLOPS_ENV_FILE="${MOVIE_MLOPS_ENV_FILE:-$here/.env}"
exec "$here/.venv/bin/movie-mlops" run ${serve:+"$serve"} ${options[@]+"${options[@]}"}
