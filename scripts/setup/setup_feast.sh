#!/usr/bin/env bash
# Makes .venv/feast, an environment of Feast's own: Feast 0.67 wants prometheus-client below 0.25, the platform 0.26 or
# newer, so the two do not fit into one. The platform talks with it through src/movie_mlops/features/feast/worker.py.
# Safe to run twice: a second run sees that nothing changed and installs nothing.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/setup_own_environment.sh" feast
