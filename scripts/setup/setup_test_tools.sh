#!/usr/bin/env bash
# Installs what the tests need beside Python: Chromium, for the page, and the font in which they measure it. Does nothing
# where they are already there.
set -euo pipefail

packages=()
command -v chromium >/dev/null || packages+=(chromium)
[ -d /usr/share/fonts/truetype/liberation ] || [ -d /usr/share/fonts/truetype/liberation2 ] || packages+=(fonts-liberation)
[ ${#packages[@]} -eq 0 ] && exit 0
exec "$(dirname "${BASH_SOURCE[0]}")/setup_system_packages.sh" "${packages[@]}"
