#!/usr/bin/env bash
# Prints the version of this checkout as deployments name it: the package's, with the commit.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

case "${1:-}" in
  '') ;;
  *) echo "Usage: scripts/deploy/print_version.sh"; echo; echo "Prints the package's version and the commit, such as 0.1.0-0123456789ab."; exit 0 ;;
esac
package="$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/pyproject.toml")"
echo "$package-$(git -C "$here" rev-parse --short=12 HEAD)"
