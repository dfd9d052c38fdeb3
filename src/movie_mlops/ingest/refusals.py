"""Refused rows as the quarantine keeps them: where each stood, why it was refused, and what it said."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.ingest.contract import GIVEN, Contract
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.schema_changes import Change, without
from movie_mlops.lake import QUARANTINE, SCHEMAS

SCALE: Final = "value_scale"
"""Under which name the scale of a source stands among the fields of a refused row."""
REFUSED: Final = {
    name: SCHEMAS[QUARANTINE][name] for name in (c.TABLE, c.FILE, c.LINE, c.REASON, c.DETAIL, c.RAW, c.FIELDS)
}
"""The columns of a refused row, without ``source`` and ``ingested_at``."""
ABOUT: Final = (c.LINE, c.RAW, c.REASON, c.DETAIL)
"""What a raw frame says of its rows besides their values."""


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the raw frame with a line number and the reader's reasons, whether the source gave them or not."""
    if c.LINE not in frame.columns:
        frame = frame.with_row_index(c.LINE, offset=1)
    missing = [pl.lit(None, pl.String).alias(name) for name in (c.REASON, c.DETAIL) if name not in frame.columns]
    return frame.with_columns(pl.col(c.LINE).cast(pl.Int64), *missing)


def as_duplicates(rows: pl.DataFrame, raw: RawTable, contract: Contract, changes: Sequence[Change]) -> pl.DataFrame:
    """Return rows that repeat others (``line``, ``reason``, ``detail``) as the quarantine keeps them."""
    if rows.is_empty():
        return pl.DataFrame(schema=REFUSED)
    frame = raw.frame if raw.lane is None else raw.lane.text(rows[c.LINE])
    given = numbered(without(frame, changes)).drop(c.REASON, c.DETAIL)
    given = given.rename({name: GIVEN + name for name in given.columns if name not in ABOUT})
    told = rows.select(c.LINE, c.REASON, c.DETAIL).join(given, on=c.LINE, how="left", maintain_order="left")
    return as_refused(told, raw, contract.table)


def as_refused(bad: pl.DataFrame, raw: RawTable, table: str) -> pl.DataFrame:
    """Return the refused rows as the quarantine keeps them, without ``source`` and ``ingested_at``."""
    given = [pl.col(name).alias(name.removeprefix(GIVEN)) for name in bad.columns if name.startswith(GIVEN)]
    if c.RAW not in bad.columns:
        bad = bad.with_columns(pl.struct(given).struct.json_encode().alias(c.RAW))
    split = pl.any_horizontal(each.is_not_null() for each in given) if given else pl.lit(value=False)
    scale = [] if raw.value_scale is None else [pl.lit(list(raw.value_scale)).alias(SCALE)]
    fields = pl.struct([*given, *scale]).struct.json_encode() if given else pl.lit(None, pl.String)
    return bad.select(
        pl.lit(table).alias(c.TABLE),
        pl.lit(raw.file).alias(c.FILE),
        c.LINE,
        c.REASON,
        pl.col(c.DETAIL).cast(pl.String),
        c.RAW,
        pl.when(split).then(fields).alias(c.FIELDS),
    )
