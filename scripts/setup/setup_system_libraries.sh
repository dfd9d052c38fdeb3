#!/usr/bin/env bash
# Installs the system libraries that Python's packages expect to find: GNU OpenMP, for the training of iALS.
# Most systems have it; the smallest ones, such as container images, do not. Does nothing where it is already there.
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 0
libraries="$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p)"
case "$libraries" in *libgomp.so.1*) exit 0 ;; esac

if ! command -v apt-get >/dev/null; then
  echo "setup_system_libraries.sh: libgomp.so.1 was not found and there is no apt-get. Install GNU OpenMP (libgomp) with your system's package manager." >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup_system_libraries.sh: libgomp.so.1 was not found. Install it as root: apt-get install libgomp1" >&2; exit 1; }
  sudo=(sudo)
fi
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libgomp1 >/dev/null
