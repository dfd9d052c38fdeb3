"""The benchmark of how far back popularity lately should reach."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.bench import BenchError, LatelyBenchConfig, bench_lately
from movie_mlops.recommenders import PopularRecentParams

START = datetime(2000, 1, 1, tzinfo=UTC)
CONFIG = LatelyBenchConfig(
    days=(30.0,), least=(0, 9), until=0.6, batch=2, k=1, service=PopularRecentParams(days=30.0, least=9)
)


def history(people: int = 40, *, also_after: bool = False) -> pl.DataFrame:
    """Somebody comes every fifty days: two films of their own, then what all like now, another film for every six."""
    rows = []
    for number in range(people):
        begun = START + timedelta(days=50 * number)
        mine = [100 + number, 200 + number, 1 + number // 6]
        rows += [(f"u{number:02}", film, 1.0, begun + timedelta(days=day)) for day, film in enumerate(mine)]
    if also_after:
        rows = [(who, film, weight if at < rows[80][3] else 0.0, at) for who, film, weight, at in rows]
    return pl.DataFrame(rows, schema=["user_id", "movie_id", "weight", "event_time"], orient="row")


def test_where_few_people_come_a_longer_reach_foresees_more(tmp_path: Path) -> None:
    """The record has each reach with its lead over the first; what comes after the judged part changes nothing."""
    out = tmp_path / "lately.json"
    found = bench_lately(CONFIG, history(), out, command="movie-mlops bench lately")
    assert json.loads(out.read_text()) == found
    short, long, service = found["tried"]
    assert (short["least"], long["least"], service) == (0, 9, long)
    assert long["lead"]["low"] > 0
    parts = found["service minus the first that is tried, by part"]
    assert [part["estimate"] > 0 for part in parts] == [True] * 3
    assert found["targets"][0]["met"]
    assert found["service"] == {"days": 30.0, "least": 9}
    again = bench_lately(CONFIG, history(also_after=True), tmp_path / "again.json")
    assert again["tried"] == found["tried"]


def test_what_cannot_be_judged_is_refused(tmp_path: Path) -> None:
    """A part that ends before it begins, and one in which nobody of whom likes are known likes anything."""
    with pytest.raises(BenchError, match="judged until"):
        LatelyBenchConfig(until=0.1)
    with pytest.raises(BenchError, match="Nobody likes"):
        bench_lately(CONFIG, history().filter(pl.col("movie_id") >= 200), tmp_path / "no.json")
