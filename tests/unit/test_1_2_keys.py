"""Keys of interactions, and what is known of the users of a piece."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from movie_mlops.core import columns as c
from movie_mlops.ingest import checking
from movie_mlops.ingest.parsing import event_id, with_event_ids

DAY = datetime(2020, 1, 1, tzinfo=UTC)
FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def _rows(film: int, time: datetime | None, kind: str = "rating") -> pl.DataFrame:
    schema = {c.USER_ID: pl.String, c.MOVIE_ID: pl.Int64, c.KIND: pl.String, c.EVENT_TIME: pl.Datetime("us", "UTC")}
    return pl.DataFrame([("ana", 7, "view", DAY), ("ana", film, kind, time)], schema=schema, orient="row")


@pytest.mark.parametrize("film", [0, 9, 10, 99_999, 100_000, 524_287, 524_288, 1_000_000_000, -3])
@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (DAY, "1577836800"),
        (DAY + timedelta(microseconds=250), "1577836800.000250"),
        (FIRST + timedelta(seconds=99_999), "99999"),
        (FIRST + timedelta(seconds=100_000), "100000"),
        (FIRST + timedelta(seconds=100_007), "100007"),
        (FIRST - timedelta(seconds=5), "-5"),
        (datetime(2286, 11, 20, 17, 46, 40, tzinfo=UTC), "10000000000"),
        (None, ""),
    ],
)
def test_a_key_is_the_same_whether_it_is_looked_up_or_written(film: int, time: datetime | None, seconds: str) -> None:
    """Films and times beyond what is written out beforehand, fractions and undated rows change no other row's key."""
    rows = _rows(film, time)
    keys = with_event_ids(rows, "shop")[c.EVENT_ID].to_list()
    assert keys == ["shop|ana|7|view|1577836800", f"shop|ana|{film}|rating|{seconds}"]
    assert keys == rows.select(event_id("shop")).to_series().to_list()


@pytest.mark.parametrize("at_once", [1, 2, 3, 1 << 17])
def test_users_are_found_and_rising_films_noticed_across_slices(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The users are those of the rows; no key can repeat only where each user's rows stand together, films rising."""
    monkeypatch.setattr(checking, "_AT_ONCE", at_once)
    chance, seen = random.Random(3), set()
    for _ in range(400):
        rows = [(chance.choice("abc"), chance.randint(1, 4)) for _ in range(chance.randint(0, 5))]
        good = pl.DataFrame(rows, schema={c.USER_ID: pl.String, c.MOVIE_ID: pl.Int64}, orient="row")
        users, rises = checking._users(good)
        starts = [user for place, (user, _) in enumerate(rows) if place == 0 or rows[place - 1][0] != user]
        together = len(starts) == len(set(starts))
        rising = all(mine > before for (one, before), (two, mine) in pairwise(rows) if one == two)
        assert sorted(users) == sorted(set(starts)), rows
        assert rises == (together and rising), rows
        seen.add(rises)
    assert seen == {True, False}


def test_slices_end_where_pieces_of_memory_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever pieces the columns are in, slices are whole in each of them, few rows long, and all rows together."""
    monkeypatch.setattr(checking, "_AT_ONCE", 4)
    ones = pl.concat([pl.Series("one", range(first, first + rows)) for first, rows in ((0, 3), (3, 7))], rechunk=False)
    twos = pl.concat([pl.Series("two", range(first, first + rows)) for first, rows in ((0, 5), (5, 5))], rechunk=False)
    slices = list(checking._slices(pl.DataFrame([ones, twos])))
    assert [part.height for part in slices] == [3, 2, 4, 1]
    assert all(part.n_chunks("all") == [1, 1] for part in slices)
    assert pl.concat(slices)["two"].to_list() == list(range(10))
