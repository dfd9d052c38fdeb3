"""The contract: which rows may enter the lake, and why the others may not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Kind
from movie_mlops.ingest import parsing
from movie_mlops.ingest.config import IngestConfig
from movie_mlops.ingest.raw import RawTable
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS

# Films are older than cinema in no catalogue, and announced only some years ahead.
_FIRST_YEAR: Final = 1870
_YEARS_AHEAD: Final = 10
_GIVEN: Final = "given:"
_FIRST_LINE: Final = "first_line"
_KNOWN_VALUE: Final = "known_value"


@dataclass(frozen=True)
class Rule:
    """A reason to refuse a row.

    Attributes:
        reason: A stable word.
        broken: True where the row breaks the rule, over parsed columns and the ``given:`` ones.
        detail: What exactly is wrong, as a text expression over the same columns.
    """

    reason: str
    broken: pl.Expr
    detail: pl.Expr


@dataclass(frozen=True)
class Checked:
    """The rows of a raw table, each on exactly one side.

    Attributes:
        read: How many rows there were: those of ``good``, ``known`` more, and those of ``bad``.
        good: The rows that may enter, without ``ingested_at``; in the order of the file.
        known: How many rows the lake has already, word for word.
        bad: The refused rows: ``table``, ``file``, ``line``, ``reason``, ``detail``, ``raw``.
    """

    read: int
    good: pl.DataFrame
    known: int
    bad: pl.DataFrame


def check_interactions(
    raw: RawTable,
    *,
    dataset: str,
    films: pl.Series,
    known: pl.DataFrame,
    config: IngestConfig,
    now: datetime,
) -> Checked:
    """Hold the rows of ``raw`` against the contract of ``interactions``.

    Args:
        raw: The rows as the source gives them.
        dataset: The name that starts the rows' ``event_id`` and is their ``source``.
        films: The film ids that exist (Int64).
        known: ``event_id`` and ``value`` of the rows that the lake has already.
        config: What the contract accepts.
        now: Nothing happens after this time.
    """
    frame = _numbered(raw)
    parsed = _parse_interactions(frame, raw.value_scale, config)
    parsed, bad = _sort_out(parsed, _interaction_rules(films, raw.value_scale, config, now))
    good = parsed.with_columns(_event_id(dataset).alias(c.EVENT_ID), pl.lit(dataset).alias(c.SOURCE))
    good, repeated = _without_repeats(good, c.EVENT_ID, "the same user, film, kind and time as line {}")
    good, known_rows, differing = _without_known(good, known)
    columns = [name for name in SCHEMAS[INTERACTIONS] if name != c.INGESTED_AT]
    refused = [_refused(part, raw, INTERACTIONS) for part in (bad, repeated, differing)]
    return Checked(frame.height, good.select(columns), known_rows, pl.concat(refused).sort(c.LINE))


def check_movies(raw: RawTable, *, now: datetime) -> Checked:
    """Hold the rows of ``raw`` against the contract of ``movies``; ``known`` is left to the loader."""
    frame = _numbered(raw)
    parsed, bad = _sort_out(_parse_movies(frame), _movie_rules(now))
    good, repeated = _without_repeats(parsed, c.MOVIE_ID, "the same film as line {}")
    refused = [_refused(part, raw, MOVIES) for part in (bad, repeated)]
    return Checked(frame.height, good.select(_typed(SCHEMAS[MOVIES])), 0, pl.concat(refused).sort(c.LINE))


def _numbered(raw: RawTable) -> pl.DataFrame:
    """Return the raw frame with a line number and the reader's reasons, whether the source gave them or not."""
    frame = raw.frame
    if c.LINE not in frame.columns:
        frame = frame.with_row_index(c.LINE, offset=1)
    missing = [pl.lit(None, pl.String).alias(name) for name in (c.REASON, c.DETAIL) if name not in frame.columns]
    return frame.with_columns(pl.col(c.LINE).cast(pl.Int64), *missing)


def _parse_interactions(frame: pl.DataFrame, scale: tuple[float, float] | None, config: IngestConfig) -> pl.DataFrame:
    types = frame.schema
    kind = pl.lit(str(Kind.RATING if c.VALUE in types else Kind.LIKE))
    if c.KIND in types:
        kind = parsing.text(c.KIND, types[c.KIND]).str.to_lowercase()
    value = parsing.number(c.VALUE, types[c.VALUE]) if c.VALUE in types else pl.lit(None, pl.Float64)
    if scale is not None:
        stretched = (value - scale[0]) / (scale[1] - scale[0]) * (config.rating_max - config.rating_min)
        value = pl.when(kind == Kind.RATING).then(stretched + config.rating_min).otherwise(value)
    no_time = pl.lit(None, pl.Datetime("us", "UTC"))
    return frame.select(
        *_passed_on(frame),
        parsing.text(c.USER_ID, types[c.USER_ID]).alias(c.USER_ID),
        parsing.integer(c.MOVIE_ID, types[c.MOVIE_ID]).alias(c.MOVIE_ID),
        kind.alias(c.KIND),
        value.cast(pl.Float32).alias(c.VALUE),
        (parsing.time(c.EVENT_TIME, types[c.EVENT_TIME]) if c.EVENT_TIME in types else no_time).alias(c.EVENT_TIME),
    )


def _parse_movies(frame: pl.DataFrame) -> pl.DataFrame:
    types = frame.schema
    title = parsing.text(c.TITLE, types[c.TITLE])
    year = parsing.year_in_title(title)
    if c.YEAR in types:
        year = pl.coalesce(parsing.integer(c.YEAR, types[c.YEAR]), year)
    parsed: dict[str, pl.Expr] = {
        c.MOVIE_ID: parsing.integer(c.MOVIE_ID, types[c.MOVIE_ID]),
        c.TITLE: parsing.readable_title(title),
        c.YEAR: year,
    }
    for name, parse in (
        (c.GENRES, parsing.names),
        (c.DIRECTORS, parsing.names),
        (c.LANGUAGE, parsing.text),
        (c.RUNTIME, parsing.integer),
        (c.TMDB_ID, parsing.integer),
        (c.IMDB_ID, parsing.imdb_id),
        (c.KEYWORDS, parsing.names),
        (c.CAST, parsing.names),
    ):
        empty = pl.lit([], pl.List(pl.String)) if parse is parsing.names else pl.lit(None, pl.String)
        parsed[name] = parse(name, types[name]) if name in types else empty
    return frame.select(*_passed_on(frame), *(expression.alias(name) for name, expression in parsed.items()))


def _passed_on(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return the columns about the row itself, and the others as they were given."""
    about = [name for name in (c.LINE, c.RAW, c.REASON, c.DETAIL) if name in frame.columns]
    given = [pl.col(name).alias(_GIVEN + name) for name in frame.columns if name not in about]
    return [*(pl.col(name) for name in about), *given]


def _interaction_rules(
    films: pl.Series, scale: tuple[float, float] | None, config: IngestConfig, now: datetime
) -> Sequence[Rule]:
    is_rating = pl.col(c.KIND) == Kind.RATING
    value, time = pl.col(c.VALUE), pl.col(c.EVENT_TIME)
    low, high = scale or (config.rating_min, config.rating_max)
    is_watch = pl.col(c.KIND) == Kind.WATCH
    off_scale = is_rating & ~value.is_between(config.rating_min, config.rating_max)
    out_of_range = off_scale | (is_watch & ~value.is_between(0, 1))
    misplaced = value.is_not_null() & ~is_rating & ~is_watch
    kinds = [str(kind) for kind in Kind]
    return [
        _missing(c.USER_ID),
        _missing(c.MOVIE_ID),
        _unreadable(c.MOVIE_ID, "is not a whole number"),
        Rule("bad-movie-id", pl.col(c.MOVIE_ID) < 0, _says(c.MOVIE_ID, "is negative")),
        Rule("missing-kind", pl.col(c.KIND).is_null(), pl.lit("kind is empty")),
        Rule("bad-kind", ~pl.col(c.KIND).is_in(kinds), _says(c.KIND, f"is none of {', '.join(kinds)}")),
        _unreadable(c.VALUE, "is not a number"),
        Rule("missing-value", is_rating & value.is_null(), pl.lit("the rating is empty")),
        Rule("value-out-of-range", out_of_range, _says(c.VALUE, f"is not from {low:g} to {high:g} (a watch: 0 to 1)")),
        Rule("unexpected-value", misplaced, _says(c.VALUE, "belongs to no kind but rating and watch")),
        _unreadable(c.EVENT_TIME, "is neither epoch seconds or milliseconds nor ISO 8601"),
        Rule("time-too-early", time < config.earliest, _says(c.EVENT_TIME, f"is before {config.earliest:%Y-%m-%d}")),
        Rule("time-in-future", time > now, _says(c.EVENT_TIME, f"is after {now:%Y-%m-%dT%H:%M:%SZ}")),
        Rule("unknown-film", ~pl.col(c.MOVIE_ID).is_in(films.implode()), _says(c.MOVIE_ID, "is in no table of films")),
    ]


def _movie_rules(now: datetime) -> Sequence[Rule]:
    last_year = now.year + _YEARS_AHEAD
    return [
        _missing(c.MOVIE_ID),
        _unreadable(c.MOVIE_ID, "is not a whole number"),
        Rule("bad-movie-id", pl.col(c.MOVIE_ID) < 0, _says(c.MOVIE_ID, "is negative")),
        _missing(c.TITLE),
        _unreadable(c.YEAR, "is not a year"),
        Rule(
            "year-out-of-range",
            ~pl.col(c.YEAR).is_between(_FIRST_YEAR, last_year),
            pl.format("year {} is not from {} to {}", c.YEAR, pl.lit(_FIRST_YEAR), pl.lit(last_year)),
        ),
        _unreadable(c.RUNTIME, "is not a whole number"),
        _unreadable(c.TMDB_ID, "is not a whole number"),
        _unreadable(c.IMDB_ID, "is not an IMDb identifier"),
    ]


def _missing(name: str) -> Rule:
    word = "missing-" + name.removesuffix("_id").replace("movie", "film") if name != c.TITLE else "empty-title"
    return Rule(word, _is_blank(name), pl.lit(f"{name} is empty"))


def _unreadable(name: str, why: str) -> Rule:
    word = "bad-" + name.removeprefix("event_").replace("_", "-")
    return Rule(word, ~_is_blank(name) & pl.col(name).is_null(), _says(name, why))


def _is_blank(name: str) -> pl.Expr:
    return pl.col(_GIVEN + name).cast(pl.String).fill_null("").str.strip_chars() == ""


def _says(name: str, why: str) -> pl.Expr:
    return pl.format("{} {} {}", pl.lit(name), pl.col(_GIVEN + name).cast(pl.String), pl.lit(why))


def _sort_out(parsed: pl.DataFrame, rules: Sequence[Rule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that break no rule, and the others with the first reason each."""
    # A rule on a column that the file does not have cannot be broken.
    rules = [rule for rule in rules if _columns_of(rule) <= set(parsed.columns)]
    reason = pl.coalesce(c.REASON, *(pl.when(rule.broken).then(pl.lit(rule.reason)) for rule in rules))
    parsed = parsed.with_columns(reason.alias(c.REASON))
    bad = parsed.filter(pl.col(c.REASON).is_not_null())
    # Details are text: made for the few rows that need them.
    details = [pl.when((pl.col(c.REASON) == rule.reason) & rule.broken).then(rule.detail) for rule in rules]
    return parsed.filter(pl.col(c.REASON).is_null()), bad.with_columns(pl.coalesce(c.DETAIL, *details).alias(c.DETAIL))


def _columns_of(rule: Rule) -> set[str]:
    return {*rule.broken.meta.root_names(), *rule.detail.meta.root_names()}


def _without_repeats(good: pl.DataFrame, key: str, detail: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the first row of each ``key``, and the later ones as duplicates."""
    first = good[key].is_first_distinct()
    kept, repeated = good.filter(first), good.filter(~first)
    if repeated.is_empty():
        return kept, repeated
    lines = kept.select(key, pl.col(c.LINE).alias(_FIRST_LINE))
    repeated = repeated.join(lines, on=key, how="left", maintain_order="left").with_columns(
        pl.lit("duplicate").alias(c.REASON), pl.format(detail, _FIRST_LINE).alias(c.DETAIL)
    )
    return kept, repeated.drop(_FIRST_LINE)


def _without_known(good: pl.DataFrame, known: pl.DataFrame) -> tuple[pl.DataFrame, int, pl.DataFrame]:
    """Return the rows new to the lake, how many it has word for word, and those that it has with another value."""
    if known.is_empty():
        return good, 0, good.clear()
    known = known.select(c.EVENT_ID, pl.col(c.VALUE).alias(_KNOWN_VALUE))
    new = good.join(known, on=c.EVENT_ID, how="anti", maintain_order="left")
    old = good.join(known, on=c.EVENT_ID, how="inner", maintain_order="left")
    differing = old.filter(~pl.col(c.VALUE).eq_missing(pl.col(_KNOWN_VALUE)))
    told = pl.format("the lake has this user, film, kind and time with value {}", pl.col(_KNOWN_VALUE).cast(pl.String))
    differing = differing.with_columns(pl.lit("duplicate").alias(c.REASON), told.alias(c.DETAIL))
    return new, old.height - differing.height, differing.drop(_KNOWN_VALUE)


def _event_id(dataset: str) -> pl.Expr:
    """Return the readable natural key ``dataset|user|film|kind|seconds``; a fraction of a second stays in it."""
    micros = pl.col(c.EVENT_TIME).dt.epoch("us")
    whole = (micros // 1_000_000).cast(pl.String)
    fraction = pl.concat_str(whole, pl.lit("."), (micros % 1_000_000).cast(pl.String).str.zfill(6))
    seconds = pl.when(micros % 1_000_000 == 0).then(whole).otherwise(fraction).fill_null("")
    return pl.concat_str(pl.lit(dataset), c.USER_ID, pl.col(c.MOVIE_ID).cast(pl.String), c.KIND, seconds, separator="|")


def _refused(bad: pl.DataFrame, raw: RawTable, table: str) -> pl.DataFrame:
    """Return the refused rows as the quarantine keeps them, without ``source`` and ``ingested_at``."""
    if c.RAW not in bad.columns:
        given = [pl.col(name).alias(name.removeprefix(_GIVEN)) for name in bad.columns if name.startswith(_GIVEN)]
        bad = bad.with_columns(pl.struct(given).struct.json_encode().alias(c.RAW))
    return bad.select(
        pl.lit(table).alias(c.TABLE),
        pl.lit(raw.file).alias(c.FILE),
        c.LINE,
        c.REASON,
        pl.col(c.DETAIL).cast(pl.String),
        c.RAW,
    )


def _typed(schema: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    return [pl.col(name).cast(dtype) for name, dtype in schema.items()]
