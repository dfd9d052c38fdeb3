"""Which rows of a table of the lake are somebody's, and what becomes of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from movie_mlops.core.columns import EVENT_ID, FIELDS, KEY, RAW, STATISTICS, TABLE, USER_ID
from movie_mlops.ingest import whom
from movie_mlops.lake import BATCHES, EXTRAS, MOVIES, QUARANTINE, REPLAYS, Lake

_BOUNDED: Final = (USER_ID, EVENT_ID)


@dataclass(frozen=True)
class Theirs:
    """Somebody's rows of a table.

    Attributes:
        rows: Which.
        change: Gives the table as it is to be, where the rows do not go.
    """

    rows: pl.Expr
    change: Callable[[pl.DataFrame], pl.DataFrame] | None = None


def theirs(lake: Lake, table: str, user_id: str) -> Theirs | None:
    """Return somebody's rows of a table; ``None`` where it tells of no people."""
    if table == BATCHES:
        return Theirs(_told(user_id, STATISTICS), lambda frame: frame.with_columns(_blanked(user_id)))
    if table in {REPLAYS, EXTRAS}:
        keyed = (pl.col(KEY) == user_id) | pl.col(KEY).str.contains(f"|{user_id}|", literal=True)
        return Theirs((pl.col(TABLE) != MOVIES) & keyed)
    if table == QUARANTINE:
        # Only rows that have the id in them at all are looked into.
        about = pl.struct(RAW, FIELDS).map_elements(
            lambda row: user_id in whom(row[RAW], row[FIELDS]), return_dtype=pl.Boolean, skip_nulls=False
        )
        return Theirs((pl.col(TABLE) != MOVIES) & _told(user_id, RAW, FIELDS) & about)
    if USER_ID in lake.scan(table).collect_schema():
        return Theirs(pl.col(USER_ID) == user_id)
    return None


def _told(user_id: str, *columns: str) -> pl.Expr:
    """Return where a text has an id in it, as it is or as JSON writes it."""
    spelt = {user_id, json.dumps(user_id)[1:-1], json.dumps(user_id, ensure_ascii=False)[1:-1]}
    return pl.any_horizontal(
        pl.col(column).str.contains(text, literal=True).fill_null(value=False) for column in columns for text in spelt
    )


def _blanked(user_id: str) -> pl.Expr:
    def blank(text: str) -> str:
        told = json.loads(text)
        for name in _BOUNDED:
            for side in ("min", "max"):
                bound = told.get(name, {}).get(side)
                if isinstance(bound, str) and (bound == user_id or f"|{user_id}|" in bound):
                    told[name][side] = None
        return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    return pl.col(STATISTICS).map_elements(blank, return_dtype=pl.String)
