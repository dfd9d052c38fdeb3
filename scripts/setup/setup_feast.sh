#!/usr/bin/env bash
# Makes .venv/feast, an environment of Feast's own: Feast 0.67 wants prometheus-client below 0.25, the platform 0.26 or
# newer, so the two do not fit into one. The platform talks with it through src/movie_mlops/features/feast/worker.py.
# Safe to run twice: a second run sees that nothing changed and installs nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

environment=.venv/feast
stamp="$environment/.installed"
state="$(sha256sum < requirements-feast.txt)"
[ "$(cat "$stamp" 2>/dev/null)" = "$state" ] && exit 0
[ -x .venv/bin/python ] || { echo "setup_feast.sh: there is no .venv. Run scripts/setup/setup_environment.sh first." >&2; exit 2; }

echo "Installing Feast into $environment …" >&2
rm -f "$stamp"
if [ -x .venv/bin/uv ]; then
  [ -x "$environment/bin/python" ] || .venv/bin/uv venv --quiet --python .venv/bin/python "$environment"
  .venv/bin/uv pip install --quiet --compile-bytecode --python "$environment/bin/python" --require-hashes -r requirements-feast.txt
else
  [ -x "$environment/bin/python" ] || .venv/bin/python -m venv "$environment"
  "$environment/bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-feast.txt
fi
echo "$state" > "$stamp"
