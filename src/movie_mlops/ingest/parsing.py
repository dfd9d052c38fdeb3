"""Text, or whatever type a file has, to the types of the tables. What cannot be read becomes null."""

from functools import cache
from typing import Final

import polars as pl

from movie_mlops.core import columns as c

# Epoch numbers below this are seconds, below the next milliseconds, otherwise microseconds.
_SECONDS_END: Final = 1e11
_MILLISECONDS_END: Final = 1e14
_MICROSECONDS_END: Final = 1e17
_SECOND: Final = 1_000_000
# More than any film of MovieLens has; with as many beginnings, times are from the year 1970 to beyond 3600.
_NUMBERS: Final = 1 << 19
_ENDINGS: Final = 100_000
_ISO_FORMATS: Final = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
_NAIVE_FORMATS: Final = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
# The whole last part must be the article: "Good, the Bad and the Ugly, The".
_ARTICLES: Final = "The|A|An|La|Le|Les|Il|Lo|El|Los|Las|Der|Die|Das|Den|Det|Un|Une|Ein|Eine"


def text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return column ``name`` as text without spaces around it; empty is null, whole floats lose their ``.0``."""
    column = pl.col(name)
    if dtype.is_float():
        column = pl.coalesce(integer(name, dtype).cast(pl.String), column.cast(pl.String))
    stripped = column.cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def number(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return column ``name`` as finite floats."""
    column = text(name, dtype) if dtype == pl.String else pl.col(name)
    parsed = column.cast(pl.Float64, strict=False)
    return pl.when(parsed.is_finite()).then(parsed)


def integer(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return column ``name`` as whole numbers; ``12.0`` is one."""
    if dtype.is_integer():
        return pl.col(name).cast(pl.Int64, strict=False)
    parsed = number(name, dtype)
    whole = pl.when(parsed == parsed.floor()).then(parsed.cast(pl.Int64, strict=False))
    # Straight from the text first: floats would round numbers of more than 15 digits.
    return pl.coalesce(text(name, dtype).cast(pl.Int64, strict=False), whole) if dtype == pl.String else whole


def time(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return column ``name`` as UTC times: epoch seconds, milliseconds or microseconds, or ISO 8601 (no zone: UTC)."""
    if isinstance(dtype, pl.Datetime):
        column = pl.col(name).dt.cast_time_unit("us")
        return column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
    if dtype == pl.Date:
        return pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype.is_integer():
        return _whole_epoch(integer(name, dtype))
    from_epoch = _epoch(number(name, dtype))
    if dtype != pl.String:
        return from_epoch
    # Matching patterns is slow, so only what is no number is looked at.
    rest = pl.when(number(name, dtype).is_null()).then(text(name, dtype))
    return pl.coalesce(from_epoch, _iso(rest))


def names(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return column ``name`` as lists of names; text is split at ``|``, and MovieLens' "(no genres listed)" is none."""
    column = pl.col(name) if isinstance(dtype, pl.List) else pl.col(name).cast(pl.String).str.split("|")
    each = pl.element().cast(pl.String).str.strip_chars()
    kept = column.list.eval(each.filter((each != "") & (each != "(no genres listed)")))
    return pl.coalesce(kept, pl.lit([], pl.List(pl.String)))


def different(values: pl.Series) -> pl.Series:
    """Return the different values; where equal ones stand together, as they often do, most are gone at a glance."""
    return values.filter(values.ne_missing(values.shift())).unique() if values.len() > 1 else values


def year_in_title(title: pl.Expr) -> pl.Expr:
    """Return the year that ends a title, as in "Toy Story (1995)"."""
    return title.str.extract(r"\((\d{4})(?:[-\x{2013}]\d{0,4})?\)\s*$", 1).cast(pl.Int64, strict=False)


def readable_title(title: pl.Expr) -> pl.Expr:
    """Return titles without the year at the end and with the article in front: "Matrix, The (1999)" is "The Matrix"."""
    without_year = title.str.replace(r"\s*\(\d{4}(?:[-\x{2013}]\d{0,4})?\)\s*$", "")
    return (
        pl.when(without_year.str.strip_chars() != "")
        .then(without_year)
        .otherwise(title)
        .str.replace(rf"^([^(]+), ({_ARTICLES})( \(|$)", "${2} ${1}${3}")
        .str.replace(r"^([^(]+), (L')( \(|$)", "${2}${1}${3}")
        .str.replace_all(rf"\(([^()]+), ({_ARTICLES})\)", "(${2} ${1})")
        .str.replace_all(r"\(([^()]+), (L')\)", "(${2}${1})")
        .str.strip_chars()
    )


def imdb_id(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return IMDb identifiers as IMDb writes them: "tt" and at least seven digits."""
    digits = text(name, dtype).str.extract(r"^(?:tt)?(\d+)$", 1)
    return pl.concat_str(pl.lit("tt"), digits.str.zfill(7))


def event_id(dataset: str) -> pl.Expr:
    """Return the readable natural key ``dataset|user|film|kind|seconds``; a fraction of a second stays in it."""
    micros = pl.col(c.EVENT_TIME).dt.epoch("us")
    seconds = (micros // _SECOND).cast(pl.String)
    fraction = pl.concat_str(seconds, pl.lit("."), (micros % _SECOND).cast(pl.String).str.zfill(6))
    time = pl.when(micros % _SECOND == 0).then(seconds).otherwise(fraction).fill_null("")
    # Faster than pl.concat_str with a separator.
    return pl.format("{}|{}|{}|{}|{}", pl.lit(dataset), c.USER_ID, pl.col(c.MOVIE_ID).cast(pl.String), c.KIND, time)


def with_event_ids(rows: pl.DataFrame, dataset: str) -> pl.DataFrame:
    """Return the rows with their :func:`event_id`, which is put together from known pieces where they all fit."""
    if not _is_plain(rows):
        return rows.with_columns(event_id(dataset).alias(c.EVENT_ID))
    numbers, endings = _numbers(), _endings()
    seconds = pl.col(c.EVENT_TIME).dt.epoch("us") // _SECOND
    key = pl.format(
        f"{dataset}|{{}}|{{}}|{{{c.KIND}}}|{{}}{{}}",
        c.USER_ID,
        pl.lit(numbers).gather(pl.col(c.MOVIE_ID)),
        pl.lit(numbers).gather(seconds // len(endings)),
        pl.lit(endings).gather(seconds % len(endings)),
    )
    return rows.with_columns(key.alias(c.EVENT_ID))


def _is_plain(rows: pl.DataFrame) -> bool:
    """Return whether films and whole seconds are all in the range of what is written out beforehand."""
    film, micros = pl.col(c.MOVIE_ID), pl.col(c.EVENT_TIME).dt.epoch("us")
    seconds = micros // _SECOND
    told = rows.select(
        films=film.is_between(0, _NUMBERS - 1).all(ignore_nulls=False),
        times=seconds.is_between(_ENDINGS, _NUMBERS * _ENDINGS - 1).all(ignore_nulls=False),
        whole=(seconds * _SECOND == micros).all(),
    )
    return all(told.row(0))


@cache
def _numbers() -> pl.Series:
    """Return the first whole numbers as text: a number is looked up several times faster than it is written."""
    return pl.int_range(_NUMBERS, eager=True).cast(pl.String)


@cache
def _endings() -> pl.Series:
    """Return every ending that the text of a larger number may have."""
    return pl.int_range(_ENDINGS, eager=True).cast(pl.String).str.zfill(len(str(_ENDINGS)) - 1)


def _whole_epoch(value: pl.Expr) -> pl.Expr:
    size = value.abs()
    micros = (
        pl.when(size < int(_SECONDS_END))
        .then(value * 1_000_000)
        .when(size < int(_MILLISECONDS_END))
        .then(value * 1_000)
        .when(size < int(_MICROSECONDS_END))
        .then(value)
    )
    return micros.cast(pl.Datetime("us", "UTC"))


def _epoch(value: pl.Expr) -> pl.Expr:
    size = value.abs()
    micros = (
        pl.when(size < _SECONDS_END)
        .then(value * 1e6)
        .when(size < _MILLISECONDS_END)
        .then(value * 1e3)
        .when(size < _MICROSECONDS_END)
        .then(value)
    )
    return micros.round().cast(pl.Int64, strict=False).cast(pl.Datetime("us", "UTC"))


def _iso(value: pl.Expr) -> pl.Expr:
    shaped = value.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00").str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
    shaped = shaped.str.replace(r"[zZ]$", "+00:00")
    zoned = [shaped.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _ISO_FORMATS]
    naive = [shaped.str.to_datetime(form, time_unit="us", strict=False) for form in _NAIVE_FORMATS]
    return pl.coalesce(*zoned, *(each.dt.replace_time_zone("UTC") for each in naive))
