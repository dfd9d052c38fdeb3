"""The benchmark of the standard's check: a small generated repository, real processes, and a rival that looks away."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from movie_mlops.bench.whole_process import run_whole
from tests.conftest import REPOSITORY

COMMAND = [
    sys.executable,
    "-m",
    "movie_mlops",
    "bench",
    "standard",
    "--files",
    "2000",
    "--folders",
    "60",
    "--runs",
    "2",
]


def bench(*options: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(REPOSITORY / "src"), "MOVIE_MLOPS_HOME": str(home), "PATH": "/usr/bin:/bin"}
    return subprocess.run([*COMMAND, *options], cwd=home, env=environment, capture_output=True, text=True, check=False)


def test_every_contender_is_timed_in_turn(tmp_path: Path) -> None:
    """All rules, names alone, ten staged files and git's own list: each with seconds and memory, and the ratios."""
    done = bench("--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "reports" / "benchmarks" / "standard.json").read_text())
    assert json.loads(done.stdout) == result
    assert list(result["contenders"]) == ["all rules", "names alone", "staged", "git ls-files"]
    for figures in result["contenders"].values():
        assert 0 < figures["min_seconds"] <= figures["median_seconds"] <= figures["max_seconds"]
        assert figures["peak_memory_mib"] >= 1
    assert result["setup"]["files"] >= 2000
    assert list(result["ratios"]) == ["all rules / git ls-files"]
    assert len(result["targets"]) == 3
    assert str(tmp_path) not in json.dumps(result)


@pytest.mark.long
def test_a_rival_that_finds_nothing_is_not_compared(tmp_path: Path) -> None:
    """Who does not look at the names would be fast for the wrong reason."""
    done = bench("--ls-lint", "/bin/true", "--out", str(tmp_path / "out.json"), home=tmp_path)
    assert done.returncode == 1
    assert "does not find a wrong name" in done.stderr
    assert not (tmp_path / "out.json").exists()


def test_a_process_is_measured_without_its_parent() -> None:
    """What the one who measures holds in memory does not count for the one that is measured."""
    ballast = bytearray(300 << 20)
    ballast[:: 1 << 12] = b"x" * len(ballast[:: 1 << 12])
    run = run_whole([sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"])
    assert (run.code, run.out, run.err) == (3, "out\n", "err\n")
    assert 1 < run.peak_memory_mib < 100
    assert run.seconds > 0
