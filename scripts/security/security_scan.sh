#!/usr/bin/env bash
# Scans the project: code that runs data, Bandit, secrets in the tree and in git's history, locks, licences, container
# files; and lists what a release is made of. Needs no network once the environment is there.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'END'
Usage: scripts/security/security_scan.sh [--check NAME]... [--sarif FILE] [--sbom FILE] [--json]

Exit code 1 where something was found. Without --check all of lint, bandit, secret, lock, licence, container are looked at.
--sarif FILE: write the findings as SARIF 2.1.0 too, as code hosts read it. --sbom FILE: write what a release is made of too.
What is accepted, with its reason, is in config/security-scan.yaml. Known vulnerabilities of packages are not looked up, for
that needs a network: 'uv tool run pip-audit -r requirements.txt' does where there is one.
END
}

die() { echo "security_scan.sh: $1" >&2; exit 2; }

options=() sbom=""
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --json) options+=("$1"); shift ;;
    --check | --sarif | --sbom)
      [ $# -ge 2 ] || die "$1 needs a value."
      if [ "$1" = --sbom ]; then sbom="$2"; else options+=("$1" "$2"); fi
      shift 2 ;;
    *) die "'$1' is not an option. See --help." ;;
  esac
done

"$here/scripts/setup/setup_environment.sh" dev
[ -z "$sbom" ] || "$here/scripts/security/make_sbom.sh" "$sbom"
exec "$here/.venv/bin/movie-mlops" security scan "$here" ${options[@]+"${options[@]}"}
