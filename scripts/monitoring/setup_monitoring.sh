#!/usr/bin/env bash
# Sets up stage 6, monitoring: what checks the rules, rules, routes and dashboards that are sound, and the secrets that the
# containers of docker/docker-compose.monitoring.yml read. Starts nothing. Safe to run twice.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/monitoring/setup_monitoring.sh [--webhook-file FILE] [--secrets FOLDER]

Makes the environment, installs promtool and amtool where they are not there (and starts no server), and checks the rules,
the settings of Prometheus and Alertmanager, and the dashboards. With --webhook-file it also writes what the containers
need: alert_webhook_url from the first line of FILE, and a password for Grafana where there is none yet.

  --webhook-file FILE   holds the address of a webhook as Slack has it; - for the standard input
  --secrets FOLDER      where secrets are (default: data/secrets)
TEXT
}

die() { echo "setup_monitoring.sh: $1" >&2; exit "${2:-1}"; }

webhook='' secrets="${MOVIE_MLOPS_SECRETS:-$here/data/secrets}"
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --webhook-file) webhook="${2:?--webhook-file needs a file}"; shift 2 ;;
    --secrets) secrets="${2:?--secrets needs a folder}"; shift 2 ;;
    *) die "'$1' is not an option. See --help." 2 ;;
  esac
done

# An address is a secret: on a command line everybody on the machine could read it.
if [ -n "$webhook" ]; then
  [ "$webhook" != - ] || webhook=/dev/stdin
  address="$(head -n 1 "$webhook")" || die "$webhook cannot be read. Write the webhook's address into it."
  [[ "$address" =~ ^https?://[^[:space:]]+$ ]] || die "the first line of --webhook-file is no address such as https://host/path."
fi

"$here/scripts/setup/setup_environment.sh" platform
"$here/scripts/setup/setup_prometheus.sh"
told="$(promtool check rules "$here"/config/monitoring/rules/*.yml 2>&1)" || die "a rule cannot be used: $told"
told="$(promtool check config --syntax-only "$here/docker/configs/prometheus.yml" 2>&1)" || die "prometheus.yml cannot be used: $told"
told="$(amtool check-config "$here/docker/configs/alertmanager.yml" 2>&1)" || die "alertmanager.yml cannot be used: $told"
(cd "$here" && .venv/bin/movie-mlops monitor dashboards --check)

if [ -n "$webhook" ]; then
  mkdir -p "$secrets"
  chmod 700 "$secrets"
  # Only its owner enters the folder; in a container somebody else reads the files.
  keep() { printf '%s' "$2" > "$secrets/$1.new"; chmod 444 "$secrets/$1.new"; mv -f "$secrets/$1.new" "$secrets/$1"; }
  keep alert_webhook_url "$address"
  [ -s "$secrets/grafana_admin_password" ] || keep grafana_admin_password "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
  echo "Start it: MOVIE_MLOPS_SECRETS=$secrets docker compose -f docker/docker-compose.monitoring.yml up -d" >&2
fi
echo "Stage 6 is set up. Without containers: .venv/bin/movie-mlops monitor watch" >&2
