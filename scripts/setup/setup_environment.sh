#!/usr/bin/env bash
# Makes .venv with everything pinned in requirements.txt (or requirements-dev.txt), and .env with fresh secrets.
# Safe to run twice: a second run sees that nothing changed and installs nothing.
#
#   scripts/setup/setup_environment.sh [platform|dev]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

wanted="${1:-platform}"
case "$wanted" in
  platform) requirements=requirements.txt ;;
  dev) requirements=requirements-dev.txt ;;
  *) echo "setup_environment.sh: '$wanted' is not an environment. Use 'platform' or 'dev'." >&2; exit 2 ;;
esac

# The stamp says what was installed; it is written last, so a broken install is done again.
stamp=.venv/.installed
state="$(cat pyproject.toml requirements.txt requirements-dev.txt | sha256sum | cut -d' ' -f1)"
if [ -x .venv/bin/movie-mlops ] && { [ "$(cat "$stamp" 2>/dev/null)" = "$wanted $state" ] || [ "$(cat "$stamp" 2>/dev/null)" = "dev $state" ]; }; then
  exec scripts/setup/setup_secrets.sh
fi

find_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  echo "setup_environment.sh: no Python 3.11, 3.12 or 3.13 was found. Install one (on Debian: apt-get install python3 python3-venv), then run this again." >&2
  exit 1
}

python="$(find_python)"
echo "Installing the $wanted environment into .venv (about a minute the first time) …" >&2
rm -f "$stamp"
scripts/setup/setup_system_libraries.sh "$wanted"
pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet)
uv="$(command -v uv || true)"
if [ -n "$uv" ]; then
  [ -x .venv/bin/python ] || "$uv" venv --quiet --python "$python" .venv
else
  if [ ! -x .venv/bin/python ] && ! "$python" -m venv .venv; then
    rm -rf .venv
    echo "setup_environment.sh: $python cannot make a virtual environment. Install the venv module (on Debian: apt-get install python3-venv), then run this again." >&2
    exit 1
  fi
  # One of the tools of development installs the others in a third of the time.
  if [ "$wanted" = dev ]; then
    "${pip[@]}" --require-hashes -r <(sed -n '/^uv==/,/[^\\]$/p' "$requirements")
    uv=.venv/bin/uv
  fi
fi
if [ -n "$uv" ]; then
  export VIRTUAL_ENV=.venv
  "$uv" pip install --quiet --compile-bytecode --require-hashes -r "$requirements"
  "$uv" pip install --quiet --no-deps --no-build-isolation -e .
else
  "${pip[@]}" --require-hashes -r "$requirements"
  "${pip[@]}" --no-deps --no-build-isolation -e .
fi
# Compiled once now, so that the first command is as quick as the second.
.venv/bin/python -m compileall -q src >/dev/null || true
echo "$wanted $state" > "$stamp"
exec scripts/setup/setup_secrets.sh
