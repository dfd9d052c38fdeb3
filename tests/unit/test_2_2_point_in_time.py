"""No row sees what had not happened, or had not arrived, at its time."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.features import (
    USER_FEATURES,
    Entity,
    FeatureError,
    FeedbackConfig,
    features_at,
)
from movie_mlops.features.definitions import FILM, USER, USER_AND_FILM
from movie_mlops.features.point_in_time import Knowledge
from tests.fixtures.stage_2 import oracle
from tests.fixtures.stage_2.interactions import START, day, did
from tests.fixtures.stage_2.worlds import FILMS, FILMS_TABLE, Arrived, arrivals, every_aggregation, world

CONFIG = FeedbackConfig()
TIME = pl.Datetime("us", "UTC")
VIEW = {entity.name: every_aggregation(entity) for entity in (USER, FILM, USER_AND_FILM)}
BASICS = USER_FEATURES.only(["interactions", "positives", "ratings", "rating_mean"])


def basics(said: list[Arrived], at: list[float], knowledge: Knowledge = "row") -> list[tuple]:
    rows = pl.DataFrame(
        {"user_id": ["a"] * len(at), "at": [day(number) for number in at]}, schema_overrides={"at": TIME}
    )
    return features_at(BASICS, rows, arrivals(said), config=CONFIG, knowledge=knowledge).select(BASICS.names).rows()


def test_a_late_row_is_seen_from_its_arrival_on() -> None:
    """What happened on the first day and came on the fifth is not known on the fourth."""
    said = [Arrived(did("a", 1, "like", at=1), day(5))]
    assert basics(said, [0, 1, 4, 5, 6]) == [(0, 0, 0, None)] * 3 + [(1, 1, 0, None)] * 2


def test_a_late_correction_does_not_leak_into_the_time_before_it() -> None:
    """A rating of the first day, corrected on the fifth to fewer stars for the same moment, counts until then."""
    said = [
        Arrived(did("a", 1, "rating", 5.0, at=1, event_id="first"), day(1)),
        Arrived(did("a", 1, "rating", 2.0, at=1, event_id="corrected"), day(5)),
    ]
    assert basics(said, [1, 4, 5]) == [(1, 1, 1, 5.0), (1, 1, 1, 5.0), (2, 0, 1, 2.0)]


def test_an_older_word_that_comes_late_does_not_undo_a_newer_one() -> None:
    """A dislike of the first day that comes after a like of the second changes nothing."""
    said = [Arrived(did("a", 1, "like", at=2), day(2)), Arrived(did("a", 1, "dislike", at=1), day(3))]
    assert basics(said, [2, 3]) == [(1, 1, 0, None), (2, 1, 0, None)]


def test_an_undated_word_happened_when_it_arrived_at_the_latest() -> None:
    """Nothing is known of it before."""
    said = [Arrived(did("a", 1, "like"), day(3))]
    assert basics(said, [2, 3]) == [(0, 0, 0, None), (1, 1, 0, None)]


def test_history_that_was_loaded_later_is_seen_when_it_is_said_when_it_was_known() -> None:
    """With the knowledge of a later time, rows see what had happened by their own, and only that."""
    said = [
        Arrived(did("a", 1, "like", at=1), day(100)),
        Arrived(did("a", 2, "like", at=3), day(100)),
        Arrived(did("a", 3, "like", at=1), day(101)),
    ]
    assert [row[1] for row in basics(said, [1, 2, 3])] == [0, 0, 0]
    assert [row[1] for row in basics(said, [1, 2, 3], day(100))] == [1, 1, 2]
    assert [row[1] for row in basics(said, [1, 2, 3], day(101))] == [2, 2, 3]
    assert [row[1] for row in basics(said, [1, 2, 3], None)] == [2, 2, 3]


def test_a_user_whom_nobody_knew_yet_keeps_the_row() -> None:
    """A row before anything was known has counts of zero and no means; it is never dropped."""
    rows = pl.DataFrame({"label": [7], "user_id": ["nobody"], "at": [day(1)]}, schema_overrides={"at": TIME})
    frame = features_at(BASICS, rows, arrivals([]), config=CONFIG)
    assert frame.rows() == [(7, "nobody", day(1), 0, 0, 0, None)]
    said = arrivals([Arrived(did("a", 1, "like", at=1), day(1))])
    assert features_at(BASICS, rows.clear(), said, config=CONFIG).schema == frame.schema


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"movie_id": [1], "at": [day(1)]}, "about a user; the rows have no user_id"),
        ({"user_id": ["a"]}, "have no at"),
        ({"user_id": ["a"], "at": [datetime(2024, 1, 1)]}, "not a time with a zone"),  # noqa: DTZ001 - what is refused
        ({"user_id": ["a"], "at": pl.Series([None], dtype=TIME)}, "1 rows have no at"),
        ({"user_id": pl.Series([None], dtype=pl.String()), "at": [day(1)]}, "1 rows have no user_id"),
        (
            {"user_id": ["a"], "at": [day(1)], "ratings": [3]},
            "have columns of the view 'user_features' already: ratings",
        ),
    ],
    ids=["wrong entity", "no time", "naive time", "null time", "null key", "column taken"],
)
def test_rows_that_do_not_fit_are_refused(columns: dict, message: str) -> None:
    """The error names what is missing."""
    with pytest.raises(FeatureError, match=message):
        features_at(BASICS, pl.DataFrame(columns), arrivals([]), config=CONFIG)


def check(entity: Entity, said: list[Arrived], rows: list[dict], knowledge: Knowledge) -> int:
    """Compare every feature of every row with the oracle's; return how many rows."""
    of = entity.folds
    frame = pl.DataFrame(rows, schema_overrides={"at": TIME, "known_at": TIME})
    found = features_at(VIEW[entity.name], frame, arrivals(said), config=CONFIG, films=FILMS_TABLE, knowledge=knowledge)
    theirs: dict[object, list[Arrived]] = {}
    for arrived in said:
        theirs.setdefault(getattr(arrived.interaction, of), []).append(arrived)
    for row in found.to_dicts():
        at = row["at"]
        known_at = {"row": at, "column": row["known_at"]}.get(knowledge, knowledge)
        seen = [arrived for arrived in theirs.get(row[of], []) if oracle.sees(arrived, at, known_at)]
        expected = oracle.features(seen, at, row["movie_id"] if entity.has_film else None)
        wrong = {name: (row[name], value) for name, value in expected.items() if not same(row[name], value)}
        assert not wrong, (row["user_id" if of == "user_id" else "movie_id"], at, known_at, wrong, seen)
    return found.height


def same(found: object, expected: object) -> bool:
    if isinstance(found, float) and isinstance(expected, int | float):
        return abs(found - expected) <= 1e-9 * max(1, abs(expected))
    return found == expected


def row_of(user: str, film: int, at: float, known: float) -> dict:
    return {"user_id": user, "movie_id": film, "at": day(at), "known_at": day(known)}


KNOWLEDGE: list[Knowledge] = ["row", "column", day(8)]


@settings(deadline=None, max_examples=3)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("worlds", [40, pytest.param(400, marks=pytest.mark.long)])
@pytest.mark.parametrize("knowledge", KNOWLEDGE, ids=["own time", "own knowledge", "one knowledge"])
@pytest.mark.parametrize("entity", [USER, FILM, USER_AND_FILM], ids=lambda entity: entity.name)
def test_no_feature_knows_the_future(entity: Entity, knowledge: Knowledge, worlds: int, seed: int) -> None:
    """Promise P4: every feature of random rows is what brute force makes of what had happened and arrived."""
    random = np.random.default_rng(seed)
    said: list[Arrived] = []
    rows = []
    for number in range(worlds):
        name = f"w{number}"
        said += world(random, name)
        times = random.integers(-1, 40, (4, 2)) / 2
        rows += [
            row_of(f"{name}-{random.integers(0, 3)}", int(random.integers(1, 5)), at, known) for at, known in times
        ]
    assert check(entity, said, rows, knowledge) == len(rows)


moments = st.integers(0, 16).map(lambda half: START + timedelta(hours=12 * half))
words = st.builds(
    Arrived,
    st.builds(
        Interaction,
        event_id=st.uuids().map(str),
        user_id=st.sampled_from("ab"),
        movie_id=st.sampled_from(list(FILMS)),
        kind=st.sampled_from(list(Kind)),
        value=st.sampled_from([None, 0.4, 3.0, 4.1, 5.0]),
        event_time=st.none() | moments,
        source=st.just("test"),
    ),
    moments,
)


@settings(deadline=None, max_examples=12)
@given(
    said=st.lists(words, max_size=8),
    at=st.lists(st.integers(0, 20), min_size=2, max_size=2),
    entity=st.sampled_from([USER, FILM]),
)
def test_no_small_case_knows_the_future(said: list[Arrived], at: list[int], entity: Entity) -> None:
    """The same over cases that shrink: arrivals may even come before what they tell of."""
    rows = [row_of(user, film, at[0] / 2, at[1] / 2) for user in "ab" for film in FILMS]
    for knowledge in KNOWLEDGE:
        check(entity, said, rows, knowledge)


def test_the_order_of_rows_and_interactions_changes_nothing() -> None:
    """Shuffled rows over shuffled interactions get the same features, and keep their other columns."""
    random = np.random.default_rng(0)
    said = [arrived for number in range(20) for arrived in world(random, f"w{number}")]
    rows = pl.DataFrame([row_of(f"w{n}-0", 1, n % 7, n % 9) | {"label": n} for n in range(20)]).with_columns(
        pl.col("at").cast(TIME)
    )
    straight = features_at(VIEW["user"], rows, arrivals(said), config=CONFIG, films=FILMS_TABLE)
    order = random.permutation(20)
    shuffled = features_at(VIEW["user"], rows[order], arrivals(said[::-1]), config=CONFIG, films=FILMS_TABLE)
    assert shuffled.sort("label").equals(straight)
    assert straight["label"].to_list() == list(range(20))
