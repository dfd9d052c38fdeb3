#!/usr/bin/env bash
# Pushes the images of a signed release to a registry.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

usage() {
  cat <<'END'
Usage: scripts/deploy/publish_images.sh [--dry-run] PUBLIC_KEY DIR REGISTRY

Checks the signature of DIR (scripts/deploy/sign_release.sh), loads its archives and pushes them to REGISTRY, such as
ghcr.io/owner. Nothing unsigned, altered or built elsewhere is pushed. Signs in with the variables REGISTRY_USER and
REGISTRY_TOKEN where they are set.

  --dry-run   says what would be pushed
END
}

die() { echo "publish_images.sh: $1" >&2; exit "${2:-1}"; }

dry=false
case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  --dry-run) dry=true; shift ;;
  -*) die "'$1' is not an option. See --help." 2 ;;
esac
[ $# -eq 3 ] || die "name the public key, the folder of the release and the registry. See --help." 2
# A registry's names are in lower case; the name of an owner need not be.
key="$1" folder="$2" registry="${3,,}"

"$here/sign_release.sh" --verify "$key" "$folder"
images=()
for archive in "$folder"/*.tar; do
  [ -e "$archive" ] || die "$folder holds no image."
  name="$(basename "$archive" .tar)"
  images+=("${name%-*}:${name##*-}")
done
if $dry; then printf "would push $registry/%s\n" "${images[@]}"; exit 0; fi

engine="$("$here/find_engine.sh")"
if [ -n "${REGISTRY_TOKEN:-}" ]; then
  # Through the standard input, so that no list of processes shows it.
  $engine login --username "${REGISTRY_USER:?is missing beside REGISTRY_TOKEN}" --password-stdin "${registry%%/*}" <<<"$REGISTRY_TOKEN" >&2
  trap '$engine logout "${registry%%/*}" >/dev/null 2>&1 || true' EXIT
fi
# podman asks for TLS on this machine too, docker does not.
plain=()
case "$engine:$registry" in podman:localhost:* | podman:127.0.0.1:*) plain=(--tls-verify=false) ;; esac
for image in "${images[@]}"; do
  $engine load --quiet --input "$folder/${image/:/-}.tar" >/dev/null
  $engine tag "$image" "$registry/$image"
  $engine push ${plain[@]+"${plain[@]}"} --quiet "$registry/$image" >&2
  echo "$registry/$image"
done
