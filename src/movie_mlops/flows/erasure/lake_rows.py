"""Which rows of a table of the lake are somebody's, and what becomes of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from movie_mlops.core.columns import FIELDS, KEY, RAW, STATISTICS, TABLE, USER_ID
from movie_mlops.ingest import whom, without_bounds
from movie_mlops.lake import BATCHES, EXTRAS, MOVIES, QUARANTINE, REPLAYS, Lake


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
        return Theirs(_told(user_id, STATISTICS), lambda frame: frame.with_columns(without_bounds(user_id)))
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
