"""What a sample of answers was made from, kept beside them, so that it can be computed again and compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, Column, Connection, String, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite

from movie_mlops.core import clock
from movie_mlops.features import History, OnlineFeatures, Row
from movie_mlops.features.views import FILM_FEATURES, USER_FEATURES
from movie_mlops.state import METADATA, Database, StateError

SERVED: Final = Table(
    "served_features",
    METADATA,
    Column("recommendation_id", String(32), primary_key=True),
    Column("at", String(32), nullable=False, index=True),
    Column("user_id", Text, nullable=False),
    Column("stamp", BigInteger, nullable=False),
    Column("history", String(64), nullable=False),
    Column("rows", Text, nullable=False),
    Column("origin", Text, nullable=False),
)
_FILMS: Final = 3


@dataclass(frozen=True, slots=True)
class Served:
    """What one answer was made from.

    Attributes:
        recommendation_id: The answer.
        at: When it was given.
        user_id: To whom.
        stamp: The place in the event log up to which the history had everything.
        history: The history's digest.
        rows: The fresh feature rows of the user and of the first films: view, key, at, stamp, values.
        origin: What the store was made from: the lake's versions, and the place in the log that they had.
    """

    recommendation_id: str
    at: datetime
    user_id: str
    stamp: int
    history: str
    rows: Sequence[dict[str, Any]]
    origin: dict[str, Any]


def sampled(recommendation_id: str, every: int) -> bool:
    """Return whether an answer is one of the sample: one in ``every``, none for 0, by its random id alone."""
    return every > 0 and int(recommendation_id[:8], 16) % every == 0


def take(
    features: OnlineFeatures, history: History, user_id: str, recommendation_id: str, films: Sequence[int]
) -> Served | None:
    """Return what an answer was made from; ``None`` where the store was made anew meanwhile, or not yet, or is away."""
    try:
        before = features.origin()
        rows = [features.read(USER_FEATURES.name, user_id)]
        rows += features.read_many(FILM_FEATURES.name, list(films[:_FILMS]))
        if before is None or features.origin() != before:
            return None
    except StateError:
        return None
    return Served(
        recommendation_id=recommendation_id,
        at=clock.now(),
        user_id=user_id,
        stamp=history.stamp,
        history=history.digest(),
        rows=[_document(row) for row in rows if row.values is not None],
        origin=before,
    )


def keep(connection: Connection, sample: Sequence[Served]) -> None:
    """Write a sample, within the caller's transaction."""
    if not sample:
        return
    rows = [
        {
            "recommendation_id": each.recommendation_id,
            "at": clock.to_iso(each.at),
            "user_id": each.user_id,
            "stamp": each.stamp,
            "history": each.history,
            "rows": orjson.dumps(list(each.rows)).decode(),
            "origin": orjson.dumps(each.origin).decode(),
        }
        for each in sample
    ]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(SERVED).on_conflict_do_nothing(), rows)


def newest(database: Database, most: int) -> Iterator[Served]:
    """Yield the newest of the sample."""
    with database.read() as connection:
        found = connection.execute(select(SERVED).order_by(SERVED.c.at.desc()).limit(most)).all()
    for row in found:
        yield Served(
            row.recommendation_id,
            datetime.fromisoformat(row.at),
            row.user_id,
            row.stamp,
            row.history,
            orjson.loads(row.rows),
            orjson.loads(row.origin),
        )


def _document(row: Row) -> dict[str, Any]:
    assert row.at is not None
    values = {
        name: clock.to_iso(value) if isinstance(value, datetime) else value for name, value in row.to_dict().items()
    }
    return {"view": row.view, "key": row.key, "at": clock.to_iso(row.at), "stamp": row.stamp, "values": values}
