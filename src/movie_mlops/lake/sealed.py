"""What is personal in the tables is sealed in their files, and opened whenever they are read.

Each row's facts become one value, encrypted under the key of whom they are about: without that key they are unknown, in
every version and in every copy of the files. Whoever reads a table sees its declared columns, never the sealed one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl
from polars.io.plugins import register_io_source

from movie_mlops.core import columns as c
from movie_mlops.lake.errors import LakeError
from movie_mlops.lake.schemas import EXTRAS, QUARANTINE, SCHEMAS, USERS

# Facts of all people but the most talkative fill one block: their length tells nothing.
_BLOCK: Final = 128
SEALING: Final = "sealing"
"""A cursor: 1 while files may be there from before a table was sealed, 0 once they are gone; none where none were."""

_OWNER, _PLACE, _TOLD = "owner", "place", "told"


class Seals(Protocol):
    """What seals and opens."""

    def seal(self, owners: Sequence[str], places: Sequence[str], told: Sequence[bytes]) -> list[bytes]:
        """Encrypt each under its owner's key, to open only under the same place; an empty owner is nobody."""

    def open(self, places: Sequence[str], sealed: Sequence[bytes]) -> list[bytes | None]:
        """Decrypt each; ``None`` for one whose key was destroyed."""


@dataclass(frozen=True)
class Sealing:
    """What of a table is sealed.

    Attributes:
        columns: Their names.
        owner: Whose a row is, as text.
        place: Columns that tell where a row lies; they are in the clear.
        rows: Which rows; ``None`` for all: their columns are not in the files at all.
    """

    columns: tuple[str, ...]
    owner: pl.Expr
    place: tuple[str, ...]
    rows: pl.Expr | None = None


_OF_PEOPLE: Final = pl.col(c.TABLE) == USERS

SEALED: Final[Mapping[str, Sealing]] = {
    USERS: Sealing((c.GENDER, c.AGE, c.OCCUPATION, c.POSTCODE), pl.col(c.USER_ID), (c.USER_ID,)),
    # A refused line says the same of them, and so do columns that no contract knows.
    QUARANTINE: Sealing(
        (c.DETAIL, c.RAW, c.FIELDS),
        pl.col(c.FIELDS).str.json_path_match(f"$.{c.USER_ID}").str.strip_chars(),
        (c.SOURCE, c.FILE, c.LINE),
        _OF_PEOPLE,
    ),
    EXTRAS: Sealing((c.EXTRAS,), pl.col(c.KEY), (c.SOURCE, c.KEY), _OF_PEOPLE),
}
"""Table to what of it is sealed; that these are the columns which the contract calls personal is held by a test."""


def in_files(table: str) -> pl.Schema | None:
    """Return the columns that files of a declared table may have, sealed or from before; ``None`` of another table."""
    declared = SCHEMAS.get(table)
    return pl.Schema({**declared, c.SEALED: pl.Binary()}) if declared and table in SEALED else declared


def is_plain(table: str) -> pl.Expr:
    """Return which rows of files tell in the clear what is to be sealed."""
    sealing = SEALED[table]
    told = pl.any_horizontal(pl.col(name).is_not_null() for name in sealing.columns)
    return told if sealing.rows is None else told & sealing.rows


def sealed(table: str, frame: pl.DataFrame, seals: Seals | None, *, held: Sequence[str] = ()) -> pl.DataFrame:
    """Return rows of a table as its files are to hold them.

    Args:
        table: The table.
        frame: The rows.
        seals: What seals; ``None`` where nothing does.
        held: The columns that the table's files have already.

    Raises:
        LakeError: The table is a sealed one, and there is nothing to seal with.
    """
    if table not in SEALED:
        return frame
    if seals is None:
        if c.SEALED in held:
            raise _without_keys(table)
        return frame
    sealing = SEALED[table]
    place = pl.concat_str(pl.lit(table), *sealing.place, separator="\n", ignore_nulls=True)
    told = pl.struct(sealing.columns).struct.json_encode()
    meant = frame.with_row_index().filter(is_plain(table))
    rows = meant.select("index", sealing.owner.fill_null("").alias(_OWNER), place.alias(_PLACE), told.alias(_TOLD))
    texts = [_padded(text.encode()) for text in rows[_TOLD].to_list()]
    made = seals.seal(rows[_OWNER].to_list(), rows[_PLACE].to_list(), texts)
    values = pl.DataFrame({"index": rows["index"], c.SEALED: pl.Series(made, dtype=pl.Binary)})
    whole = frame.with_row_index().join(values, on="index", how="left", maintain_order="left").drop("index")
    if sealing.rows is None:
        return whole.drop(sealing.columns)
    closed = pl.col(c.SEALED).is_null()
    return whole.with_columns(pl.when(closed).then(pl.col(name)).alias(name) for name in sealing.columns)


def opened(table: str, rows: pl.LazyFrame, seals: Seals | None) -> pl.LazyFrame:
    """Return rows of files as the table declares them; only what is asked for is opened.

    Args:
        table: The table.
        rows: As :func:`in_files` says.
        seals: What opens; without it, to ask for what is sealed is an error.
    """
    if table not in SEALED:
        return rows
    return register_io_source(_Reading(table, rows, seals), schema=SCHEMAS[table], is_pure=True)


@dataclass(frozen=True)
class _Reading:
    """What polars calls for the rows of a table, with the columns, rows and number of them that it needs."""

    table: str
    rows: pl.LazyFrame
    seals: Seals | None

    def __call__(
        self, columns: list[str] | None, predicate: pl.Expr | None, most: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        rows, sealing = self.rows, SEALED[self.table]
        wanted = list(SCHEMAS[self.table]) if columns is None else columns
        asked = set() if predicate is None else set(predicate.meta.root_names())
        if asked.isdisjoint(sealing.columns):
            # What is not asked for need not be opened.
            rows = rows if predicate is None else rows.filter(predicate)
            rows = rows if most is None else rows.head(most)
            predicate = most = None
        if set(wanted).isdisjoint(sealing.columns):
            frame = rows.select(wanted).collect()
        else:
            read = dict.fromkeys([*wanted, *sealing.columns, *sealing.place, c.SEALED])
            frame = _open(self.table, rows.select(list(read)).collect(), self.seals).select(wanted)
        frame = frame if predicate is None else frame.filter(predicate)
        yield frame if most is None else frame.head(most)


def _open(table: str, frame: pl.DataFrame, seals: Seals | None) -> pl.DataFrame:
    sealing = SEALED[table]
    closed = frame[c.SEALED].is_not_null()
    if not closed.any():
        return frame
    if seals is None:
        raise _without_keys(table)
    place = pl.concat_str(pl.lit(table), *sealing.place, separator="\n", ignore_nulls=True)
    some = frame.filter(closed).select(place.alias(_PLACE), c.SEALED)
    told = seals.open(some[_PLACE].to_list(), some[c.SEALED].to_list())
    facts = pl.Struct({name: SCHEMAS[table][name] for name in sealing.columns})
    read = pl.Series(told, dtype=pl.Binary).cast(pl.String).str.json_decode(facts).alias(_TOLD)
    values = pl.DataFrame({"index": closed.arg_true(), _TOLD: read})
    whole = frame.with_row_index().join(values, on="index", how="left", maintain_order="left").drop("index")
    return whole.with_columns(
        pl.coalesce(pl.col(_TOLD).struct.field(name), pl.col(name)).alias(name) for name in sealing.columns
    ).drop(_TOLD)


def _without_keys(table: str) -> LakeError:
    return LakeError(
        f"The facts of people in the table {table!r} are sealed, and this lake was opened without the keys.",
        next_step="Open it with them, as movie_mlops.flows.Platform does.",
    )


def _padded(text: bytes) -> bytes:
    """Return JSON with spaces behind it, up to whole blocks."""
    return text.ljust(-(-len(text) // _BLOCK) * _BLOCK)
