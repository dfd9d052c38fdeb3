"""Rows take the newest feature row that had happened and had arrived."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.features import FeatureError, join_as_of
from tests.fixtures.stage_2.interactions import day

TIME = pl.Datetime("us", "UTC")
Given = list[tuple[str, int, int, int]]


def given_rows(rows: Given) -> pl.DataFrame:
    return pl.DataFrame(
        [(user, day(happened), day(arrived), value) for user, happened, arrived, value in rows],
        schema={"user_id": pl.String(), "event_time": TIME, "ingested_at": TIME, "taste": pl.Int64()},
        orient="row",
    )


def asking(rows: list[tuple[str, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(user, day(at), day(known)) for user, at, known in rows],
        schema={"user_id": pl.String(), "at": TIME, "known_at": TIME},
        orient="row",
    )


def test_a_correction_that_came_later_is_not_seen_before_it_came() -> None:
    """The feature row of day 1 is corrected on day 5: until then the first one counts, as in the row of day 4."""
    features = given_rows([("a", 1, 1, 10), ("a", 1, 5, 11), ("a", 3, 9, 30)])
    rows = asking([("a", at, at) for at in (0, 1, 4, 5, 8, 9)])
    assert join_as_of(rows, features, by=["user_id"])["taste"].to_list() == [None, 10, 10, 11, 11, 30]


def test_without_arrival_the_same_join_leaks() -> None:
    """A join on the time of happening alone, which is ours with all knowledge, tells day 4 what came on day 5."""
    features = given_rows([("a", 1, 1, 10), ("a", 1, 5, 11)])
    assert join_as_of(asking([("a", 4, 4)]), features, by=["user_id"])["taste"].to_list() == [10]
    assert join_as_of(asking([("a", 4, 999)]), features, by=["user_id"])["taste"].to_list() == [11]


def test_no_row_is_dropped() -> None:
    """Who has no feature row, or none yet, keeps the row, with null."""
    rows = asking([("b", 4, 4), ("a", 0, 0), ("a", 2, 2)])
    frame = join_as_of(rows.drop("known_at"), given_rows([("a", 1, 1, 10)]), by=["user_id"])
    assert frame.rows() == [("b", day(4), None), ("a", day(0), None), ("a", day(2), 10)]
    assert join_as_of(rows, given_rows([]), by=["user_id"])["taste"].to_list() == [None] * 3


def test_a_missing_column_is_named() -> None:
    """The error says what the feature rows need."""
    with pytest.raises(FeatureError, match="feature rows have no ingested_at"):
        join_as_of(asking([]), given_rows([]).drop("ingested_at"), by=["user_id"])


times = st.integers(0, 12)


@settings(deadline=None, max_examples=80)
@given(
    features=st.lists(st.tuples(st.sampled_from("abc"), times, times), max_size=30, unique=True),
    rows=st.lists(st.tuples(st.sampled_from("abcd"), times, times), min_size=20, max_size=25),
)
def test_the_join_is_what_brute_force_finds(
    features: list[tuple[str, int, int]], rows: list[tuple[str, int, int]]
) -> None:
    """Promise P4: tables of at least 20 rows each, of any two times, against a look at every feature row."""
    numbered = [(*feature, number) for number, feature in enumerate(features)]
    expected = []
    for user, at, known in rows:
        seen = [row for row in numbered if row[0] == user and row[1] <= at and row[2] <= known]
        expected.append(max(seen, key=lambda row: row[1:3])[3] if seen else None)
    assert join_as_of(asking(rows), given_rows(numbered), by=["user_id"])["taste"].to_list() == expected
