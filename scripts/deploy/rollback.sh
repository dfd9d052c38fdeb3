#!/usr/bin/env bash
# Puts back the version that was deployed before, replica by replica, with no request dropped. The model is another
# matter: 'movie-mlops release rollback' goes back to the release before, in a second and without any deployment.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/deploy/rollback.sh [stage-5|production] [VERSION]

Rolls out the version before the present one (logs/deployments.tsv), or VERSION. Default: production.
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac
environment="${1:-production}" version="${2:-}"
journal="$here/logs/deployments.tsv"
if [ -z "$version" ]; then
  [ -f "$journal" ] || { echo "rollback.sh: nothing was deployed yet (there is no logs/deployments.tsv)." >&2; exit 1; }
  version="$(awk -F'\t' -v e="$environment" '
    $2 == e && $4 == "deployed" && $3 != now { before = now; now = $3 } END { print before }' "$journal")"
  [ -n "$version" ] || { echo "rollback.sh: $environment has had one version only; there is none before it." >&2; exit 1; }
fi
export MOVIE_MLOPS_SECRETS="${MOVIE_MLOPS_SECRETS:-$here/data/secrets}"
exec "$here/scripts/deploy/roll_out.sh" "$environment" "$version"
