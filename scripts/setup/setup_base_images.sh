#!/usr/bin/env bash
# Makes the images that the Dockerfiles and Compose files name out of Debian's own packages, for a machine that cannot
# pull images. They have Debian 12's versions (of Python, Redis) where the official ones have newer; use those where you
# can. Needs root, debootstrap, and podman or docker. Makes only what is not there yet.
#
#   scripts/setup/setup_base_images.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

die() { echo "setup_base_images.sh: $1" >&2; exit 1; }

python="$(sed -n 's/^FROM \([^ ]*\).*/\1/p' Dockerfile.dev)"
if docker info >/dev/null 2>&1; then engine=docker
elif podman info >/dev/null 2>&1; then engine=podman
else die "neither docker nor podman answers: install one of them, and start docker's daemon if it is docker."; fi

has() { $engine image inspect "$1" >/dev/null 2>&1; }

# One server on the base: its packages, and no more than the Compose files ask of the official image.
server() { # IMAGE PACKAGES [FOLDER WITH MORE INSTRUCTIONS]
  echo "Making $1 from Debian packages …" >&2
  local folder="${3:-$(mktemp -d)}"
  {
    echo "FROM $python"
    echo "RUN apt-get update -qq && apt-get install -qq --yes --no-install-recommends $2 && rm -rf /var/lib/apt/lists/*"
    [ ! -f "$folder/more" ] || cat "$folder/more"
  } > "$folder/Dockerfile"
  $engine build --quiet --tag "$1" "$folder" >/dev/null
  rm -rf "$folder"
  echo "$1 is made." >&2
}

# As the official image does it: an empty folder becomes a cluster with the user, the password and the database.
postgres_parts() {
  local folder
  folder="$(mktemp -d)"
  cat > "$folder/start-postgres" <<'END'
#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --encoding=UTF8 --locale=C.UTF-8 --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --auth-local=trust
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
fi
# Its socket where every engine lets everybody write: some make the official place anew, for root alone.
exec "$@" -D "$PGDATA" -c unix_socket_directories=/tmp
END
  cat > "$folder/more" <<'END'
COPY --chmod=755 start-postgres /usr/local/bin/
RUN groupmod --gid 999 postgres && usermod --uid 999 --gid 999 postgres \
    && install --directory --owner=999 --group=999 /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
ENTRYPOINT ["start-postgres"]
END
  echo "$folder"
}

make_servers() {
  local image
  while read -r image; do
    has "$image" && continue
    case "$image" in
      nginx:*) server "$image" "nginx curl" ;;
      postgres:*) server "$image" postgresql-15 "$(postgres_parts)" ;;
      redis:*) server "$image" redis-server ;;
      # The other Compose files need none of them.
      *) echo "$image is left out: it must be pulled." >&2 ;;
    esac
  done < <(sed -n 's/^ *image: \([^ ]*\).*/\1/p' docker/docker-compose.*.yml | grep -v '^movie-mlops-' | sort -u)
}

if has "$python"; then
  make_servers
  echo "All images are there." >&2
  exit 0
fi
command -v debootstrap >/dev/null || die "debootstrap was not found: install it (on Debian: apt-get install debootstrap)."
[ "$(id -u)" -eq 0 ] || die "debootstrap must be run as root: sudo $0"

# Beside the other things the system makes, because a file system mounted without devices cannot hold a Debian.
root="$(mktemp -d /var/tmp/movie-mlops-base.XXXXXX)"
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

echo "Making $python from Debian packages (some minutes) …" >&2
# Environments bring their own pip.
packages=ca-certificates,netbase,tzdata,python3,python3-venv
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
# Nor documents, manuals and translations; nor do packages that come later bring any.
cat >"$root/etc/dpkg/dpkg.cfg.d/no-documents" <<'END'
path-exclude /usr/share/doc/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
END
rm -rf "$root"/usr/share/{doc,info,locale,man}/*
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/debconf/*-old

tar --numeric-owner -C "$root" -c . | $engine import --change 'CMD ["python3"]' - "$python" >/dev/null
echo "$python is made." >&2
make_servers
