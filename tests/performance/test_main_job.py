"""The benchmark of the main job, end to end: the real command on the sample, and a run that fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

COMMAND = [sys.executable, "-m", "movie_mlops", "bench", "main-job"]


def bench(*options: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(REPOSITORY / "src"), "MOVIE_MLOPS_HOME": str(home)}
    return subprocess.run([*COMMAND, *options], cwd=home, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_the_command_measures_whole_runs(tmp_path: Path) -> None:
    """A fresh home to a release, a second run, and the page of a third: each as a process, with memory and seconds."""
    done = bench("--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "reports" / "benchmarks" / "main-job.json").read_text())
    assert json.loads(done.stdout) == result
    [run] = result["runs"]
    assert (run["run"], run["dataset"], run["rows"], run["release"]) == (
        "--source sample",
        "sample",
        160_000,
        "promoted",
    )
    steps = ["ingest", "features", "evaluate", "train", "gate", "release", "track", "register"]
    assert list(run["seconds_by_step"]) == steps
    # The second run skips what the first one did; that the first one worked shows in its steps.
    assert 0 < run["seconds_again"] < run["seconds_to_release"]
    assert sum(run["seconds_by_step"].values()) < run["seconds_to_release"]
    assert run["seconds_again_to_page"] > 0
    assert run["peak_memory_mib"] > 100
    assert 0 < result["help_seconds"] < run["seconds_to_release"]
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]


def test_a_run_that_fails_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    """What the run said is in the sentence, and no file is there."""
    done = bench("--run", "--source file:nowhere.csv", home=tmp_path)
    assert done.returncode == 1
    assert "nowhere.csv" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "reports").exists()
