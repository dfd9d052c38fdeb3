"""The contracts: per table, what each column is and which rows may enter the lake. Declared here, and only here.

Parsing, rules, the fast lane and the table in the documentation are derived from these declarations; what a project may
change of them is in :class:`~movie_mlops.ingest.config.IngestConfig`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.nouns import Kind
from movie_mlops.ingest import parsing
from movie_mlops.ingest.config import IngestConfig, Severity, TableModes
from movie_mlops.lake import INTERACTIONS, MOVIES

GIVEN: Final = "given:"
"""Stands before a column's name where the value is meant as the source gave it."""
KINDS: Final = tuple(str(kind) for kind in Kind)


@dataclass(frozen=True)
class Facts:
    """What the checks of one load compare with.

    Attributes:
        config: The limits.
        now: Nothing happens after this time.
        films: The film ids that exist (Int64).
        scale: The lowest and highest rating of the source, where they are to be stretched.
    """

    config: IngestConfig
    now: datetime
    films: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int64))
    scale: tuple[float, float] | None = None


@dataclass(frozen=True)
class Reading:
    """How a value of a file becomes a value of ours.

    Attributes:
        says: What it is, for people.
        parse: Column name and type in the file to an expression; null where a value cannot be read.
        takes: Types that are read besides text, as functions of a polars type.
        lane: The type in which clean text of this kind may be read at once; ``None`` where it needs a closer look.
        as_is: Whether nothing is left to do with what was read so.
    """

    says: str
    parse: Callable[[str, pl.DataType], pl.Expr]
    takes: tuple[Callable[[pl.DataType], bool], ...] = ()
    lane: pl.DataType | None = None
    as_is: bool = False

    def reads(self, dtype: pl.DataType) -> bool:
        """Return whether values of ``dtype`` can be read."""
        is_text = isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null)
        return is_text or any(takes(dtype) for takes in self.takes)


@dataclass(frozen=True)
class Check:
    """A reason to refuse a row, or to wonder about it.

    Attributes:
        reason: A stable word.
        says: The rule, for people.
        broken: True where a row breaks it, over parsed columns and the ``given:`` ones.
        detail: What exactly is wrong, as text over the same columns.
        may_warn: Whether a project may keep such rows and only count them.
        last: Whether it is looked at when nothing else is wrong.
    """

    reason: str
    says: str
    broken: Callable[[Facts], pl.Expr]
    detail: Callable[[Facts], pl.Expr]
    may_warn: bool = False
    last: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        reading: How it is read.
        unfit: Reason and words for a value that cannot be read; ``None`` where every text can.
        missing: The reason where a row has nothing here; ``None`` where it need not have.
        default: What rows have where the file has no such column.
        fills: Whether the default is also for rows that have nothing in it.
        checks: What its values must keep.
    """

    name: str
    reading: Reading
    unfit: tuple[str, str] | None = None
    missing: str | None = None
    default: Callable[[pl.Schema], pl.Expr] | None = None
    fills: bool = False
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Contract:
    """What a table takes.

    Attributes:
        table: The table.
        columns: Its columns that come from files.
        repeated: What a second row with the same key is told.
        required: Columns that every file must have.
    """

    table: str
    columns: tuple[Column, ...]
    repeated: str
    required: tuple[str, ...]

    def column(self, name: str) -> Column:
        """Return a column by its name."""
        return next(column for column in self.columns if column.name == name)

    def checks(self) -> Mapping[str, Check]:
        """Return all checks by their reasons."""
        return {check.reason: check for column in self.columns for check in column.checks}

    def modes(self, config: IngestConfig) -> TableModes:
        """Return what the project chose for this table.

        Raises:
            ConfigurationError: It names a column or a reason that there is not, or one that cannot be a warning.
        """
        chosen: TableModes = getattr(config, self.table)
        names = [column.name for column in self.columns]
        for name in chosen.columns:
            if name not in names:
                raise _unknown(f"{self.table}.columns", name, names)
        may_warn = [reason for reason, check in self.checks().items() if check.may_warn]
        for reason in chosen.severities:
            if reason not in may_warn:
                raise _unknown(f"{self.table}.severities", reason, may_warn)
        return chosen

    def severities(self, config: IngestConfig) -> dict[str, Severity]:
        """Return every reason that may be a warning, with what the project made of it."""
        chosen = self.modes(config).severities
        return {reason: chosen.get(reason, Severity.ERROR) for reason, check in self.checks().items() if check.may_warn}


def describe(contract: Contract) -> list[dict[str, str]]:
    """Return the contract as rows for people: column, what it is, required or not, reasons to refuse."""
    rows = []
    for column in contract.columns:
        reasons = [column.missing, column.unfit[0] if column.unfit else None]
        checks = [f"`{check.reason}`{'*' if check.may_warn else ''} ({check.says})" for check in column.checks]
        rows.append(
            {
                "column": f"`{column.name}`",
                "is": column.reading.says,
                "required": "yes" if column.missing else "",
                "refused for": ", ".join([*(f"`{reason}`" for reason in reasons if reason), *checks]),
            }
        )
    return rows


def says(name: str, why: str) -> pl.Expr:
    """Return the text ``<name> <value as given> <why>``."""
    return pl.format("{} {} {}", pl.lit(name), pl.col(GIVEN + name).cast(pl.String), pl.lit(why))


def _check(
    reason: str, rule: str, broken: Callable[[Facts], pl.Expr], column: str, why: Callable[[Facts], str], *, warn: bool
) -> Check:
    return Check(reason, rule, broken, lambda facts: says(column, why(facts)), warn)


def _is(kind: Kind) -> pl.Expr:
    return pl.col(c.KIND) == kind


def _off_scale(facts: Facts) -> pl.Expr:
    value, config = pl.col(c.VALUE), facts.config
    off = _is(Kind.RATING) & ~value.is_between(config.rating_min, config.rating_max)
    return off | (_is(Kind.WATCH) & ~value.is_between(0, 1))


def _scale(facts: Facts) -> str:
    low, high = facts.scale or (facts.config.rating_min, facts.config.rating_max)
    return f"is not from {low:g} to {high:g} (a watch: 0 to 1)"


def _last_year(facts: Facts) -> int:
    return facts.now.year + facts.config.years_ahead


def _year(facts: Facts) -> pl.Expr:
    first, last = pl.lit(facts.config.first_year), pl.lit(_last_year(facts))
    return pl.format("year {} is not from {} to {}", c.YEAR, first, last)


def _kind_of(types: pl.Schema) -> pl.Expr:
    return pl.lit(str(Kind.RATING if c.VALUE in types else Kind.LIKE))


def _is_list(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.String | pl.Null)


_NUMBERS: Final = (lambda dtype: dtype.is_integer(), lambda dtype: dtype.is_float())
_TEXT: Final = Reading("text", parsing.text, _NUMBERS, pl.String(), as_is=True)
_WHOLE: Final = Reading("whole number", parsing.integer, _NUMBERS, pl.Int64(), as_is=True)
_NUMBER: Final = Reading("number", parsing.number, (lambda dtype: dtype.is_numeric(),), pl.Float64())
_TIME: Final = Reading(
    "epoch seconds, milli- or microseconds, or ISO 8601",
    parsing.time,
    (*_NUMBERS, lambda dtype: dtype == pl.Date or isinstance(dtype, pl.Datetime)),
    pl.Int64(),
)
_WORD: Final = Reading("word", lambda name, dtype: parsing.text(name, dtype).str.to_lowercase(), (), pl.String())
_NAMES: Final = Reading("names between bars", parsing.names, (_is_list,))
_TITLE: Final = Reading("title", lambda name, dtype: parsing.readable_title(parsing.text(name, dtype)), _NUMBERS)
_IMDB: Final = Reading("IMDb identifier", parsing.imdb_id, _NUMBERS)

_NEGATIVE: Final = _check(
    "bad-movie-id", "not negative", lambda _: pl.col(c.MOVIE_ID) < 0, c.MOVIE_ID, lambda _: "is negative", warn=False
)
_FILM_ID: Final = ("bad-movie-id", "is not a whole number")


def _no_names(_types: pl.Schema) -> pl.Expr:
    return pl.lit([], pl.List(pl.String))


CONTRACTS: Final[Mapping[str, Contract]] = {
    INTERACTIONS: Contract(
        INTERACTIONS,
        (
            Column(c.USER_ID, _TEXT, missing="missing-user"),
            Column(
                c.MOVIE_ID,
                _WHOLE,
                unfit=_FILM_ID,
                missing="missing-film",
                checks=(
                    _NEGATIVE,
                    Check(
                        "unknown-film",
                        "a film of the table of films",
                        lambda facts: ~pl.col(c.MOVIE_ID).is_in(facts.films.implode()),
                        lambda _: says(c.MOVIE_ID, "is in no table of films"),
                        may_warn=True,
                        last=True,
                    ),
                ),
            ),
            Column(
                c.KIND,
                _WORD,
                missing="missing-kind",
                default=_kind_of,
                checks=(
                    _check(
                        "bad-kind",
                        f"one of {', '.join(KINDS)}",
                        lambda _: ~pl.col(c.KIND).is_in(KINDS),
                        c.KIND,
                        lambda _: f"is none of {', '.join(KINDS)}",
                        warn=False,
                    ),
                ),
            ),
            Column(
                c.VALUE,
                _NUMBER,
                unfit=("bad-value", "is not a number"),
                checks=(
                    Check(
                        "missing-value",
                        "a rating has one",
                        lambda _: _is(Kind.RATING) & pl.col(c.VALUE).is_null(),
                        lambda _: pl.lit("the rating is empty"),
                    ),
                    _check(
                        "value-out-of-range",
                        "a rating `rating_min` to `rating_max`, a watch 0 to 1",
                        _off_scale,
                        c.VALUE,
                        _scale,
                        warn=True,
                    ),
                    _check(
                        "unexpected-value",
                        "no other kind has one",
                        lambda _: pl.col(c.VALUE).is_not_null() & ~_is(Kind.RATING) & ~_is(Kind.WATCH),
                        c.VALUE,
                        lambda _: "belongs to no kind but rating and watch",
                        warn=True,
                    ),
                ),
            ),
            Column(
                c.EVENT_TIME,
                _TIME,
                unfit=("bad-time", "is neither epoch seconds or milliseconds nor ISO 8601"),
                checks=(
                    _check(
                        "time-too-early",
                        "not before `earliest`",
                        lambda facts: pl.col(c.EVENT_TIME) < facts.config.earliest,
                        c.EVENT_TIME,
                        lambda facts: f"is before {facts.config.earliest:%Y-%m-%d}",
                        warn=True,
                    ),
                    _check(
                        "time-in-future",
                        "not after the load",
                        lambda facts: pl.col(c.EVENT_TIME) > facts.now,
                        c.EVENT_TIME,
                        lambda facts: f"is after {facts.now:%Y-%m-%dT%H:%M:%SZ}",
                        warn=True,
                    ),
                ),
            ),
        ),
        "the same user, film, kind and time as line {}",
        (c.USER_ID, c.MOVIE_ID),
    ),
    MOVIES: Contract(
        MOVIES,
        (
            Column(c.MOVIE_ID, _WHOLE, unfit=_FILM_ID, missing="missing-film", checks=(_NEGATIVE,)),
            Column(c.TITLE, _TITLE, missing="empty-title"),
            Column(
                c.YEAR,
                _WHOLE,
                unfit=("bad-year", "is not a year"),
                default=lambda types: parsing.year_in_title(parsing.text(c.TITLE, types[c.TITLE])),
                fills=True,
                checks=(
                    Check(
                        "year-out-of-range",
                        "`first_year` to `years_ahead` from now",
                        lambda facts: ~pl.col(c.YEAR).is_between(facts.config.first_year, _last_year(facts)),
                        _year,
                        may_warn=True,
                    ),
                ),
            ),
            Column(c.GENRES, _NAMES, default=_no_names),
            Column(c.DIRECTORS, _NAMES, default=_no_names),
            Column(c.LANGUAGE, _TEXT),
            Column(c.RUNTIME, _WHOLE, unfit=("bad-runtime-minutes", "is not a whole number")),
            Column(c.TMDB_ID, _WHOLE, unfit=("bad-tmdb-id", "is not a whole number")),
            Column(c.IMDB_ID, _IMDB, unfit=("bad-imdb-id", "is not an IMDb identifier")),
            Column(c.KEYWORDS, _NAMES, default=_no_names),
            Column(c.CAST, _NAMES, default=_no_names),
        ),
        "the same film as line {}",
        (c.MOVIE_ID, c.TITLE),
    ),
}


LANES: Final[Mapping[str, Mapping[str, pl.DataType]]] = {
    table: {column.name: column.reading.lane for column in contract.columns if column.reading.lane is not None}
    for table, contract in CONTRACTS.items()
}
"""Table to column to the type in which clean text may be read at once."""


def _unknown(place: str, name: str, known: list[str]) -> ConfigurationError:
    near = get_close_matches(name, known, n=1)
    rather = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}."
    return ConfigurationError(f"The contracts have nothing to choose at {place}.{name}.", next_step=rather)
