"""Which rows of the state database are somebody's, and how they go."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, String, Table, cast, delete, func, literal, or_, select, update

from movie_mlops.core.columns import USER_ID
from movie_mlops.events.stored import ERASED, EVENTS
from movie_mlops.features import VIEWS
from movie_mlops.features.online.histories import HISTORIES
from movie_mlops.features.online.materialise import RATINGS, STATES
from movie_mlops.features.online.record import ROWS
from movie_mlops.flows.outcomes import OUTCOMES
from movie_mlops.security.erasure import Kind, kept_for
from movie_mlops.security.key_store import API_KEYS, blank_keys
from movie_mlops.security.people import CONSENTS
from movie_mlops.security.purposes import Purpose
from movie_mlops.serving import IMPRESSIONS
from movie_mlops.serving.exposures import EXPOSURES
from movie_mlops.serving.served import SERVED

USER_VIEWS: Final = (HISTORIES, RATINGS, *(view.name for view in VIEWS if view.entity.folds == USER_ID))
"""What the online store keeps by user: a film may have the same key."""


@dataclass(frozen=True)
class Theirs:
    """Somebody's rows of a table of the state.

    Attributes:
        table: The table.
        rows: Which.
    """

    table: Table
    rows: ColumnElement[bool]


def theirs(connection: Connection, user_id: str, purposes: Collection[Purpose] | None = None) -> Iterator[Theirs]:
    """Yield somebody's rows of every table that has any kind of people in it, as a transaction sees them.

    Args:
        connection: The transaction.
        user_id: Who.
        purposes: Of the tables that are kept for one of these alone; ``None`` for all.
    """
    return (each for each in _all(connection, user_id) if kept_for(Kind.STATE, str(each.table.name), purposes))


def _all(connection: Connection, user_id: str) -> Iterator[Theirs]:
    groups = _groups_of(connection, user_id)
    yield Theirs(EVENTS, EVENTS.c.subject == user_id)
    for table in (IMPRESSIONS, EXPOSURES, SERVED, OUTCOMES):
        yield Theirs(table, or_(table.c.user_id == user_id, table.c.recommendation_id.in_(groups)))
    yield Theirs(ROWS, ROWS.c.view.in_(USER_VIEWS) & (ROWS.c.key == user_id))
    yield Theirs(CONSENTS, CONSENTS.c.user_id == user_id)
    yield Theirs(API_KEYS, API_KEYS.c.user_id == user_id)
    named = or_(*(STATES.c.view.startswith(f"{name} ", autoescape=True) for name in USER_VIEWS))
    yield Theirs(STATES, named & (STATES.c.key == user_id))


def count(connection: Connection, user_id: str, purposes: Collection[Purpose] | None = None) -> dict[str, int]:
    """Return how many rows of each table are somebody's."""
    found = {}
    for each in theirs(connection, user_id, purposes):
        counted = select(func.count()).select_from(each.table).where(each.rows)
        found[str(each.table.name)] = int(connection.execute(counted).scalar_one())
    return found


def erase(connection: Connection, user_id: str, purposes: Collection[Purpose] | None = None) -> dict[str, int]:
    """Take somebody's rows out, within the caller's transaction; return how many of each table."""
    found = count(connection, user_id, purposes)
    for each in list(theirs(connection, user_id, purposes)):
        if each.table is EVENTS:
            connection.execute(update(EVENTS).where(each.rows).values(_tombstone()))
        elif each.table is API_KEYS:
            blank_keys(connection, user_id)
        else:
            connection.execute(delete(each.table).where(each.rows))
    return found


def rows(connection: Connection, user_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return somebody's rows, as they are."""
    return {
        str(each.table.name): [dict(row) for row in connection.execute(select(each.table).where(each.rows)).mappings()]
        for each in theirs(connection, user_id)
    }


def _tombstone() -> dict[str, Any]:
    """Return what is left of an event: its place in the log, so that offsets stay what they are."""
    return {
        "event_id": literal("erased-") + cast(EVENTS.c.offset, String),
        "type": ERASED,
        "source": "",
        "subject": "",
        "time": EVENTS.c.recorded_at,
        "data": "{}",
        "traceparent": None,
    }


def _groups_of(connection: Connection, user_id: str) -> list[str]:
    """Return the answers that were given to a group that somebody was of."""
    asked = select(IMPRESSIONS.c.recommendation_id, IMPRESSIONS.c.request).where(
        IMPRESSIONS.c.request.contains('"members"', autoescape=True)
    )
    return [
        row.recommendation_id
        for row in connection.execute(asked)
        if any(member.get("user_id") == user_id for member in orjson.loads(row.request).get("members", ()))
    ]
