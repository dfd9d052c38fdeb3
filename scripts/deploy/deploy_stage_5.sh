#!/usr/bin/env bash
# Deploys stage 5, model serving: builds the image and rolls it out, replica by replica, with no request dropped.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/deploy/deploy_stage_5.sh [VERSION]

Two replicas of the API behind nginx (docker/docker-compose.stage-5.yml). The first time, the main job runs on
MOVIE_MLOPS_SOURCE (default: sample) until there is a release. A version that does not become ready is taken back by
itself. VERSION is by default the package's, with the commit.

  MOVIE_MLOPS_PORT    where nginx answers on this machine (default: 8000)
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  -*) echo "deploy_stage_5.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
esac
version="${1:-$("$here/scripts/deploy/print_version.sh")}"
"$here/scripts/setup/setup_secrets.sh"
"$here/scripts/deploy/prepare_images.sh" "$version" api
exec "$here/scripts/deploy/roll_out.sh" stage-5 "$version"
