#!/usr/bin/env bash
# Looks through what operators did: whether the audit log is what was written, what was refused, and what was done lately.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'END'
Usage: scripts/security/access_audit.sh [--since TIME] [--head SEAL] [--home FOLDER] [--dataset NAME]

Holds every entry of the audit log, every release and every move of roll-outs against its seal, then lists what was refused
and what was done, since TIME (default: everything, at most 100 of each). SEAL is the newest seal that was noted before.
Exit code 1 where something was changed, removed or inserted.
END
}

die() { echo "access_audit.sh: $1" >&2; exit 2; }

where=() since=() head=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --since | --head | --home | --dataset)
      [ $# -ge 2 ] || die "$1 needs a value."
      case "$1" in --since) since=("$1" "$2") ;; --head) head=("$1" "$2") ;; *) where+=("$1" "$2") ;; esac
      shift 2 ;;
    *) die "'$1' is not an option. See --help." ;;
  esac
done

command="$here/.venv/bin/movie-mlops"
[ -x "$command" ] || command="$(command -v movie-mlops)" || die "movie-mlops is not installed. Run scripts/setup/setup_environment.sh first."
movie_mlops() { "$command" "$@" ${where[@]+"${where[@]}"}; }

failed=0
echo "== audit log"; movie_mlops security audit verify ${head[@]+"${head[@]}"} || failed=1
echo "== ledger";    movie_mlops release verify || failed=1
echo "== refused";   movie_mlops security audit search --outcome refused ${since[@]+"${since[@]}"} || failed=1
echo "== done";      movie_mlops security audit search --outcome "done" ${since[@]+"${since[@]}"} || failed=1
exit "$failed"
