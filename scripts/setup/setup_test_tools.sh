#!/usr/bin/env bash
# Installs what the tests need beside Python: Feast and Airflow in environments of their own; git, Chromium with the font
# in which the page is measured, and a Redis of their own. Does nothing where they are already there.
set -euo pipefail

# An image installs the system's packages before there is an environment, and these afterwards.
here="$(dirname "${BASH_SOURCE[0]}")"
if [ -x "$here/../../.venv/bin/python" ]; then
  "$here/setup_feast.sh"
  "$here/setup_airflow.sh" --no-database
fi

packages=()
command -v git >/dev/null || packages+=(git)
command -v chromium >/dev/null || packages+=(chromium)
[ -d /usr/share/fonts/truetype/liberation ] || [ -d /usr/share/fonts/truetype/liberation2 ] || packages+=(fonts-liberation)
command -v redis-server >/dev/null || packages+=(redis-server)
[ ${#packages[@]} -eq 0 ] && exit 0
exec "$here/setup_system_packages.sh" "${packages[@]}"
