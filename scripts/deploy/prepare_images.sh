#!/usr/bin/env bash
# Makes sure that the images of a version are on this machine: builds those that are not there.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/deploy/prepare_images.sh VERSION ROLE...

Builds movie-mlops-ROLE:VERSION from docker/dockerfiles/Dockerfile.ROLE where it is not there yet. Name api before
worker, which stands on it. To deploy what was released elsewhere, load its archives first.
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac
[ $# -ge 2 ] || { usage >&2; exit 2; }
version="$1"
shift

engine="$("$here/scripts/deploy/find_engine.sh")"
# podman's own format has no place for a health check.
format=()
[ "$engine" = docker ] || format=(--format docker)
for role in "$@"; do
  image="movie-mlops-$role:$version"
  ! $engine image inspect "$image" >/dev/null 2>&1 || continue
  echo "Building $image with $engine …" >&2
  $engine build ${format[@]+"${format[@]}"} --quiet --build-arg "BASE=movie-mlops-api:$version" \
    --file "$here/docker/dockerfiles/Dockerfile.$role" --tag "$image" "$here" >/dev/null
done
