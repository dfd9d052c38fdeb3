#!/usr/bin/env bash
# Makes .venv/rivals, an environment of RecTools', ranx's and Evidently's own: they want numpy 1 and pandas 2, the
# platform numpy 2. 'movie-mlops bench evaluate' judges the same lists with the first two, and 'bench drift' the same
# rows with the last, in the same run.
# Safe to run twice: a second run sees that nothing changed and installs nothing.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/setup_own_environment.sh" rivals
