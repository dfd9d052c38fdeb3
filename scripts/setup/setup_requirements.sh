#!/usr/bin/env bash
# Resolves requirements.txt and requirements-dev.txt, pinned with hashes for every platform, from pyproject.toml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

lock() {
  .venv/bin/uv pip compile --quiet pyproject.toml "${@:2}" --extra build --universal --generate-hashes --python-version 3.11 \
    --custom-compile-command scripts/setup/setup_requirements.sh --output-file "$1"
}
lock requirements.txt --extra platform
lock requirements-dev.txt --extra platform --extra redis --extra dev
