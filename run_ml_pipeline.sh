#!/usr/bin/env bash
# Retrains: runs the main job, and keeps what the gate said and what was made in one folder. What the schedule runs.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

usage() {
  cat <<'END'
Usage: ./run_ml_pipeline.sh [--source SOURCE] [--home DIR] [--out DIR]

Runs 'movie-mlops run' without serving. Steps whose inputs did not change are skipped, and a model that the gate refuses
is not released: then the exit code is 1, and what served goes on serving.

  --source SOURCE   where the ratings come from (default: sample); see ./run_movie_mlops.sh --help
  --home DIR        where all state is (default: this checkout)
  --out DIR         what is kept of the run (default: reports/ml-pipeline); emptied first:
                      summary.md        the gate's verdict with its reasons, and every model with its interval
                      run.json          all that the run tells programs
                      evaluation.html   the report of the evaluation
                      bundle/           the model that was judged, as it would be served

Where GITHUB_STEP_SUMMARY names a file, the summary is added to it too.
END
}

die() { echo "run_ml_pipeline.sh: $1" >&2; exit 2; }

source=sample home="${MOVIE_MLOPS_HOME:-$here}" out="$here/reports/ml-pipeline"
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --source | --home | --out) [ $# -ge 2 ] && [ -n "$2" ] || die "$1 needs a value. See --help."
      case "$1" in --source) source="$2" ;; --home) home="$2" ;; --out) out="$2" ;; esac
      shift 2 ;;
    *) die "'$1' is not an option. See --help." ;;
  esac
done
# Only what an earlier run made is emptied: a mistyped folder keeps its files.
if [ -d "$out" ] && [ -n "$(ls -A "$out")" ] && [ ! -e "$out/run.json" ]; then
  die "$out has files of something else. Name another folder with --out."
fi

"$here/scripts/setup/setup_environment.sh" platform
rm -rf "$out"
mkdir -p "$out" "$home"
export MOVIE_MLOPS_CONFIG="${MOVIE_MLOPS_CONFIG:-$here/config}"
export MOVIE_MLOPS_ENV_FILE="${MOVIE_MLOPS_ENV_FILE:-$here/.env}"
touch "$out/run.json"
code=0
"$here/.venv/bin/movie-mlops" run --source "$source" --home "$home" --summary "$out/summary.md" --json >"$out/run.json" || code=$?

# What was made is kept, also where it was refused: that is when somebody wants to look at it.
"$here/.venv/bin/python" - "$home" "$out" <<'PYTHON'
import json, pathlib, shutil, sys

home, out = map(pathlib.Path, sys.argv[1:])
told = json.loads((out / "run.json").read_text() or "{}")
if "report" in told:
    shutil.copy2(told["report"], out / "evaluation.html")
    bundle = next(step["result"]["bundle_id"] for step in told["steps"] if step["name"] == "train")
    shutil.copytree(home / "models" / told["dataset"] / bundle, out / "bundle")
PYTHON
if [ -s "$out/summary.md" ]; then
  cat "$out/summary.md" >&2
  [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$out/summary.md" >>"$GITHUB_STEP_SUMMARY"
fi
echo "Kept in $out" >&2
exit $code
