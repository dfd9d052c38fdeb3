#!/usr/bin/env bash
# Sets up stage 9, the event-driven parts: the event log of a data set, on a disk that keeps what is acknowledged.
# Safe to run twice.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

usage() {
  cat <<'TEXT'
Usage: scripts/setup/setup_event_driven.sh [DATASET]

Makes the environment, tries on the disk of the state database whether an event that is acknowledged can be read by
another process (some network disks cannot do that), and makes the event log of DATASET (default: sample) ready.
TEXT
}

dataset=sample
case "${1:-}" in
  '') ;;
  -h | --help) usage; exit 0 ;;
  -*) echo "setup_event_driven.sh: '$1' is not an option. See --help." >&2; exit 2 ;;
  *) dataset="$1" ;;
esac

"$here/scripts/setup/setup_environment.sh" platform
home="${MOVIE_MLOPS_HOME:-$here}"
export MOVIE_MLOPS_ENV_FILE="${MOVIE_MLOPS_ENV_FILE:-$here/.env}"
mkdir -p "$home/data/state"
trial="$(mktemp -d "$home/data/state/trial.XXXXXX")"
trap 'rm -rf "$trial"' EXIT

# In the words of the rooms, so that what is tried is what will be used.
program='
import sys
from pathlib import Path
from movie_mlops.cli import door
from movie_mlops.core.nouns import Interaction, Kind, Workspace
from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.state import Database, StateConfig

place = sys.argv[1]
database = Database(StateConfig(place)) if "://" in place else door.database(Workspace(Path(sys.argv[2]), place))
log = EventLog(database, Histories(database), FeedbackConfig())
if sys.argv[2] == "append":
    log.append([Interaction("trial", "trial", 1, Kind.LIKE, None, None, "trial")])
print(log.count())
database.close()
'
python="$here/.venv/bin/python"
"$python" -c "$program" "sqlite:///$trial/state.db" append >/dev/null
if [ "$("$python" -c "$program" "sqlite:///$trial/state.db" read)" != 1 ]; then
  echo "setup_event_driven.sh: an event that one process wrote below $home/data/state is not there for another. Keep the state on a local disk: set MOVIE_MLOPS_HOME." >&2
  exit 1
fi
count="$("$python" -c "$program" "$dataset" "$home")"
echo "Stage 9 is set up: the event log of $dataset holds $count events. They come in through POST /v1/events of: movie-mlops serve" >&2
