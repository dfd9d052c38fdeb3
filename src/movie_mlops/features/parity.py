"""Whether what was served is what the lake and the event log say: the skew between training and serving, measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl
from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, insert

from movie_mlops.core import clock
from movie_mlops.core.columns import (
    EVENT_ID,
    EVENT_TIME,
    INGESTED_AT,
    KIND,
    MOVIE_ID,
    SOURCE,
    USER_ID,
    VALUE,
)
from movie_mlops.core.nouns import Interaction
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView
from movie_mlops.features.feedback import latest_words
from movie_mlops.features.online.histories import History, packed_words, read_words
from movie_mlops.features.point_in_time import AT, features_at
from movie_mlops.state import METADATA, Database

PARITY: Final = Table(
    "feature_parity",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("answers", BigInteger, nullable=False),
    Column("compared", BigInteger, nullable=False),
    Column("mismatched", BigInteger, nullable=False),
    Column("bound", Float, nullable=False),
    Column("worst", String, nullable=False),
)

_LAST: Final = "SELECT at, answers, compared, mismatched, bound, worst FROM feature_parity ORDER BY id DESC LIMIT 1"
_NOT_IN_LAKE: Final = datetime(9999, 1, 1, tzinfo=UTC)
_TOLERANCE: Final = 1e-9
_SCHEMA: Final = {
    EVENT_ID: pl.String(),
    USER_ID: pl.String(),
    MOVIE_ID: pl.Int64(),
    KIND: pl.String(),
    VALUE: pl.Float32(),
    EVENT_TIME: pl.Datetime("us", "UTC"),
    INGESTED_AT: pl.Datetime("us", "UTC"),
    SOURCE: pl.String(),
}


@dataclass(frozen=True)
class Parity:
    """The outcome of one comparison.

    Attributes:
        at: When it was made.
        answers: How many answers were looked at.
        compared: How many values were: each history as one, each feature.
        mismatched: How many of them are not what was computed again.
        bound: The largest share that is allowed.
        worst: The features that differ most often, with how often.
    """

    at: datetime
    answers: int
    compared: int
    mismatched: int
    bound: float
    worst: str = ""

    @property
    def rate(self) -> float:
        """The share of values that differ."""
        return self.mismatched / self.compared if self.compared else 0.0

    @property
    def passed(self) -> bool:
        """Whether the share is within its bound."""
        return self.rate <= self.bound

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        if not self.compared:
            return "No answer of the sample can be compared yet."
        found = (
            f"{self.mismatched:,} of {self.compared:,} served values ({self.rate:.4%}) are not what is computed again"
        )
        where = f": {self.worst}" if self.worst else ""
        return f"{found}, {'within' if self.passed else 'above'} the bound of {self.bound:.4%}{where}."

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {**asdict(self), "at": clock.to_iso(self.at), "rate": self.rate, "passed": self.passed}


def keep_parity(database: Database, parity: Parity) -> None:
    """Keep an outcome, for the metric."""
    with database.write() as connection:
        connection.execute(insert(PARITY), {**asdict(parity), "at": clock.microseconds(parity.at)})


def last_parity(database: Database) -> Parity | None:
    """Return the last outcome."""
    for at, *rest in database.fetch(_LAST):
        return Parity(clock.from_microseconds(at), *rest)
    return None


def event_rows(events: Sequence[Interaction]) -> pl.DataFrame:
    """Return events that the lake has not got as rows of its table, later than all that it has."""
    rows = [
        (e.event_id, e.user_id, e.movie_id, e.kind.value, e.value, e.event_time, _NOT_IN_LAKE, e.source) for e in events
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def histories_again(said: Sequence[pl.DataFrame], config: FeedbackConfig) -> list[str]:
    """Return the digest of each history, computed from everything that its user did.

    Args:
        said: For each history, its user's rows of the table ``interactions``.
        config: What counts as liking.
    """
    # Each is a user of its own, so that one pass does them all.
    apart = _apart(said, USER_ID)
    words = dict(packed_words(latest_words(apart.lazy(), config)))
    return [read_words(words.get(str(place)), str(place)).digest() for place in range(len(said))]


def history_again(said: pl.DataFrame, user_id: str, config: FeedbackConfig) -> History:
    """Return a user's history, computed from everything that the user did.

    Args:
        said: The user's rows of the table ``interactions``.
        user_id: Whose.
        config: What counts as liking.
    """
    words = dict(packed_words(latest_words(said.select(_SCHEMA.keys()).lazy(), config)))
    return read_words(words.get(user_id), user_id)


def rows_again(
    view: FeatureView,
    rows: Sequence[tuple[Any, datetime]],
    said: Sequence[pl.DataFrame],
    films: pl.DataFrame,
    config: FeedbackConfig,
) -> list[dict[str, Any]]:
    """Return feature rows, computed in batch.

    Args:
        view: Which view.
        rows: The key of each row, and the time as of which it was served.
        said: For each row, the rows of the table ``interactions`` about its key.
        films: Rows of the table ``movies``.
        config: What counts as liking.
    """
    by = view.entity.folds
    if by == MOVIE_ID:
        numbers = pl.DataFrame({"place": range(len(rows)), MOVIE_ID: [key for key, _ in rows]})
        films = films.join(numbers.cast({MOVIE_ID: pl.Int64}), on=MOVIE_ID).drop(MOVIE_ID)
        films = films.rename({"place": MOVIE_ID}).cast({MOVIE_ID: pl.Int64})
    wanted = pl.DataFrame({by: range(len(rows)), AT: [at for _, at in rows]}).cast(
        {by: _SCHEMA[by], AT: pl.Datetime("us", "UTC")}
    )
    apart = _apart(said, by)
    found = features_at(view, wanted, apart.lazy(), config=config, films=films.lazy(), knowledge=None)
    return found.select(view.names).to_dicts()


def differing(served: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """Return the features whose served value is not the one that was computed again."""
    return [name for name, value in served.items() if name not in again or not _same(value, again[name])]


def _same(served: Any, again: Any) -> bool:
    if isinstance(again, datetime):
        return served is not None and datetime.fromisoformat(served) == again
    if served is None or again is None:
        return served is again
    return math.isclose(served, again, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _apart(said: Sequence[pl.DataFrame], by: str) -> pl.DataFrame:
    frames = [
        frame.select(_SCHEMA.keys()).with_columns(pl.lit(place).cast(_SCHEMA[by]).alias(by))
        for place, frame in enumerate(said)
    ]
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *frames])
