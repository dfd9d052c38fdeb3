#!/usr/bin/env bash
# Installs Prometheus and Alertmanager with promtool and amtool, which hold the rules and the routes to what they promise.
# Nothing is started. Does nothing where they are already there.
set -euo pipefail

case "${1:-}" in
  '') ;;
  -h | --help) sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) echo "setup_prometheus.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
esac

packages=()
command -v promtool >/dev/null || packages+=(prometheus)
command -v amtool >/dev/null || packages+=(prometheus-alertmanager)
[ ${#packages[@]} -gt 0 ] || exit 0
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
if command -v apt-get >/dev/null; then
  # Their programs alone: Debian's packages start servers for the whole machine, unless these are masked.
  ${sudo[@]+"${sudo[@]}"} mkdir -p /etc/systemd/system
  for package in "${packages[@]}"; do
    ${sudo[@]+"${sudo[@]}"} ln -sf /dev/null "/etc/systemd/system/$package.service"
  done
fi
exec "$(dirname "${BASH_SOURCE[0]}")/setup_system_packages.sh" "${packages[@]}"
