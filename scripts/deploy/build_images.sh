#!/usr/bin/env bash
# Builds every image of docker/dockerfiles/ once, for a release: archives, what they are made of, and the sums of both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
  cat <<'END'
Usage: scripts/deploy/build_images.sh [--tag TAG] DIR

Makes in DIR, which must be empty or absent:

  movie-mlops-ROLE-VERSION.tar   the image of each docker/dockerfiles/Dockerfile.ROLE
  sbom.cdx.json                  what it is made of (scripts/security/make_sbom.sh)
  SHA256SUMS                     of all of them

  --tag TAG   the tag that is released; it must be 'v' and the version in pyproject.toml

What is tested and published later are these very archives: nothing is built twice.
END
}

die() { echo "build_images.sh: $1" >&2; exit "${2:-1}"; }

tag='' folder=''
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --tag) [ $# -ge 2 ] || die "--tag needs a tag such as v1.2.0." 2; tag="$2"; shift 2 ;;
    -*) die "'$1' is not an option. See --help." 2 ;;
    *) [ -z "$folder" ] || die "one folder is enough. See --help." 2; folder="$1"; shift ;;
  esac
done
[ -n "$folder" ] || die "name the folder to write to. See --help." 2
[ ! -d "$folder" ] || [ -z "$(ls -A "$folder")" ] || die "$folder is not empty. Name another folder, or empty it."

version="$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)"
[ -z "$tag" ] || [ "$tag" = "v$version" ] || die "the tag is $tag, and pyproject.toml says $version. Tag v$version, or change the version first."

engine="$(scripts/deploy/find_engine.sh)"
# podman's own format has no place for a health check; and it tells each layer that it writes.
format=() quiet=()
if [ "$engine" = podman ]; then format=(--format docker) quiet=(--quiet); fi
mkdir -p "$folder"
for file in docker/dockerfiles/Dockerfile.*; do
  image="movie-mlops-${file##*.}:$version"
  echo "Building $image with $engine …" >&2
  # An image of ours may stand on another one, of the same version.
  $engine build ${format[@]+"${format[@]}"} --quiet --build-arg "BASE=movie-mlops-api:$version" --file "$file" --tag "$image" . >&2
  $engine save --output "$folder/${image/:/-}.tar" ${quiet[@]+"${quiet[@]}"} "$image" >&2
done
scripts/security/make_sbom.sh "$folder/sbom.cdx.json"
(cd "$folder" && sha256sum -- * >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
cat "$folder/SHA256SUMS"
