#!/usr/bin/env bash
# The test command: makes the environment, then lint, types, the import contract, the standard and the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'END'
Usage: ./run_tests.sh [--checks] [--stage X[.Y]] [--kind unit|integration|e2e|performance|security] [-- pytest options]

With no option: lint, types, the import contract, the project standard, then every test.
With --checks: lint, types, the import contract, the project standard and the security scan, and no test.
With --stage or --kind: only those tests. --stage 5 and --stage 5.x: every test of stage 5, its end-to-end tests included.
END
}

die() { echo "run_tests.sh: $1" >&2; exit 2; }

checks=false stage="" kind="" extra=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --checks) checks=true; shift ;;
    --stage) [ $# -ge 2 ] || die "--stage needs a number such as 5 or 5.1."; stage="$2"; shift 2 ;;
    --kind) [ $# -ge 2 ] || die "--kind needs one of unit, integration, e2e, performance, security."; kind="$2"; shift 2 ;;
    --) shift; extra=("$@"); break ;;
    *) die "'$1' is not an option. See ./run_tests.sh --help." ;;
  esac
done
case "$stage" in '' | [0-9] | [0-9].[0-9x] | [0-9].[0-9][0-9]) ;; *) die "'$stage' is not a stage. Use a number such as 5 or 5.1." ;; esac
case "$kind" in '' | unit | integration | e2e | performance | security) ;; *) die "'$kind' is not a kind of test. Use unit, integration, e2e, performance or security." ;; esac

if $checks && [ -n "$stage$kind${extra[*]-}" ]; then die "--checks runs no test, so that nothing else can be said with it."; fi

scripts/setup/setup_environment.sh dev
# Where tests cannot be skipped for want of a program, the program is installed; elsewhere its tests say why they skip.
# What is looked at meanwhile needs none of them.
tools="" compiling=""
trap 'kill $tools $compiling 2>/dev/null || true' EXIT
if [ "${CI:-}" = true ] && ! $checks; then scripts/setup/setup_test_tools.sh & tools=$!; fi

bin=.venv/bin
# Several processes will want the tests compiled at the same moment: one does it before, while others look at the code.
if [ -z "$stage$kind" ] && ! $checks; then
  PYTHONDONTWRITEBYTECODE="" $bin/python -m pytest --collect-only --quiet >/dev/null 2>&1 & compiling=$!
  # The same of the loops of the recommenders.
  $bin/python -m tests.fixtures.common.compiled_loops >/dev/null 2>&1 & compiling="$compiling $!"
fi
if [ -z "$stage$kind" ]; then
  echo "== lint";            $bin/ruff check --quiet .; $bin/ruff format --quiet --check .
  echo "== types";           $bin/mypy
  echo "== import contract"; $bin/lint-imports --no-cache >/tmp/movie-mlops-imports.$$ || { cat /tmp/movie-mlops-imports.$$; rm -f /tmp/movie-mlops-imports.$$; exit 1; }
  tail -n 2 /tmp/movie-mlops-imports.$$; rm -f /tmp/movie-mlops-imports.$$
  # A copy for a container is not the whole project, and its .env is a link into the container's memory.
  if [ -e .git ]; then echo "== project standard"; $bin/movie-mlops standard check --strict
  else echo "== project standard: not checked, because this is a copy without git"; fi
  # Half a minute, most of it for Bandit and for every line that was ever committed: too long before every run of tests.
  if $checks && [ -e .git ]; then echo "== security scan"; $bin/movie-mlops security scan; fi
  if $checks; then exit 0; fi
  echo "== tests"
fi

paths=()
if [ -n "$stage" ]; then
  # "5.x" is the whole stage, as "5" is: what a substage has, and what is joined in test_5_x_*.py.
  number="${stage%.x}"
  pattern="test_${number/./_}_*.py"
  while IFS= read -r -d '' file; do paths+=("$file"); done < <(find "tests/${kind:-}" -name "$pattern" -print0 | sort -z)
  [ ${#paths[@]} -gt 0 ] || die "no test carries stage $stage${kind:+ and kind $kind}. Files are named $pattern."
elif [ -n "$kind" ]; then
  paths=("tests/$kind")
fi
parallel=()
# Everything at once is long: five files at a time, on two cores too, for tests wait half of their time for servers,
# browsers and the disk; no more, for several have servers of their own. They come in the order of tests/conftest.py.
[ ${#paths[@]} -gt 0 ] || parallel=(--numprocesses 5 --dist loadfile --no-loadscope-reorder)
[ -z "$tools" ] || wait "$tools"
# What is wrong with a test is told by the run itself.
[ -z "$compiling" ] || wait $compiling || true
exec $bin/python -m pytest ${parallel[@]+"${parallel[@]}"} ${paths[@]+"${paths[@]}"} ${extra[@]+"${extra[@]}"}
