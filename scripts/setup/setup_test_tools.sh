#!/usr/bin/env bash
# Installs what the tests need beside Python: Feast, Airflow and the rivals of the evaluation in environments of their own,
# PyTorch, PySpark, Java, Node.js, the TypeScript client and axe-core; git, Chromium with the font in which the page is measured, nginx, a Redis
# and a PostgreSQL of their own, Prometheus and Alertmanager. Does nothing where they are already there.
set -euo pipefail

# An image installs the system's packages before there is an environment, and these afterwards. All wait for the network
# most of the time: they are installed at once.
here="$(dirname "${BASH_SOURCE[0]}")"
installing=()
if [ -x "$here/../../.venv/bin/python" ]; then
  "$here/setup_feast.sh" & installing+=($!)
  "$here/setup_airflow.sh" --no-database & installing+=($!)
  # One after the other: both install into .venv.
  { "$here/setup_deep.sh" && "$here/setup_spark.sh" --no-java; } & installing+=($!)
  "$here/setup_rivals.sh" & installing+=($!)
fi
# Whatever becomes of the system's packages, nothing goes on alone.
trap 'for one in ${installing[@]+"${installing[@]}"}; do wait "$one" || exit 1; done' EXIT

packages=()
command -v git >/dev/null || packages+=(git)
command -v npm >/dev/null || packages+=(nodejs npm)
command -v chromium >/dev/null || packages+=(chromium)
[ -d /usr/share/fonts/truetype/liberation ] || [ -d /usr/share/fonts/truetype/liberation2 ] || packages+=(fonts-liberation)
command -v redis-server >/dev/null || packages+=(redis-server)
command -v java >/dev/null || packages+=(default-jre-headless)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || packages+=(nginx-light)
if ! command -v initdb >/dev/null && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  # Its programs alone: unless it is told not to, Debian's package makes and starts a server for the whole machine.
  "$here/setup_system_packages.sh" postgresql-common
  sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  ${sudo[@]+"${sudo[@]}"} sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  packages+=(postgresql)
fi
[ ${#packages[@]} -eq 0 ] || "$here/setup_system_packages.sh" "${packages[@]}"
"$here/setup_prometheus.sh"
# With Node.js, which may have come just now.
[ ! -x "$here/../../.venv/bin/python" ] || { "$here/setup_typescript_client.sh"; "$here/setup_axe.sh"; }
