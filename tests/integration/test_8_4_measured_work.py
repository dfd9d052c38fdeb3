"""The work whose growth is measured is the platform's own: real stores, a real server, every cost that a plan needs."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from scipy import sparse

from movie_mlops.bench import IngestBenchConfig, ScaleBenchConfig
from movie_mlops.bench.generated_likes import generated_likes
from movie_mlops.bench.ingest import write_ratings
from movie_mlops.bench.scale import CURVES, jobs
from movie_mlops.bench.scale.jobs import DATASET, JOBS
from movie_mlops.bench.scale.serving import serve
from movie_mlops.bench.scale.stored import state_bytes
from movie_mlops.core import memory
from movie_mlops.core.nouns import Workspace
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.recommenders.spread import cores

ROWS = 3_000
EVENTS = 60


def wanted(job: str) -> set[str]:
    """Return which costs of a job a plan counts with; the peak memory is seen from outside."""
    return {curve.cost for curve in CURVES if curve.job == job} - {"peak_memory_bytes"}


def test_the_lake_the_online_store_and_events_are_the_real_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ratings are in the lake, people in the online store, events in both; what each took is measured, and above 0."""
    kept: list[bool] = []
    monkeypatch.setattr(jobs, "_TURNS_SECONDS", 0.0)
    monkeypatch.setattr(memory, "keep_what_is_here", lambda: kept.append(True))
    (tmp_path / "source").mkdir()
    write_ratings(tmp_path / "source", IngestBenchConfig(rows=ROWS, films=100, bad_rows=0))
    tasks = {"ingest": {"amount": ROWS}, "features": {"amount": ROWS}, "events": {"amount": EVENTS, "seed": 0}}
    for job, task in tasks.items():
        before = state_bytes(tmp_path)
        told = JOBS[job](tmp_path, task)
        each = told if isinstance(told, list) else [told]
        for found in each:
            assert wanted(job) <= found.keys()
            assert all(cost > 0 for cost in found.values()), (job, found)
        if job == "events":
            assert each[0]["bytes"] <= state_bytes(tmp_path) - before
            turns = len(each)
            assert turns == 2
            assert kept == [True]
    platform = Platform(Workspace(tmp_path, DATASET), PlatformConfig())
    try:
        assert platform.events.count() == turns * EVENTS
        assert platform.lake.scan("interactions").collect().height == ROWS + turns * EVENTS
        assert platform.histories.count() > 0
    finally:
        platform.close()


def test_a_piece_of_work_has_one_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Threads that it starts have the same one; what cores lose to one another is not measured as work."""

    def look(_folder: Path, _task: Mapping[str, Any]) -> dict[str, float]:
        with ThreadPoolExecutor(1) as pool:
            return {"cores": pool.submit(cores).result()}

    monkeypatch.setattr(jobs, "JOBS", {"look": look})
    # A thread's own, so that the tests keep theirs.
    working = Thread(target=jobs.main, args=("look", tmp_path, "{}"))
    working.start()
    working.join()
    assert json.loads(capsys.readouterr().out) == {"cores": 1}


def test_fewer_rows_than_there_should_be_are_no_measurement(tmp_path: Path) -> None:
    """A figure for less than the whole work would be worth nothing: the job fails."""
    (tmp_path / "source").mkdir()
    write_ratings(tmp_path / "source", IngestBenchConfig(rows=ROWS, films=100, bad_rows=5))
    with pytest.raises(AssertionError):
        JOBS["ingest"](tmp_path, {"amount": ROWS})


def test_models_are_trained_and_judged(tmp_path: Path) -> None:
    """iALS, EASE and the evaluation of all films for everybody; the amount of the last is users times films."""
    sparse.save_npz(tmp_path / "likes.npz", generated_likes(60, 80, 900, 0), compressed=False)
    for job, task in (
        ("train", {"model": "ials", "params": {"factors": 4, "iterations": 1}}),
        ("train-films", {"model": "ease", "params": {"regularisation": 100.0}}),
        ("evaluate", {"factors": 4, "seed": 0}),
    ):
        found = JOBS[job](tmp_path, task)
        assert wanted(job) <= found.keys()
        assert found["seconds"] > 0
        if job == "evaluate":
            assert 0 < found["amount"] <= 60 * 80
            assert found["amount"] % 80 == 0


@pytest.mark.long
def test_the_server_is_a_process_that_answers_and_keeps(tmp_path: Path) -> None:
    """120 films, 40 people, over HTTP: an answer's time and bytes, those that are kept, memory alone and shared."""
    found = serve(tmp_path, 120, ScaleBenchConfig(factors=8, users=40, answers=50))
    assert wanted("serve") <= found.keys()
    assert found["amount"] == 120
    assert found["bundle_bytes"] > 120 * 8 * 4
    assert 1_000 < found["answer_bytes"] < 50_000
    assert 0 < found["kept_bytes"] < 50_000
    assert found["private_bytes"] > 2**24
    assert found["shared_bytes"] > 2**20
