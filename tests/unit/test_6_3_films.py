"""The films' side of drift: what is watched and what is shown, by popularity, decade, genre and newness."""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl
import pytest

from movie_mlops.core import columns as c
from movie_mlops.features import FeedbackConfig
from movie_mlops.flows.windows import LENGTH, RUN_IN, Window, answers_groups, groups_of, popularity, window_after
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS
from movie_mlops.monitoring.drift import Group, Reference, Verdict, judge

BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG: Final = FeedbackConfig()
PEOPLE: Final = 150
OLD, NEW = np.arange(1, 61), np.arange(61, 121)
TRAINED: Final = BEGIN + RUN_IN + LENGTH + timedelta(days=1)


def films() -> pl.DataFrame:
    """Return films of which every third is from each of three decades, and of one of two genres."""
    numbers = np.concatenate([OLD, NEW])
    told = pl.DataFrame(
        {
            c.MOVIE_ID: numbers,
            c.YEAR: 1980 + 10 * (numbers % 3),
            c.GENRES: [["Drama"] if number % 2 else ["War"] for number in numbers.tolist()],
        }
    )
    missing = [pl.lit(None, kind).alias(name) for name, kind in SCHEMAS[MOVIES].items() if name not in told.columns]
    return told.with_columns(missing).cast({c.MOVIE_ID: SCHEMAS[MOVIES][c.MOVIE_ID], c.YEAR: SCHEMAS[MOVIES][c.YEAR]})


def said(rng: np.random.Generator, begin: datetime, days: float, which: np.ndarray, rows: int) -> pl.DataFrame:
    """Return what people did with some films in a stretch of time."""
    at = [begin + timedelta(days=days * part) for part in rng.random(rows)]
    told = {
        c.EVENT_ID: [f"{begin:%j}-{number}" for number in range(rows)],
        c.USER_ID: [f"u{number}" for number in rng.integers(PEOPLE, size=rows)],
        c.MOVIE_ID: rng.choice(which, rows),
        c.KIND: ["like"] * rows,
        c.EVENT_TIME: at,
        c.INGESTED_AT: at,
    }
    frame = pl.DataFrame(told, schema_overrides={c.EVENT_TIME: pl.Datetime("us", "UTC")})
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in SCHEMAS[INTERACTIONS].items() if name not in frame.columns
    ]
    return frame.with_columns(missing).select(list(SCHEMAS[INTERACTIONS])).cast(dict(SCHEMAS[INTERACTIONS]))


def watched(rows: pl.DataFrame, window: Window | None, began: datetime) -> list[Group]:
    """Return the groups of a window that are about films."""
    assert window is not None
    nobody = pl.DataFrame(schema={c.USER_ID: pl.String})
    popular = popularity(rows.lazy(), began)
    found = groups_of(window, rows.lazy(), movies=films(), users=nobody, popular=popular, config=CONFIG)
    return [group for group in found if group.name in {"films", "genres"}]


def verdict_on(later: np.ndarray, rng: np.random.Generator, *, before: float = 86) -> Verdict:
    """Compare four weeks in which these films are watched with the four before, after so many days of old ones."""
    long = said(rng, TRAINED - LENGTH - timedelta(days=before), before, OLD, 3_000)
    rows = pl.concat([long, said(rng, TRAINED - LENGTH, 28, OLD, 1_500), said(rng, TRAINED, 28, later, 1_500)])
    known, began = rows.filter(pl.col(c.EVENT_TIME) <= TRAINED), TRAINED - LENGTH
    first = window_after(known.lazy(), began, until=TRAINED, days=28)
    second = window_after(rows.lazy(), TRAINED, until=TRAINED + LENGTH, days=28)
    return judge(Reference.of(watched(known, first, began), days=28), watched(rows, second, began))


def drifting(verdict: Verdict) -> set[str]:
    return {finding.name for finding in verdict.drifting}


def test_new_films_that_are_watched_are_drift_and_their_absence_is_none() -> None:
    """The same films are no drift; where half of what is watched came lately, that is told as new, and not as genre."""
    rng = np.random.default_rng(6)
    assert drifting(verdict_on(OLD, rng)) == set()
    found = verdict_on(np.concatenate([OLD, NEW]), rng)
    assert drifting(found) == {"films: newness", "films: newness (new names)", "films: popularity"}
    (new,) = [each for each in found.drifting if each.aspect == "new names"]
    assert new.note == "new"
    assert new.low < 0.5 < new.high


def test_genres_and_decades_of_what_is_watched_are_compared() -> None:
    """Films of one genre, or of one decade, alone are told by that name, and not by the other's."""
    rng = np.random.default_rng(7)
    of_genre, of_decade = OLD[OLD % 2 == 1], OLD[OLD % 3 == 0]
    for which, told, other in (
        (of_genre, "genres: genre", "films: decade"),
        (of_decade, "films: decade", "genres: genre"),
    ):
        found = drifting(verdict_on(which, rng))
        assert told in found
        assert other not in found


def test_where_little_is_known_before_the_window_nothing_is_called_new() -> None:
    """At first all films are new: with less than twelve weeks before it is not judged, and later it is no alarm."""
    rng = np.random.default_rng(8)
    found = verdict_on(OLD, rng, before=40)
    assert drifting(found) == set()
    assert not [each for each in found.findings if each.column == "newness"]


def answers(rng: np.random.Generator, which: np.ndarray, *, visitors: bool) -> pl.DataFrame:
    """Return lists of ten films."""
    rows = [
        (f"a{number}", None if visitors else f"u{number}", BEGIN, "popular", place, film, 1.0)
        for number in range(PEOPLE)
        for place, film in enumerate(rng.choice(which, 10, replace=False).tolist(), start=1)
    ]
    names = ["answer", c.USER_ID, "at", "source", "place", c.MOVIE_ID, "score"]
    schema = {"at": pl.Datetime("us", "UTC"), c.USER_ID: pl.String, c.MOVIE_ID: SCHEMAS[MOVIES][c.MOVIE_ID]}
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides=schema)


@pytest.mark.parametrize("visitors", [False, True])
def test_the_films_that_are_shown_are_compared(visitors: bool) -> None:
    """Lists of other genres and unknown films are told as such; ten films of a visitor's list are one vote, not ten."""
    rng = np.random.default_rng(9)
    rows = said(rng, BEGIN, 28, OLD, 2_000)
    popular = popularity(rows.lazy(), BEGIN + LENGTH)
    nothing = rows.clear().with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("when"))

    def of(which: np.ndarray) -> list[Group]:
        told = answers(rng, which, visitors=visitors)
        return answers_groups(told, nothing, movies=films(), popular=popular, config=CONFIG)

    known = Reference.of(of(OLD), days=28)
    same = judge(known, of(OLD))
    assert drifting(same) == set()
    assert {each.units for each in same.judged if each.group == "shown"} == {(PEOPLE, PEOPLE)}
    other = drifting(judge(known, of(NEW[NEW % 2 == 1])))
    assert {"shown: popularity", "shown genres: genre"} <= other
    assert "shown: decade" not in other
