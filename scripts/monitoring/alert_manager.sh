#!/usr/bin/env bash
# Lists what fires, and silences it for a while, through Alertmanager's own amtool.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/monitoring/alert_manager.sh [--url URL] COMMAND

  list                                        what fires, and what is silenced
  silence ALERT --for 2h --comment "who, why" silence an alert (such as WorkerSilent) for so long
  silences                                    the silences that are in force
  expire ID                                   end a silence

  --url URL   Alertmanager (default: http://127.0.0.1:9093)
TEXT
}

die() { echo "alert_manager.sh: $1" >&2; exit "${2:-1}"; }

url=http://127.0.0.1:9093 words=() length='' comment=''
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --url) url="${2:?--url needs an address}"; shift 2 ;;
    --for) length="${2:?--for needs a time, such as 2h}"; shift 2 ;;
    --comment) comment="${2:?--comment needs words}"; shift 2 ;;
    -*) die "'$1' is not an option. See --help." 2 ;;
    *) words+=("$1"); shift ;;
  esac
done
[ ${#words[@]} -gt 0 ] || die "say what to do. See --help." 2
command -v amtool >/dev/null || die "amtool is not installed. Install it: scripts/setup/setup_prometheus.sh"

ask() { amtool --alertmanager.url="$url" "$@" || die "$url did not do it; its reason is above. Does it run? scripts/monitoring/check_health.sh"; }

case "${words[0]}" in
  list) ask alert query --active --silenced ;;
  silences) ask silence query ;;
  silence)
    [ ${#words[@]} -eq 2 ] || die "name one alert to silence. See --help." 2
    [[ "${words[1]}" =~ ^[A-Z][A-Za-z]+$ ]] || die "'${words[1]}' is no name of an alert, such as WorkerSilent." 2
    [[ "$length" =~ ^[1-9][0-9]*[mhd]$ ]] || die "say for how long, such as --for 2h." 2
    [ -n "$comment" ] || die "say who silences it, and why: --comment." 2
    ask silence add "alertname=${words[1]}" --duration="$length" --comment="$comment" --author="$(id -un)" ;;
  expire)
    [ ${#words[@]} -eq 2 ] || die "name one silence; 'silences' lists their ids." 2
    ask silence expire "${words[1]}"
    echo "Silence ${words[1]} is over." ;;
  *) die "'${words[0]}' is not a command. See --help." 2 ;;
esac
