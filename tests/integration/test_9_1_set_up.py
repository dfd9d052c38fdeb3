"""``setup_event_driven.sh`` with the real event log, on this disk."""

import subprocess
import sys
from pathlib import Path

import pytest

from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.state import Database, StateConfig
from tests.conftest import REPOSITORY
from tests.fixtures.stage_2.interactions import did


def set_up(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = folder / "checkout" / "scripts" / "setup" / "setup_event_driven.sh"
    if not script.exists():
        script.parent.mkdir(parents=True)
        script.write_bytes((REPOSITORY / "scripts" / "setup" / script.name).read_bytes())
        script.chmod(0o755)
        (script.parent / "setup_environment.sh").write_text("#!/bin/sh\n")
        (script.parent / "setup_environment.sh").chmod(0o755)
        python = folder / "checkout" / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(REPOSITORY / "src"),
        "MOVIE_MLOPS_HOME": str(folder / "home"),
    }
    return subprocess.run([script, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_the_log_is_ready_and_keeps_what_it_has(tmp_path: Path) -> None:
    """Set up twice, the log is the one that was there, with its events; the trial on the disk leaves nothing behind."""
    done = set_up(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the event log of sample holds 0 events" in done.stderr
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'home' / 'data' / 'state' / 'sample.db'}"))
    EventLog(database, Histories(database), FeedbackConfig()).append([did("ann", 1, "like")])
    database.close()
    assert "the event log of sample holds 1 events" in set_up(tmp_path).stderr
    assert "the event log of other holds 0 events" in set_up(tmp_path, "other").stderr
    state = tmp_path / "home" / "data" / "state"
    assert {path.name for path in state.iterdir() if path.suffix == ".db" or path.is_dir()} == {"sample.db", "other.db"}


def test_a_disk_that_cannot_keep_events_is_told(tmp_path: Path) -> None:
    """Where the state cannot be written, the set-up fails and says where to look."""
    (tmp_path / "home" / "data").mkdir(parents=True)
    (tmp_path / "home" / "data" / "state").write_text("a file where a folder should be")
    done = set_up(tmp_path)
    assert done.returncode == 1
    assert "data/state" in done.stderr
