#!/usr/bin/env bash
# Starts each image of a release, hardened and with no way out, and waits until it says that it is healthy.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

usage() {
  cat <<'END'
Usage: scripts/deploy/check_images.sh [--within SECONDS] [--largest MB] DIR

Holds the archives in DIR (scripts/deploy/build_images.sh made them) against SHA256SUMS, loads them, and starts each with
its own command: read-only, without rights, without a network. It must be healthy by its own health check, and then still
run as a user who is not root. An image that is too large, or has no health check, is refused before it is started.
Containers that it started are removed again.

  --within SECONDS   how long a start may take (default: 600; the first start trains a model)
  --largest MB       how large an image may be, unpacked, in millions of bytes (default: 900)
END
}

die() { echo "check_images.sh: $1" >&2; exit "${2:-1}"; }

within=600 largest=900 folder=''
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --within) case "${2:-}" in '' | *[!0-9]*) die "--within needs a number of seconds." 2 ;; esac; within="$2"; shift 2 ;;
    --largest) case "${2:-}" in '' | *[!0-9]*) die "--largest needs a number of megabytes." 2 ;; esac; largest="$2"; shift 2 ;;
    -*) die "'$1' is not an option. See --help." 2 ;;
    *) [ -z "$folder" ] || die "one folder is enough. See --help." 2; folder="$1"; shift ;;
  esac
done
[ -n "$folder" ] || die "name the folder of the release. See --help." 2
[ -r "$folder/SHA256SUMS" ] || die "$folder has no SHA256SUMS. Make a release: scripts/deploy/build_images.sh $folder"

(cd "$folder" && sha256sum --quiet --strict --check SHA256SUMS) || die "what is in $folder is not what was built. Build it again."
engine="$("$here/find_engine.sh")"
container=''
remove() { [ -z "$container" ] || $engine rm --force --volumes "$container" >/dev/null 2>&1 || true; container=''; }
trap remove EXIT

# docker asks by itself; podman only where systemd does it, so there it is asked here.
healthy() {
  if [ "$engine" = podman ]; then podman healthcheck run "$container" >/dev/null 2>&1
  else [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ]; fi
}

# Each engine has a place of its own for it.
has_health_check() { # IMAGE
  local place='{{json .Config.Healthcheck}}'
  [ "$engine" = docker ] || place='{{json .HealthCheck}}'
  [ "$($engine image inspect --format "$place" "$1")" != null ]
}

running() { [ "$($engine inspect --format '{{.State.Running}}' "$container")" = true ]; }

check() { # IMAGE
  local user megabytes started=$SECONDS
  has_health_check "$1" || die "$1 has no health check, so that nobody could say whether it lives. Give its Dockerfile a HEALTHCHECK."
  # Rounded up: a byte too many is too many.
  megabytes=$((($($engine image inspect --format '{{.Size}}' "$1") + 999999) / 1000000))
  [ "$megabytes" -le "$largest" ] || die "$1 has $megabytes MB; $largest are the most. Look at what grew: $engine history $1"
  container="$($engine run --detach --init --read-only --tmpfs /tmp:size=1g,mode=1777 --cap-drop ALL --network none \
    --security-opt no-new-privileges --memory 4g --pids-limit 256 "$1")"
  until healthy; do
    running || { $engine logs --tail 20 "$container" >&2; die "$1 ended before it was healthy; its last lines are above."; }
    [ $((SECONDS - started)) -lt "$within" ] || { $engine logs --tail 20 "$container" >&2; die "$1 was not healthy within $within s; its last lines are above."; }
    sleep 1
  done
  user="$($engine exec "$container" id -u)"
  [ "$user" != 0 ] || die "$1 runs as root."
  echo "$1 has $megabytes MB and is healthy after $((SECONDS - started)) s, as user $user." >&2
  remove
}

found=0
for archive in "$folder"/*.tar; do
  [ -e "$archive" ] || continue
  name="$(basename "$archive" .tar)"
  $engine load --quiet --input "$archive" >/dev/null
  check "${name%-*}:${name##*-}"
  found=$((found + 1))
done
[ $found -gt 0 ] || die "$folder holds no image."
