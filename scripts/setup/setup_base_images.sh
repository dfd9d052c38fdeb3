#!/usr/bin/env bash
# Makes the base image that the Dockerfiles name out of Debian's own packages, for a machine that cannot pull images.
# It has Debian 12's Python 3.11 where the official image has a newer 3.11; use the official one where you can.
# Needs root, debootstrap, and podman or docker. Does nothing where the image is already there.
#
#   scripts/setup/setup_base_images.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

die() { echo "setup_base_images.sh: $1" >&2; exit 1; }

image="$(sed -n 's/^FROM \([^ ]*\).*/\1/p' Dockerfile.dev)"
if docker info >/dev/null 2>&1; then engine=docker
elif podman info >/dev/null 2>&1; then engine=podman
else die "neither docker nor podman answers: install one of them, and start docker's daemon if it is docker."; fi

if $engine image inspect "$image" >/dev/null 2>&1; then
  echo "$image is already there." >&2
  exit 0
fi
command -v debootstrap >/dev/null || die "debootstrap was not found: install it (on Debian: apt-get install debootstrap)."
[ "$(id -u)" -eq 0 ] || die "debootstrap must be run as root: sudo $0"

# Beside the other things the system makes, because a file system mounted without devices cannot hold a Debian.
root="$(mktemp -d /var/tmp/movie-mlops-base.XXXXXX)"
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

echo "Making $image from Debian packages (some minutes) …" >&2
packages=ca-certificates,netbase,tzdata,python3,python3-pip,python3-venv
debootstrap --variant=minbase --include="$packages" bookworm "$root" >"$root.log" \
  || die "debootstrap failed; its last lines are: $(tail -n 3 "$root.log")"
rm -f "$root.log"

# The names under which the official image has its Python.
for name in python python3 python3.11; do ln -s /usr/bin/python3.11 "$root/usr/local/bin/$name"; done
# Certificates that this machine trusts beyond Debian's are trusted in the image too.
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
  cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
  chroot "$root" update-ca-certificates >/dev/null 2>&1
fi
# apt keeps no packages and no caches, as in the official image.
cat >"$root/etc/apt/apt.conf.d/no-caches" <<'END'
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };
END
chroot "$root" apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/debconf/*-old

tar --numeric-owner -C "$root" -c . | $engine import --change 'CMD ["python3"]' - "$image" >/dev/null
echo "$image is made." >&2
