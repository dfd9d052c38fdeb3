#!/usr/bin/env bash
# Makes .venv/servers, an environment of the other servers' own: MLflow, BentoML, LitServe, Ray Serve, and FastAPI with NumPy.
# 'movie-mlops bench serve --rivals' has them answer the same questions, in the same run. It takes about a gigabyte.
# Safe to run twice: a second run sees that nothing changed and installs nothing.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/setup_own_environment.sh" servers
