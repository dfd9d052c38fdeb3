#!/usr/bin/env bash
# Makes .venv/NAME with what requirements-NAME.txt pins, for a program whose requirements do not fit together with ours.
# Safe to run twice: a second run sees that nothing changed and installs nothing.
#
#   scripts/setup/setup_own_environment.sh NAME
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

name="$1"
environment=".venv/$name"
requirements="requirements-$name.txt"
stamp="$environment/.installed"
state="$(sha256sum < "$requirements")"
[ "$(cat "$stamp" 2>/dev/null)" = "$state" ] && exit 0
[ -x .venv/bin/python ] || { echo "setup_$name.sh: there is no .venv. Run scripts/setup/setup_environment.sh first." >&2; exit 2; }

echo "Installing what $requirements pins into $environment …" >&2
rm -f "$stamp"
if [ -x .venv/bin/uv ]; then
  [ -x "$environment/bin/python" ] || .venv/bin/uv venv --quiet --python .venv/bin/python "$environment"
  .venv/bin/uv pip install --quiet --compile-bytecode --python "$environment/bin/python" --require-hashes -r "$requirements"
else
  [ -x "$environment/bin/python" ] || .venv/bin/python -m venv "$environment"
  "$environment/bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes -r "$requirements"
fi
echo "$state" > "$stamp"
