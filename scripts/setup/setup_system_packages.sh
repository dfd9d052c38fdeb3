#!/usr/bin/env bash
# Installs Debian packages, as root or through sudo; says what to do where neither is possible.
#
#   scripts/setup/setup_system_packages.sh PACKAGE...
set -euo pipefail

if ! command -v apt-get >/dev/null; then
  echo "setup_system_packages.sh: $* not found and there is no apt-get. Install what your system calls them with its package manager." >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup_system_packages.sh: $* not found. Install them as root: apt-get install $*" >&2; exit 1; }
  sudo=(sudo)
fi
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
