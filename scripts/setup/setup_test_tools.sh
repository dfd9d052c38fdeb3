#!/usr/bin/env bash
# Installs what the tests start beside Python: Chromium, for the page. Does nothing where it is already there.
set -euo pipefail

packages=()
command -v chromium >/dev/null || packages+=(chromium)
[ ${#packages[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup_test_tools.sh: ${packages[*]} not found and there is no apt-get. Install them with your system's package manager." >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup_test_tools.sh: ${packages[*]} not found. Install them as root: apt-get install ${packages[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
"${sudo[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
