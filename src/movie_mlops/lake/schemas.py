"""The schemas of the tables that the platform knows from the start."""

from typing import Final

import polars as pl

from movie_mlops.core import columns as c

INTERACTIONS: Final = "interactions"
MOVIES: Final = "movies"
USERS: Final = "users"
QUARANTINE: Final = "quarantine"
REPLAYS: Final = "replays"
EXTRAS: Final = "extras"
BATCHES: Final = "batches"

_TIME: Final = pl.Datetime("us", "UTC")

SCHEMAS: dict[str, pl.Schema] = {
    INTERACTIONS: pl.Schema(
        {
            c.EVENT_ID: pl.String(),
            c.USER_ID: pl.String(),
            c.MOVIE_ID: pl.Int64(),
            c.KIND: pl.String(),
            c.VALUE: pl.Float32(),
            c.EVENT_TIME: _TIME,
            c.INGESTED_AT: _TIME,
            c.SOURCE: pl.String(),
        },
    ),
    MOVIES: pl.Schema(
        {
            c.MOVIE_ID: pl.Int64(),
            c.TITLE: pl.String(),
            c.YEAR: pl.Int32(),
            c.GENRES: pl.List(pl.String()),
            c.DIRECTORS: pl.List(pl.String()),
            c.LANGUAGE: pl.String(),
            c.RUNTIME: pl.Int32(),
            c.TMDB_ID: pl.Int64(),
            c.IMDB_ID: pl.String(),
            # Newer than the first tables: a lake that was written without them reads them as unknown.
            c.KEYWORDS: pl.List(pl.String()),
            c.CAST: pl.List(pl.String()),
            c.SERIES: pl.String(),
        },
    ),
    USERS: pl.Schema(
        {
            c.USER_ID: pl.String(),
            c.GENDER: pl.String(),
            c.AGE: pl.Int32(),
            c.OCCUPATION: pl.String(),
            c.POSTCODE: pl.String(),
        },
    ),
    QUARANTINE: pl.Schema(
        {
            c.TABLE: pl.String(),
            c.FILE: pl.String(),
            c.LINE: pl.Int64(),
            c.REASON: pl.String(),
            c.DETAIL: pl.String(),
            c.RAW: pl.String(),
            c.SOURCE: pl.String(),
            c.INGESTED_AT: _TIME,
            # Newer than the first tables.
            c.FIELDS: pl.String(),
        },
    ),
    REPLAYS: pl.Schema(
        {
            c.QUARANTINE_ID: pl.String(),
            c.TABLE: pl.String(),
            c.KEY: pl.String(),
            c.SOURCE: pl.String(),
            c.REPLAYED_AT: _TIME,
        },
    ),
    EXTRAS: pl.Schema(
        {
            c.TABLE: pl.String(),
            c.KEY: pl.String(),
            c.EXTRAS: pl.String(),
            c.SOURCE: pl.String(),
            c.INGESTED_AT: _TIME,
        },
    ),
    BATCHES: pl.Schema(
        {
            c.TABLE: pl.String(),
            c.SOURCE: pl.String(),
            c.FILE: pl.String(),
            c.FINGERPRINT: pl.String(),
            c.INGESTED_AT: _TIME,
            c.SECONDS: pl.Float64(),
            c.ROWS_READ: pl.Int64(),
            c.ROWS_GOOD: pl.Int64(),
            c.ROWS_NEW: pl.Int64(),
            c.ROWS_QUARANTINED: pl.Int64(),
            c.ROWS_OUTSIDE: pl.Int64(),
            c.REASONS: pl.String(),
            c.WARNINGS: pl.String(),
            c.CHANGES: pl.String(),
            c.STATISTICS: pl.String(),
        },
    ),
}
"""Table name to schema; a table that is not here has whatever schema its first write has."""

KEYS: dict[str, tuple[str, ...]] = {
    INTERACTIONS: (c.EVENT_ID,),
    MOVIES: (c.MOVIE_ID,),
    USERS: (c.USER_ID,),
    REPLAYS: (c.QUARANTINE_ID,),
}
"""Table name to the columns that tell one row from another; a row of another table is told by all that it says."""


def differences(given: pl.Schema, expected: pl.Schema) -> str:
    """Return what is wrong with the schema ``given``, for people."""
    wrong = [
        f"{name}: {given.get(name, 'missing')} instead of {expected.get(name, 'no such column')}"
        for name in dict.fromkeys([*expected, *given])
        if given.get(name) != expected.get(name)
    ]
    return "; ".join(wrong) or "columns in another order"
