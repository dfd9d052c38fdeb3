"""Exactly-once in effect: random schedules of crashes, retries, overlaps, late rows and parallel back-fills."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import cpu_count

import pytest

from movie_mlops.lake import ConflictError
from tests.fixtures.stage_1.memory_lake import MemoryLake
from tests.fixtures.stage_1.schedules import FILMS, Schedule

# With fewer schedules a process of its own takes longer to start than to run them.
MANY = 100


def _run(seeds: range) -> tuple[int, int]:
    crashes = backfills = 0
    for seed in seeds:
        schedule, lake = Schedule(seed), MemoryLake(FILMS)
        schedule.run(lake)
        schedule.check(lake)
        crashes, backfills = crashes + schedule.crashes, backfills + schedule.backfills
    return crashes, backfills


@pytest.mark.parametrize("schedules", [20, pytest.param(1000, marks=pytest.mark.long)])
def test_no_schedule_loses_a_row_or_writes_one_twice(schedules: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise P1: after 1,000 random schedules (long) of crashed, repeated, parallel loads, rows = truth."""
    crashes, backfills = _run(range(schedules)) if schedules < MANY else _dealt_out(schedules, monkeypatch)
    assert crashes > schedules / 4
    assert backfills > schedules / 4


def _dealt_out(schedules: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    monkeypatch.setenv("POLARS_MAX_THREADS", "1")
    seeds, workers = range(schedules), min(max(2, cpu_count() or 1), 8)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(_run, (seeds[first::workers] for first in range(workers))))
    crashes, backfills = (sum(counts) for counts in zip(*parts, strict=True))
    return crashes, backfills


def test_the_lake_in_memory_refuses_what_was_overtaken() -> None:
    """The lake of these tests refuses a commit that is not the very next one, as the real one does."""
    lake = MemoryLake(FILMS)
    rows = lake.scan("movies").collect()
    lake.append("movies", rows, after=0, cursors={"a": 3})
    with pytest.raises(ConflictError):
        lake.append("movies", rows, after=0, cursors={"a": 4})
    with pytest.raises(ConflictError):
        lake.overwrite("movies", rows, after=None)
    assert (lake.version("movies"), lake.cursor("movies", "a")) == (1, 3)
