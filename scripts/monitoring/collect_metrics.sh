#!/usr/bin/env bash
# Keeps what /metrics of the API says now, in a file of its own: what is looked at later must be there then.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/monitoring/collect_metrics.sh [--url URL] [--out FOLDER]

Writes metrics-<time, UTC>.prom, whole or not at all, and prints its path.

  --url URL      the API (default: http://127.0.0.1:8000)
  --out FOLDER   where to (default: reports/metrics in MOVIE_MLOPS_HOME, else in this checkout)
TEXT
}

die() { echo "collect_metrics.sh: $1" >&2; exit "${2:-1}"; }

url=http://127.0.0.1:8000 out="${MOVIE_MLOPS_HOME:-$here}/reports/metrics"
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --url) url="${2:?--url needs an address}"; shift 2 ;;
    --out) out="${2:?--out needs a folder}"; shift 2 ;;
    *) die "'$1' is not an option. See --help." 2 ;;
  esac
done
command -v curl >/dev/null || die "curl is not installed. Install it: scripts/setup/setup_system_packages.sh curl"

mkdir -p "$out"
file="$out/metrics-$(date -u +%Y%m%dT%H%M%S.%3NZ).prom"
part="$(mktemp "$out/.metrics.XXXXXX")"
trap 'rm -f "$part"' EXIT
curl --silent --fail --max-time 10 --output "$part" "${url%/}/metrics" || die "$url/metrics does not answer. Start the API: movie-mlops serve"
grep -q '^movie_mlops_' "$part" || die "$url/metrics is not that of a movie-mlops API. Give its address with --url."
chmod 644 "$part"
mv "$part" "$file"
echo "$file"
