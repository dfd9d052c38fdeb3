"""Budgets of growth, as ratios of two sizes on the same machine: what grows faster than its data breaks them."""

from pathlib import Path

import pytest
from scipy import sparse

from movie_mlops.bench import IngestBenchConfig
from movie_mlops.bench.generated_likes import generated_likes
from movie_mlops.bench.ingest import write_ratings
from movie_mlops.bench.scale.jobs import JOBS

TIMES = 8
SLACK = 2.5
"""What is linear takes eight times as long; what is quadratic 64 times, and breaks a budget of twenty anywhere."""


def ratings(folder: Path, rows: int) -> None:
    (folder / "source").mkdir(parents=True)
    write_ratings(folder / "source", IngestBenchConfig(rows=rows, films=500, bad_rows=0))


def likes(folder: Path, users: int) -> None:
    folder.mkdir()
    sparse.save_npz(folder / "likes.npz", generated_likes(users, 500, users * 40, 0), compressed=False)


@pytest.mark.long
def test_the_lake_grows_as_what_comes_in(tmp_path: Path) -> None:
    """Eight times the ratings take eight times the room in the lake, and no more than a budget of processor time."""
    found = {}
    for times in (1, TIMES):
        folder, rows = tmp_path / str(times), 15_000 * times
        ratings(folder, rows)
        found[times] = JOBS["ingest"](folder, {"amount": rows})
    assert found[TIMES]["bytes"] <= TIMES * found[1]["bytes"]
    assert found[TIMES]["cpu_seconds"] <= TIMES * SLACK * found[1]["cpu_seconds"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("job", "task"),
    [
        ("train", {"model": "ials", "params": {"factors": 16, "iterations": 2}}),
        ("evaluate", {"factors": 16, "seed": 0}),
    ],
)
def test_models_take_time_as_people_come(tmp_path: Path, job: str, task: dict[str, object]) -> None:
    """Eight times the people cost eight times the processor time of training and of judging, within the budget."""
    found = {}
    for users in (400, 400 * TIMES):
        likes(tmp_path / str(users), users)
        found[users] = JOBS[job](tmp_path / str(users), task)["cpu_seconds"]
    assert found[400 * TIMES] <= TIMES * SLACK * found[400]


@pytest.mark.long
def test_features_and_events_take_time_as_data_comes(tmp_path: Path) -> None:
    """Eight times the interactions: features and the online store within the budget; events the same each, or less."""
    found = {}
    for times in (1, TIMES):
        folder, rows = tmp_path / str(times), 15_000 * times
        ratings(folder, rows)
        JOBS["ingest"](folder, {"amount": rows})
        # The same number of events into a home of eight times the people.
        found[times] = {
            "features": JOBS["features"](folder, {"amount": rows}),
            "events": JOBS["events"](folder, {"amount": 400, "seed": 0}),
        }
    small, large = found[1], found[TIMES]
    assert large["features"]["bytes"] <= TIMES * small["features"]["bytes"]
    assert large["features"]["cpu_seconds"] <= TIMES * SLACK * small["features"]["cpu_seconds"]
    assert large["events"]["cpu_seconds"] <= SLACK * small["events"]["cpu_seconds"]
