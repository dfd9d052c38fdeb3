#!/usr/bin/env bash
# Installs what the tests need beside Python: Chromium, for the page, and the font in which they measure it. Does nothing
# where they are already there.
set -euo pipefail

packages=()
command -v chromium >/dev/null || packages+=(chromium)
[ -d /usr/share/fonts/truetype/liberation ] || [ -d /usr/share/fonts/truetype/liberation2 ] || packages+=(fonts-liberation)
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
