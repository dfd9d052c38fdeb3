"""The benchmark of several server processes: what it refuses, and what it holds to what."""

from pathlib import Path
from typing import Any

import pytest

from movie_mlops.bench import BenchError, StageConfig, WorkersBenchConfig, balancer, bench_workers
from movie_mlops.bench.workers import targets_of


def row(**changes: Any) -> dict[str, Any]:
    return {"answers_that_differ": 0, "errors": {}, "memory_mb": 200.0, **changes}


def test_answers_that_differ_errors_and_memory_are_held_againsttargets_of() -> None:
    """One process with another answer, one failed request, or more memory for each than for one alone: missed."""
    large = row(memory_mb=380.0)
    for curve, met in (
        ([row(), large], [True, True, True]),
        ([row(), {**large, "answers_that_differ": 1}], [False, True, True]),
        ([row(), {**large, "errors": {"status 500": 1}}], [True, False, True]),
        ([row(), row(memory_mb=420.0)], [True, True, False]),
    ):
        assert [target["met"] for target in targets_of(curve)] == met
    assert len(targets_of([row()])) == 2


@pytest.mark.parametrize("given", [{"most": 0}, {"seconds": 0.0}, {"rounds": 0}, {"connections": -1}])
def test_a_benchmark_of_nothing_is_refused(given: dict[str, Any]) -> None:
    """No process, no time, no round and no connection are refused with what to give."""
    with pytest.raises(BenchError, match=next(iter(given))):
        WorkersBenchConfig(**given)


def test_without_nginx_it_says_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set up and nothing is written where nginx is not installed."""
    monkeypatch.setattr(balancer.shutil, "which", lambda *_, **__: None)
    with pytest.raises(BenchError) as refused:
        bench_workers(WorkersBenchConfig(), tmp_path / "workers.json")
    assert "setup_test_tools.sh" in refused.value.next_step
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_one_and_two_processes_are_measured(tmp_path: Path) -> None:
    """Real servers and the real nginx: both numbers have answers, none that differs, memory, and a drawing."""
    try:
        balancer.find_nginx()
    except BenchError as error:
        pytest.skip(str(error))
    stage = StageConfig(films=300, factors=8, users=30)
    config = WorkersBenchConfig(most=2, seconds=0.5, rounds=1, connections=4, stage=stage)
    found = bench_workers(config, tmp_path / "workers.json")
    assert [one["processes"] for one in found["curve"]] == [1, 2]
    for one in found["curve"]:
        assert one["answered_per_second"] > 0
        assert (one["errors"], one["answers_that_differ"]) == ({}, 0)
        assert 0 < one["of_that_private_mb"] < one["memory_mb"]
    assert found["curve"][0]["times_one"] == 1
    assert (tmp_path / found["plot"]).read_text().startswith("<svg")
