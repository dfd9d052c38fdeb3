#!/usr/bin/env bash
# Makes .venv/evidently, an environment of Evidently's own: it wants pandas 2. 'movie-mlops bench drift' compares the same
# rows with it in the same run; no test needs it.
# Safe to run twice: a second run sees that nothing changed and installs nothing.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/setup_own_environment.sh" evidently
