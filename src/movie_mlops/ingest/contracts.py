"""The contracts: per table, what each column is and which rows may enter the lake. Declared here, and only here.

Parsing, rules, the fast lane and the table in the documentation are derived from these declarations; what a project may
change of them is in :class:`~movie_mlops.ingest.config.IngestConfig`.
"""

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Kind
from movie_mlops.ingest import parsing
from movie_mlops.ingest.contract import Check, Column, Contract, Facts, Reading, says
from movie_mlops.lake import INTERACTIONS, MOVIES, USERS

KINDS: Final = tuple(str(kind) for kind in Kind)


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


_OLDEST: Final = 125
"""Nobody is older."""


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
            Column(c.SERIES, _TEXT),
        ),
        "the same film as line {}",
        (c.MOVIE_ID, c.TITLE),
    ),
    USERS: Contract(
        USERS,
        (
            Column(c.USER_ID, _TEXT, missing="missing-user"),
            Column(c.GENDER, _TEXT, personal=True),
            Column(
                c.AGE,
                _WHOLE,
                unfit=("bad-age", "is not a whole number"),
                checks=(
                    _check(
                        "age-out-of-range",
                        f"0 to {_OLDEST} years",
                        lambda _: ~pl.col(c.AGE).is_between(0, _OLDEST),
                        c.AGE,
                        lambda _: f"is not from 0 to {_OLDEST}",
                        warn=False,
                    ),
                ),
                personal=True,
            ),
            Column(c.OCCUPATION, _TEXT, personal=True),
            Column(c.POSTCODE, _TEXT, personal=True),
        ),
        "the same user as line {}",
        (c.USER_ID,),
    ),
}


LANES: Final[Mapping[str, Mapping[str, pl.DataType]]] = {
    table: {column.name: column.reading.lane for column in contract.columns if column.reading.lane is not None}
    for table, contract in CONTRACTS.items()
}
"""Table to column to the type in which clean text may be read at once."""
