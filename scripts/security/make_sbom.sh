#!/usr/bin/env bash
# Writes what a release is made of (CycloneDX 1.6, JSON), from requirements.txt: every package with its version and hashes.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'END'
Usage: scripts/security/make_sbom.sh [FILE]

Writes to FILE (default: the standard output). Needs no network; the same requirements give the same bytes.
END
}

case "$#:${1:-}" in
  1:-h | 1:--help) usage; exit 0 ;;
  0:) file=- ;;
  1:-?* | 1:) echo "make_sbom.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
  1:*) file="$1" ;;
  *) usage >&2; exit 2 ;;
esac

"$here/scripts/setup/setup_environment.sh" dev
made="$(mktemp)"
trap 'rm -f "$made"' EXIT
# The warning is about the graph between packages, which a list of requirements does not tell.
PYTHONWARNINGS=ignore "$here/.venv/bin/cyclonedx-py" requirements --pyproject "$here/pyproject.toml" --mc-type application \
  --spec-version 1.6 --output-format JSON --output-reproducible --validate --output-file "$made" "$here/requirements.txt"
if [ "$file" = - ]; then cat "$made"; else cat "$made" >"$file"; fi
