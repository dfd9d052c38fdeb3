#!/usr/bin/env bash
# Installs PyTorch into .venv: it trains the models 'vae' and 'sasrec'; what they answer with needs no PyTorch.
# It has no lock with hashes, because its build differs from machine to machine (CPU, CUDA): the version alone is pinned,
# in pyproject.toml (extra deep) and in requirements-deep.txt. Safe to run twice: a second run installs nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

[ -x .venv/bin/python ] || { echo "setup_deep.sh: there is no .venv. Run scripts/setup/setup_environment.sh first." >&2; exit 2; }
stamp=.venv/.deep
state="$(sha256sum < requirements-deep.txt)"
if [ "$(cat "$stamp" 2>/dev/null)" = "$state" ] && .venv/bin/python -c 'import importlib.util as u, sys; sys.exit(u.find_spec("torch") is None)'; then
  exit 0
fi
echo "Installing PyTorch into .venv (about a minute, 200 MB and more) …" >&2
rm -f "$stamp"
if .venv/bin/python -m pip --version >/dev/null 2>&1; then
  .venv/bin/python -m pip --disable-pip-version-check install --quiet -r requirements-deep.txt
else
  VIRTUAL_ENV=.venv uv pip install --quiet -r requirements-deep.txt
fi
echo "$state" > "$stamp"
