#!/usr/bin/env bash
# Deploys production on this machine: builds the images and rolls them out, replica by replica, with no request dropped.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/deploy/deploy_production.sh [VERSION]

nginx, two replicas of the API, a worker, PostgreSQL and Redis (docker/docker-compose.production.yml). The first time,
secrets are made and the main job runs on MOVIE_MLOPS_SOURCE (default: sample) until there is a release. A version that
does not become ready is taken back by itself. VERSION is by default the package's, with the commit; a checkout with
changes that no commit has is refused, unless VERSION is named and its images are there.

  MOVIE_MLOPS_SECRETS   the folder of the secret files (default: data/secrets)
  MOVIE_MLOPS_PORT      where nginx answers on this machine (default: 8000)
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  -*) echo "deploy_production.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
esac
if [ -z "${1:-}" ] && [ -n "$(git -C "$here" status --porcelain)" ]; then
  echo "deploy_production.sh: the checkout has changes that no commit has: commit them, or take them away." >&2
  exit 1
fi
version="${1:-$("$here/scripts/deploy/print_version.sh")}"
export MOVIE_MLOPS_SECRETS="${MOVIE_MLOPS_SECRETS:-$here/data/secrets}"
"$here/scripts/setup/setup_secrets.sh" --files "$MOVIE_MLOPS_SECRETS"
"$here/scripts/deploy/prepare_images.sh" "$version" api worker
exec "$here/scripts/deploy/roll_out.sh" production "$version"
