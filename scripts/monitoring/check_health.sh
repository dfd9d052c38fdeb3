#!/usr/bin/env bash
# Asks the API whether it can answer with a model, and Alertmanager whether it lives and what fires.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/monitoring/check_health.sh [--url URL] [--alertmanager URL | --no-alertmanager]

Prints a line for each, and what fires. Exit code 0: all is well; 1: something is not, or something fires.

  --url URL            the API (default: http://127.0.0.1:8000)
  --alertmanager URL   Alertmanager (default: http://127.0.0.1:9093)
  --no-alertmanager    there is none
TEXT
}

die() { echo "check_health.sh: $1" >&2; exit "${2:-1}"; }

url=http://127.0.0.1:8000 alertmanager=http://127.0.0.1:9093
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --url) url="${2:?--url needs an address}"; shift 2 ;;
    --alertmanager) alertmanager="${2:?--alertmanager needs an address}"; shift 2 ;;
    --no-alertmanager) alertmanager=''; shift ;;
    *) die "'$1' is not an option. See --help." 2 ;;
  esac
done
command -v curl >/dev/null || die "curl is not installed. Install it: scripts/setup/setup_system_packages.sh curl"

# Each dependency that is not as it should be, with its reason and the next step.
dependencies() {
  "$python" -c 'import json, sys
for one in json.load(sys.stdin)["dependencies"]:
    if one["state"] != "ok":
        print("  {name} ({state}): {reason} {next_step}".format(**one))'
}
python="$here/.venv/bin/python"
[ -x "$python" ] || python=python3

well=true
answer="$(curl --silent --max-time 5 --write-out '\n%{http_code}' "${url%/}/readyz")" || true
case "${answer##*$'\n'}" in
  200)
    if [[ "$answer" == *'"status":"ready"'* ]]; then echo "$url answers with a model."
    else
      echo "$url answers with a model, but something it depends on is not as it should be:"
      dependencies <<<"${answer%$'\n'*}" || die "$url said at /readyz what nobody understands. Is it a movie-mlops API?"
      well=false
    fi ;;
  503) echo "$url answers without a model: release one with 'movie-mlops run'."; well=false ;;
  000) echo "$url does not answer: start it with 'movie-mlops serve'."; well=false ;;
  *) echo "$url is no movie-mlops API: /readyz answered ${answer##*$'\n'}."; well=false ;;
esac

if [ -n "$alertmanager" ]; then
  if ! curl --silent --fail --max-time 5 --output /dev/null "${alertmanager%/}/-/ready"; then
    echo "$alertmanager does not answer: nobody is told what goes wrong (--no-alertmanager where there is none)."
    well=false
  else
    command -v amtool >/dev/null || die "amtool is not installed. Install it: scripts/setup/setup_prometheus.sh"
    firing="$(amtool --alertmanager.url="$alertmanager" --output=simple alert query --active)" \
      || die "$alertmanager could not be asked what fires."
    if [ "$(wc -l <<<"$firing")" -gt 1 ]; then echo "$firing"; well=false; else echo "Nothing fires."; fi
  fi
fi
$well
