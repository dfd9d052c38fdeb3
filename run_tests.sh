#!/usr/bin/env bash
# The test command: makes the environment, then lint, types, the import contract and the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'END'
Usage: ./run_tests.sh [--stage X[.Y]] [--kind unit|integration|e2e|performance|security] [-- pytest options]

With no option: lint, types, the import contract, then every test.
With --stage or --kind: only those tests.
END
}

die() { echo "run_tests.sh: $1" >&2; exit 2; }

stage= kind= extra=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --stage) [ $# -ge 2 ] || die "--stage needs a number such as 5 or 5.1."; stage="$2"; shift 2 ;;
    --kind) [ $# -ge 2 ] || die "--kind needs one of unit, integration, e2e, performance, security."; kind="$2"; shift 2 ;;
    --) shift; extra=("$@"); break ;;
    *) die "'$1' is not an option. See ./run_tests.sh --help." ;;
  esac
done
case "$stage" in '' | [0-9] | [0-9].[0-9x] | [0-9].[0-9][0-9]) ;; *) die "'$stage' is not a stage. Use a number such as 5 or 5.1." ;; esac
case "$kind" in '' | unit | integration | e2e | performance | security) ;; *) die "'$kind' is not a kind of test. Use unit, integration, e2e, performance or security." ;; esac

scripts/setup/setup_environment.sh dev
# Where tests cannot be skipped for want of a program, the program is installed; elsewhere its tests say why they skip.
if [ "${CI:-}" = true ]; then scripts/setup/setup_test_tools.sh; fi

bin=.venv/bin
if [ -z "$stage$kind" ]; then
  echo "== lint";            $bin/ruff check --quiet . && $bin/ruff format --quiet --check .
  echo "== types";           $bin/mypy
  echo "== import contract"; $bin/lint-imports --no-cache >/tmp/movie-mlops-imports.$$ || { cat /tmp/movie-mlops-imports.$$; rm -f /tmp/movie-mlops-imports.$$; exit 1; }
  tail -n 2 /tmp/movie-mlops-imports.$$; rm -f /tmp/movie-mlops-imports.$$
  echo "== tests"
fi

paths=()
if [ -n "$stage" ]; then
  pattern="test_${stage/./_}_*.py"
  while IFS= read -r -d '' file; do paths+=("$file"); done < <(find "tests/${kind:-}" -name "$pattern" -print0 | sort -z)
  [ ${#paths[@]} -gt 0 ] || die "no test carries stage $stage${kind:+ and kind $kind}. Files are named $pattern."
elif [ -n "$kind" ]; then
  paths=("tests/$kind")
fi
exec $bin/python -m pytest ${paths[@]+"${paths[@]}"} ${extra[@]+"${extra[@]}"}
