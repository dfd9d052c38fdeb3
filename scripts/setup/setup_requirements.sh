#!/usr/bin/env bash
# Resolves requirements.txt, requirements-dev.txt, requirements-feast.txt, requirements-rivals.txt, requirements-evidently.txt, requirements-servers.txt, requirements-airflow.txt and requirements-spark.txt, pinned with hashes for every platform, from pyproject.toml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

lock() {
  .venv/bin/uv pip compile --quiet pyproject.toml "${@:2}" --universal --generate-hashes --python-version 3.11 \
    --custom-compile-command scripts/setup/setup_requirements.sh --output-file "$1"
}
lock requirements.txt --extra build --extra platform --extra postgres --extra redis --extra kafka --extra tracing --extra tune
lock requirements-dev.txt --extra build --extra platform --extra compiled --extra postgres --extra redis --extra kafka --extra tracing --extra tune --extra dev
lock requirements-feast.txt --extra feast
lock requirements-rivals.txt --extra rivals
lock requirements-evidently.txt --extra evidently
lock requirements-servers.txt --extra servers
lock requirements-airflow.txt --extra airflow
lock requirements-spark.txt --extra spark
