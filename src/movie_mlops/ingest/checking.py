"""Rows held against their contract: each comes out on exactly one side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Kind
from movie_mlops.ingest.config import Mode, TableModes
from movie_mlops.ingest.contract import GIVEN, Contract, Facts
from movie_mlops.ingest.parsing import event_id, with_event_ids
from movie_mlops.ingest.raw import EXTRA, Lane, RawTable
from movie_mlops.ingest.refusals import ABOUT, REFUSED, as_duplicates, as_refused, numbered
from movie_mlops.ingest.rules import of_changes, rules_of, sort_out, unfit, warnings_of
from movie_mlops.ingest.schema_changes import Change, changes_of, without
from movie_mlops.lake import INTERACTIONS, KEYS, SCHEMAS

_FIRST_LINE: Final = "first_line"
_AT_ONCE: Final = 1 << 17
_KEPT: Final = {c.LINE: pl.Int64, c.KEY: pl.String, c.EXTRAS: pl.String}


@dataclass(frozen=True)
class Checked:
    """The rows of a raw table, each on exactly one side.

    Attributes:
        read: How many rows there were: those of ``good`` and those of ``bad``.
        good: The rows that keep the contract, with ``line`` and the columns of the table that come from files; in the
            order of the file.
        bad: The refused rows: ``table``, ``file``, ``line``, ``reason``, ``detail``, ``raw``, ``fields``.
        extras: What good rows have that the table has no place for, where that is kept: ``key`` and ``extras``.
        warnings: Reasons that did not refuse, and values that were discarded, with how many rows each.
        changes: What is not as the contract declares it.
        users: The different users of the good rows, in no order; none where the table has no users.
        erased: How many rows are on neither side because their people were erased.
        unwilling: The same, because their people do not permit it.
    """

    read: int
    good: pl.DataFrame
    bad: pl.DataFrame
    extras: pl.DataFrame
    warnings: dict[str, int] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    users: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))
    erased: int = 0
    unwilling: int = 0


def check(raw: RawTable, contract: Contract, facts: Facts, *, dataset: str) -> Checked:
    """Hold the rows of ``raw`` against ``contract``.

    Args:
        raw: The rows as the source gives them.
        contract: What the table takes.
        facts: What the checks compare with.
        dataset: The name that starts the key of an interaction.

    Raises:
        ContractError: Something changed that is frozen.
    """
    changes = changes_of(raw, contract, contract.modes(facts.config))
    if not raw.rows:
        looked = _Looked(_keyed(pl.DataFrame(schema={c.LINE: pl.Int64, **_types(contract)}), contract, dataset))
    elif raw.lane is None:
        looked = _look(raw.frame, raw, contract, facts, changes=changes, dataset=dataset)
    elif any(change.per_row for change in changes):
        looked = _look(raw.lane.text(raw.lane.frame[c.LINE]), raw, contract, facts, changes=changes, dataset=dataset)
    else:
        sure, doubtful = _through_the_lane(raw.lane, contract, facts, dataset=dataset)
        looked = _Looked(sure)
        if not doubtful.is_empty():
            looked = _look(raw.lane.text(doubtful), raw, contract, facts, changes=changes, dataset=dataset)
            looked.good = sure if looked.good.is_empty() else sure.merge_sorted(looked.good, c.LINE)
    good, bad = looked.good, looked.bad
    users, rises = _users(good) if contract.table == INTERACTIONS else (pl.Series(dtype=pl.String), False)
    repeated = good.clear()
    if not rises:
        good, repeated = _without_repeats(good, key_of(contract), contract.repeated)
    if not repeated.is_empty():
        bad = pl.concat([bad, as_duplicates(repeated, raw, contract, changes)]).sort(c.LINE)
    good = good.select(c.LINE, *dict.fromkeys([key_of(contract), *(column.name for column in contract.columns)]))
    return Checked(raw.rows, good, bad, looked.extras, looked.warnings, changes, users)


def _types(contract: Contract) -> dict[str, pl.DataType]:
    return {column.name: SCHEMAS[contract.table][column.name] for column in contract.columns}


@dataclass
class _Looked:
    """What a close look at rows of text gave."""

    good: pl.DataFrame
    bad: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REFUSED))
    extras: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_KEPT))
    warnings: dict[str, int] = field(default_factory=dict)


def _look(
    frame: pl.DataFrame,
    raw: RawTable,
    contract: Contract,
    facts: Facts,
    *,
    changes: Sequence[Change],
    dataset: str,
) -> _Looked:
    modes = contract.modes(facts.config)
    parsed = _parsed(numbered(without(frame, changes)), contract, facts)
    good, bad = sort_out(parsed, [*of_changes(changes), *rules_of(contract, facts, modes)])
    names = [column.name for column in contract.columns]
    return _Looked(
        _keyed(good.select(c.LINE, *names), contract, dataset),
        as_refused(bad, raw, contract.table).sort(c.LINE),
        _extras(good, contract, modes, dataset),
        warnings_of(good, contract, facts),
    )


def key_of(contract: Contract) -> str:
    """Return the column that tells one row of the table from another."""
    return KEYS[contract.table][0]


def _keyed(good: pl.DataFrame, contract: Contract, dataset: str) -> pl.DataFrame:
    """Return the rows with their key, where it is not one of the columns that come from files."""
    return with_event_ids(good, dataset) if contract.table == INTERACTIONS else good


def _through_the_lane(lane: Lane, contract: Contract, facts: Facts, *, dataset: str) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows that keep the contract beyond doubt, and the lines of the others: the lane only ever says yes."""
    given = [column.name for column in contract.columns if column.name in lane.frame.columns]
    parsed = _parsed(lane.frame, contract, facts, given=False)
    whole = [pl.col(name).is_not_null() for name in given]
    broken = [check.broken(facts) for check in contract.checks().values()]
    sure = parsed.select(pl.all_horizontal(*whole, *(~each.fill_null(value=False) for each in broken))).to_series()
    doubtful = lane.frame[c.LINE].filter(~sure)
    if not doubtful.is_empty():
        parsed = parsed.filter(sure)
    names = [column.name for column in contract.columns]
    parsed = parsed.select(c.LINE, *names)
    keyed = [_keyed(part, contract, dataset) for part in _slices(parsed)] or [_keyed(parsed, contract, dataset)]
    return pl.concat(keyed, rechunk=False), doubtful


def _slices(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows few at a time: what is worked out on the way then fits into memory that is at hand.

    A slice ends where a column's piece of memory does, so that what is made of the slices can be put one after the
    other; columns in different pieces would be copied, again and again.
    """
    ends = sorted({end for column in frame.get_columns() for end in accumulate(column.chunk_lengths())})
    start = 0
    for end in ends:
        while start < end:
            rows = min(_AT_ONCE, end - start)
            yield frame.slice(start, rows)
            start += rows


def _parsed(frame: pl.DataFrame, contract: Contract, facts: Facts, *, given: bool = True) -> pl.DataFrame:
    """Return the frame with typed columns, and what was given under ``given:``."""
    types, read = frame.schema, []
    for column in contract.columns:
        value = pl.lit(None) if column.default is None else column.default(types)
        if column.name in types:
            as_is = column.reading.as_is and not given
            read_as = pl.col(column.name) if as_is else column.reading.parse(column.name, types[column.name])
            default, value = value, read_as
            if column.fills:
                blank = pl.col(column.name).cast(pl.String).fill_null("").str.strip_chars() == ""
                value = pl.when(blank).then(default).otherwise(value)
        read.append(value.alias(column.name))
    kept: list[str | pl.Expr] = [name for name in frame.columns if name in ABOUT or name.startswith(EXTRA)]
    if given:
        kept += [pl.col(name).alias(GIVEN + name) for name in frame.columns if name not in kept]
    return frame.select(*kept, *read).with_columns(_stretched(contract, facts))


def _stretched(contract: Contract, facts: Facts) -> list[pl.Expr]:
    """Return what is left to do once the kind of each row is known: other scales, and the tables' exact types."""
    if contract.table != INTERACTIONS:
        numbers = [column.name for column in contract.columns if SCHEMAS[contract.table][column.name].is_integer()]
        return [pl.col(name).cast(pl.Int64) for name in numbers]
    value = pl.col(c.VALUE).cast(pl.Float64)
    if facts.scale is not None:
        low, high = facts.scale
        config = facts.config
        stretched = (value - low) / (high - low) * (config.rating_max - config.rating_min) + config.rating_min
        value = pl.when(pl.col(c.KIND) == Kind.RATING).then(stretched).otherwise(value)
    return [value.cast(pl.Float32), pl.col(c.EVENT_TIME).cast(pl.Datetime("us", "UTC"))]


def _extras(good: pl.DataFrame, contract: Contract, modes: TableModes, dataset: str) -> pl.DataFrame:
    """Return what good rows have that the table has no place for: new columns, and values that do not fit."""
    kept: dict[str, pl.Expr] = {}
    if modes.new_column is Mode.EVOLVE:
        kept |= {name: _present(name) for name in good.columns if name.startswith(EXTRA)}
    for column in contract.columns:
        given = GIVEN + column.name
        evolves = modes.mode("unfit_value", column.name) is Mode.EVOLVE
        if evolves and column.unfit and given in good.columns:
            kept[given] = pl.when(unfit(column.name)).then(pl.col(given).cast(pl.String))
    if not kept or good.is_empty():
        return pl.DataFrame(schema=_KEPT)
    key = event_id(dataset) if contract.table == INTERACTIONS else pl.col(key_of(contract)).cast(pl.String)
    parts = [_member(name.removeprefix(EXTRA).removeprefix(GIVEN), value) for name, value in kept.items()]
    told = pl.concat_str(pl.lit("{"), pl.concat_str(parts, separator=",", ignore_nulls=True), pl.lit("}"))
    has_any = pl.any_horizontal(value.is_not_null() for value in kept.values())
    return good.filter(has_any).select(c.LINE, key.alias(c.KEY), told.alias(c.EXTRAS))


def _present(name: str) -> pl.Expr:
    text = pl.col(name).cast(pl.String)
    return pl.when(text.str.strip_chars() != "").then(text)


def _member(name: str, value: pl.Expr) -> pl.Expr:
    """Return a member of a JSON object, null where the value is."""
    whole = pl.struct(value.alias(name)).struct.json_encode()
    return pl.when(value.is_not_null()).then(whole.str.strip_prefix("{").str.strip_suffix("}"))


def _without_repeats(good: pl.DataFrame, key: str, detail: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the first row of each ``key``, and the later ones as duplicates."""
    # Hashes are counted faster than texts; where they are all different, so are the texts.
    if good[key].hash().n_unique() == good.height:
        return good, good.clear()
    first = good[key].is_first_distinct()
    kept, repeated = good.filter(first), good.filter(~first)
    lines = kept.select(key, pl.col(c.LINE).alias(_FIRST_LINE))
    repeated = repeated.join(lines, on=key, how="left", maintain_order="left").with_columns(
        pl.lit("duplicate").alias(c.REASON), pl.format(detail, _FIRST_LINE).alias(c.DETAIL)
    )
    return kept, repeated.drop(_FIRST_LINE)


def _users(good: pl.DataFrame) -> tuple[pl.Series, bool]:
    """Return the different users, and whether no key can be there twice.

    None can where each user's rows stand together with rising films, as in most published files.
    """
    both = good.select(c.USER_ID, c.MOVIE_ID)
    heads, rises = [both[c.USER_ID].head(1)], True
    for start in range(0, both.height - 1, _AT_ONCE):
        # One row more: each is held against the one before it.
        part = both.slice(start, _AT_ONCE + 1).rechunk()
        user, film = part[c.USER_ID], part[c.MOVIE_ID]
        before = part.height - 1
        begins = user.slice(1).ne_missing(user.slice(0, before))
        heads.append(user.slice(1).filter(begins))
        rises = rises and bool((begins | (film.slice(1) > film.slice(0, before))).all())
    every = pl.concat(heads)
    users = every.unique()
    return users, rises and every.len() == users.len()
