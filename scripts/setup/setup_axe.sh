#!/usr/bin/env bash
# Installs axe-core into .venv/axe: one file that finds what shuts people out of a page; the tests in a browser run it.
# Safe to run twice: a second run installs nothing. Without npm it says so and leaves it: those tests are skipped then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=4.14.1
sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5

target=.venv/axe
[ -d .venv ] || { echo "setup_axe.sh: there is no .venv. Run scripts/setup/setup_environment.sh first." >&2; exit 2; }
[ "$(cat "$target/version" 2>/dev/null)" = "$version" ] && [ -f "$target/axe.min.js" ] && exit 0
command -v npm >/dev/null || { echo "setup_axe.sh: there is no npm, so axe-core is not installed and the tests that need it are skipped." >&2; exit 0; }
echo "Installing axe-core $version into $target …" >&2
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && npm pack --silent "axe-core@$version" >/dev/null)
echo "$sha512  $folder/axe-core-$version.tgz" | sha512sum --check --quiet
tar -xzf "$folder/axe-core-$version.tgz" -C "$folder" package/axe.min.js package/LICENSE
mkdir -p "$target"
mv "$folder/package/axe.min.js" "$folder/package/LICENSE" "$target/"
echo "$version" > "$target/version"
