"""Somebody's data, as they may take it with them: everything of the inventory that is theirs, and what it means."""

import base64
from typing import Any

import orjson

from movie_mlops.core import clock
from movie_mlops.flows.erasure import lake_rows, state_rows
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import BATCHES
from movie_mlops.security.erasure import PLACES, Kind

_TEXTS = ("request", "items", "propensities", "policy", "rows", "origin", "data", "state")


def export(platform: Platform, user_id: str) -> dict[str, Any]:
    """Return everything that is known of somebody, as plain data.

    Args:
        platform: The stores.
        user_id: Who.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for table in platform.lake.names():
        theirs = lake_rows.theirs(platform.lake, table, user_id)
        if theirs is not None and table != BATCHES:
            rows = platform.lake.scan(table).filter(theirs.rows).collect()
            found[table] = [_plain(row) for row in rows.iter_rows(named=True)]
    with platform.database.read() as connection:
        state = state_rows.rows(connection, user_id)
    found |= {table: [_plain(row) for row in rows] for table, rows in state.items()}
    return {
        "what": "everything that is known of one person",
        "dataset": platform.workspace.dataset,
        "user_id": user_id,
        "made_at": clock.to_iso(clock.now()),
        "history": _history(platform, user_id),
        "data": {table: rows for table, rows in found.items() if rows},
        "meaning": {place.name: place.holds for place in PLACES if place.kind in {Kind.LAKE, Kind.STATE}},
    }


def _history(platform: Platform, user_id: str) -> list[dict[str, Any]]:
    history = platform.histories.read(user_id)
    return [
        {"movie_id": movie_id, "kind": kind.value, "weight": weight}
        for movie_id, kind, weight in zip(
            history.movie_ids.tolist(), history.kinds, history.weights.tolist(), strict=True
        )
    ]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    # The name of a column that SQL must quote is a kind of text that no JSON writer takes.
    return {str(name): _value(str(name), value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if name in _TEXTS and isinstance(value, str):
        return orjson.loads(value)
    return value
