"""Which rows of a table of the lake are somebody's, and what becomes of them."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass

import polars as pl

from movie_mlops.core.columns import FIELDS, KEY, RAW, STATISTICS, TABLE, USER_ID
from movie_mlops.ingest import bounded_by, purpose_of, whom, without_bounds
from movie_mlops.lake import BATCHES, EXTRAS, INTERACTIONS, MOVIES, QUARANTINE, REPLAYS, USERS, Lake
from movie_mlops.security.erasure import Kind, kept_for
from movie_mlops.security.purposes import Purpose


@dataclass(frozen=True)
class Theirs:
    """Somebody's rows of a table.

    Attributes:
        rows: Which.
        change: Gives the table as it is to be, where the rows do not go.
    """

    rows: pl.Expr
    change: Callable[[pl.DataFrame], pl.DataFrame] | None = None


def theirs(lake: Lake, table: str, user_id: str, purposes: Collection[Purpose] | None = None) -> Theirs | None:
    """Return somebody's rows of a table; ``None`` where it tells of no people, or not for these purposes.

    Args:
        lake: The lake.
        table: The table.
        user_id: Who.
        purposes: What the rows are kept for; ``None``: whatever for.
    """
    if not kept_for(Kind.LAKE, table, purposes):
        return None
    meant = None if purposes is None else [name for name in (INTERACTIONS, USERS) if purpose_of(name) in purposes]
    # Tables that tell of several: their rows say of which.
    of_people = pl.col(TABLE) != MOVIES if meant is None else pl.col(TABLE).is_in(meant)
    if table == BATCHES:
        of_loads = pl.lit(value=True) if meant is None else of_people
        bounds = pl.when(of_loads).then(without_bounds(user_id)).otherwise(pl.col(STATISTICS))
        about = _told(user_id, STATISTICS) & bounded_by(user_id)
        return Theirs(of_loads & about, lambda frame: frame.with_columns(bounds.alias(STATISTICS)))
    if table in {REPLAYS, EXTRAS}:
        keyed = (pl.col(KEY) == user_id) | pl.col(KEY).str.contains(f"|{user_id}|", literal=True)
        return Theirs(of_people & keyed)
    if table == QUARANTINE:
        # Only rows that have the id in them at all are looked into.
        about = pl.struct(RAW, FIELDS).map_elements(
            lambda row: user_id in whom(row[RAW], row[FIELDS]), return_dtype=pl.Boolean, skip_nulls=False
        )
        return Theirs(of_people & _told(user_id, RAW, FIELDS) & about)
    if USER_ID in lake.scan(table).collect_schema():
        return Theirs(pl.col(USER_ID) == user_id)
    return None


def _told(user_id: str, *columns: str) -> pl.Expr:
    """Return where a text has an id in it, as it is or as JSON writes it."""
    spelt = {user_id, json.dumps(user_id)[1:-1], json.dumps(user_id, ensure_ascii=False)[1:-1]}
    return pl.any_horizontal(
        pl.col(column).str.contains(text, literal=True).fill_null(value=False) for column in columns for text in spelt
    )
