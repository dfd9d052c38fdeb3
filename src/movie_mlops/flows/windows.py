"""Windows of what people did, as the groups of columns whose drift is watched."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core.columns import (
    AGE,
    EVENT_TIME,
    GENDER,
    GENRES,
    INGESTED_AT,
    KIND,
    MOVIE_ID,
    OCCUPATION,
    USER_ID,
    VALUE,
    WEIGHT,
    YEAR,
)
from movie_mlops.core.nouns import Kind
from movie_mlops.features import AT, USER_FEATURES, FeedbackConfig, features_at
from movie_mlops.features.feedback import weight_expression
from movie_mlops.monitoring.drift import Group

LENGTH: Final = timedelta(days=28)
"""How long the window is that a bundle remembers."""

LEAST_ROWS: Final = 2_000
"""Where fewer rows fall into it, as in a data set whose last users are few, it is as much longer as this many take."""

MOST_USERS: Final = 5_000
"""The feature store's rows of so many users of a window are compared at most, evenly over their ids."""

RUN_IN: Final = 3 * LENGTH
"""Where less than this is known before a window, nobody can tell which of its films are new: at first all are."""

_WHEN: Final = "when"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """What people did in a stretch of time.

    Attributes:
        rows: The interactions in it, with ``when`` each was.
        began: When it begins; what is exactly then is before it.
        ended: When the newest of them was.
    """

    rows: pl.DataFrame
    began: datetime
    ended: datetime

    @property
    def days(self) -> float:
        """How long it is."""
        return (self.ended - self.began) / _DAY


def timed(interactions: pl.LazyFrame) -> pl.LazyFrame:
    """Return interactions with ``when`` they were: when they happened, or when they came in where nobody knows of any.

    Where it is known of some, that of the others is null: they are in no window, for they came in all at once.
    """
    some = pl.col(EVENT_TIME).is_not_null().any()
    return interactions.with_columns(pl.when(some).then(EVENT_TIME).otherwise(INGESTED_AT).alias(_WHEN))


def _by(time: datetime) -> pl.Expr:
    """Return which rows were known by a time; those of which nobody knows when they were."""
    return (pl.col(_WHEN) <= time) | pl.col(_WHEN).is_null()


def last_window(interactions: pl.LazyFrame) -> Window | None:
    """Return the newest window of what a model learned from; ``None`` where there is nothing."""
    all_rows = timed(interactions)
    newest: datetime | None = all_rows.select(pl.col(_WHEN).max()).collect().item()
    if newest is None:
        return None
    began = newest - LENGTH
    if all_rows.select((pl.col(_WHEN) > began).sum()).collect().item() < LEAST_ROWS:
        # One before the first that is wanted: what is exactly at the beginning is before it.
        times = all_rows.select(pl.col(_WHEN).top_k(LEAST_ROWS)).collect()[_WHEN]
        oldest: datetime = times.min()  # type: ignore[assignment]
        began = min(began, oldest - timedelta(microseconds=1))
    return Window(all_rows.filter(pl.col(_WHEN) > began).collect(), began, newest)


def window_after(
    interactions: pl.LazyFrame, after: datetime, *, until: datetime, days: float, rows: int | None = None
) -> Window | None:
    """Return the newest window of what came after a time; ``None`` where nothing did.

    Args:
        interactions: What is known.
        after: What a model was trained on ends here.
        until: What says that it happens later has a wrong clock, and is left out.
        days: How long the window is at most, from its newest row back.
        rows: So many of its newest rows at most; ``None`` for all.
    """
    since = timed(interactions).filter((pl.col(_WHEN) > after) & (pl.col(_WHEN) <= until)).collect()
    if since.is_empty():
        return None
    newest: datetime = since[_WHEN].max()  # type: ignore[assignment]
    began = max(after, newest - timedelta(days=days))
    found = since.filter(pl.col(_WHEN) > began)
    if rows is not None and found.height > rows:
        found = found.sort(_WHEN).tail(rows)
        oldest: datetime = found[_WHEN].min()  # type: ignore[assignment]
        began = oldest - timedelta(microseconds=1)
    return Window(found, began, newest)


def popularity(interactions: pl.LazyFrame, before: datetime) -> pl.DataFrame:
    """Return how popular each film was before a time: the logarithm of how often somebody did something with it."""
    known = timed(interactions).filter(_by(before))
    counts = known.group_by(MOVIE_ID).agg(pl.len().alias("popularity")).collect()
    return counts.with_columns((pl.col("popularity") + 1).log(2.0))


def groups_of(
    window: Window,
    interactions: pl.LazyFrame,
    *,
    movies: pl.DataFrame,
    users: pl.DataFrame,
    popular: pl.DataFrame,
    config: FeedbackConfig,
) -> list[Group]:
    """Return what is compared of a window.

    Args:
        window: The window.
        interactions: All that was known by its end, for what its users did before.
        movies: What is known of films.
        users: What is known of users.
        popular: How popular films were before the window that everything is compared with.
        config: What counts as liking.
    """
    rows = window.rows.with_columns(weight_expression(config).alias(WEIGHT))
    known = timed(interactions).filter(_by(window.ended))
    watched, genres = _films(rows.select(USER_ID, MOVIE_ID, *_newness(rows, known, window)), movies, popular)
    return [
        Group("users", [_people(rows, known, users, window)], of_length=True),
        Group("words", [_words(rows)], owner=USER_ID),
        Group("films", [watched], owner=USER_ID),
        Group("genres", [genres], owner=USER_ID),
        Group("features", [_features(rows, known, movies, window, config)], of_length=True),
    ]


def _films(rows: pl.DataFrame, movies: pl.DataFrame, popular: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what the films of some rows are like, and their genres, a row for each; other columns stay."""
    films = rows.join(movies.select(MOVIE_ID, YEAR, GENRES), on=MOVIE_ID, how="left").join(
        popular, on=MOVIE_ID, how="left"
    )
    decade = pl.format("{}s", pl.col(YEAR) // 10 * 10).alias("decade")
    like = films.with_columns(pl.col("popularity").fill_null(0.0), decade).drop(MOVIE_ID, YEAR, GENRES)
    return like, films.select(USER_ID, pl.col(GENRES).alias("genre")).explode("genre")


def _newness(rows: pl.DataFrame, known: pl.LazyFrame, window: Window) -> list[pl.Series]:
    """Return which rows are of a film that nobody had met until four weeks before; no column where nobody can tell.

    A column without values would be one that loses them, or gets them, as the platform grows older.
    """
    begun: datetime | None = known.select(pl.col(_WHEN).min()).collect().item()
    if begun is None or window.began - RUN_IN < begun:
        return []
    # What somebody did at a time that nobody knows was done before all others.
    first = pl.when(pl.col(_WHEN).is_not_null().all()).then(pl.col(_WHEN).min()).otherwise(begun).alias("first")
    met = rows.select(MOVIE_ID, _WHEN).join(
        known.group_by(MOVIE_ID).agg(first).collect(), on=MOVIE_ID, how="left", maintain_order="left"
    )
    is_new = pl.col("first") > pl.col(_WHEN) - LENGTH
    return [met.select(pl.when(is_new).then(pl.lit("new")).otherwise(pl.lit("known")).alias("newness")).to_series()]


def _people(rows: pl.DataFrame, known: pl.LazyFrame, users: pl.DataFrame, window: Window) -> pl.DataFrame:
    told = [name for name in (GENDER, AGE, OCCUPATION) if name in users.columns]
    first = known.group_by(USER_ID).agg(pl.col(_WHEN).min().alias("first")).collect()
    active = rows.group_by(USER_ID).agg(
        (pl.len() / pl.col(_WHEN).dt.date().n_unique()).alias("actions_on_an_active_day"),
        (pl.col(WEIGHT) > 0).mean().alias("share_of_positives"),
    )
    people = active.join(first, on=USER_ID, how="left").join(users.select(USER_ID, *told), on=USER_ID, how="left")
    age = (pl.lit(window.ended) - pl.col("first")).dt.total_seconds() / _DAY.total_seconds()
    return people.select("actions_on_an_active_day", "share_of_positives", age.alias("days_of_history"), *told)


def _words(rows: pl.DataFrame) -> pl.DataFrame:
    def of(kind: Kind) -> pl.Expr:
        return pl.when(pl.col(KIND) == kind.value).then(pl.col(VALUE))

    return rows.select(USER_ID, KIND, of(Kind.RATING).alias("stars"), of(Kind.WATCH).alias("watched_part"))


def _features(
    rows: pl.DataFrame, known: pl.LazyFrame, movies: pl.DataFrame, window: Window, config: FeedbackConfig
) -> pl.DataFrame:
    """Return the feature store's rows of the window's users, as of its end."""
    people = rows.select(USER_ID).unique().sort(USER_ID)
    if people.height > MOST_USERS:
        people = people[_evenly(people.height, MOST_USERS)]
    asked = people.with_columns(pl.lit(window.ended, pl.Datetime("us", "UTC")).alias(AT))
    theirs = known.drop(_WHEN).join(people.lazy(), on=USER_ID, how="semi")
    found = features_at(USER_FEATURES, asked, theirs, config=config, films=movies.lazy(), knowledge=None)
    # When something was is no amount: how long ago it was is there as well.
    return found.select(feature.name for feature in USER_FEATURES.features if feature.dtype.is_numeric())


def _evenly(many: int, wanted: int) -> NDArray[np.int64]:
    return np.arange(wanted) * many // wanted


def answers_groups(
    answers: pl.DataFrame, said: pl.DataFrame, *, movies: pl.DataFrame, popular: pl.DataFrame, config: FeedbackConfig
) -> list[Group]:
    """Return what is compared of answers.

    Args:
        answers: One row for each place of each answer: ``answer``, ``user_id`` (null for a visitor), ``at``,
            ``source``, ``place``, ``movie_id`` and ``score``; one of place ``null`` for an answer without films.
        said: What people did, with ``when``.
        movies: What is known of films.
        popular: How popular films were.
        config: What counts as liking.
    """
    with_films = answers.join(popular, on=MOVIE_ID, how="left").with_columns(pl.col("popularity").fill_null(0.0))
    lists = with_films.group_by("answer", maintain_order=True).agg(
        pl.first(USER_ID),
        pl.first("source"),
        pl.col("score").first().alias("first_score"),
        pl.col("place").is_not_null().sum().alias("films"),
        pl.col("popularity").filter(pl.col("place").is_not_null()).mean(),
    )
    liked = said.filter(weight_expression(config) > 0).select(USER_ID, MOVIE_ID, _WHEN)
    taken = answers.drop_nulls([USER_ID, "place"]).join(liked, on=[USER_ID, MOVIE_ID], how="inner")
    soon = pl.col(_WHEN).is_between(pl.col("at"), pl.col("at") + _DAY)
    places = taken.filter(soon).sort("at").unique([USER_ID, MOVIE_ID, _WHEN], keep="last", maintain_order=True)
    # The films of a visitor's answer belong together, too.
    places_of = pl.coalesce(USER_ID, "answer").alias(USER_ID)
    shown, genres = _films(answers.drop_nulls("place").select(places_of, MOVIE_ID), movies, popular)
    return [
        Group("answers", [lists.drop("answer")], owner=USER_ID),
        Group("shown", [shown], owner=USER_ID),
        Group("shown genres", [genres], owner=USER_ID),
        Group("responses", [places.select(USER_ID, pl.col("place").alias("place_of_a_liked_film"))], owner=USER_ID),
    ]
