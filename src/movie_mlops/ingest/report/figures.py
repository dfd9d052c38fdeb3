"""The numbers of the report, computed in the lake's tables; nothing here knows of plots or pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.ingest.replay import REPLAYED, with_outcome
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS, USERS, Lake

_EXAMPLES = 2
# One or two, then doubling: a long tail has a shape on this scale and none on a linear one.
_BOUNDS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000)
# The shortest span that keeps the bars few enough to be seen.
_SPANS = (("1h", "hour", 2), ("1d", "day", 70), ("1w", "week", 500), ("1mo", "month", 2_500), ("1y", "year", 1e9))
_CURVE_POINTS = 120


@dataclass(frozen=True)
class Totals:
    """How much there is.

    Attributes:
        interactions: Rows of interactions.
        users: Different users.
        rated_films: Different films in the interactions.
        films: Rows of the catalogue.
        refused: Rows in the quarantine that are refused still.
        replayed: Rows in it that have reached the lake since: fixed, and replayed.
        first_event: When the oldest interaction happened; ``None`` where no time is known.
        last_event: When the newest one happened.
        last_arrival: When rows last came in.
        timeless: Interactions of unknown time.
    """

    interactions: int
    users: int
    rated_films: int
    films: int
    refused: int
    replayed: int
    first_event: datetime | None
    last_event: datetime | None
    last_arrival: datetime | None
    timeless: int


class Tables:
    """Three tables of a lake, each empty where it does not exist yet; refused rows say whether they were replayed.

    Args:
        lake: The lake.
        versions: Which version of a table to look at, where not the newest.
    """

    def __init__(self, lake: Lake, versions: Mapping[str, int] | None = None) -> None:
        of = versions or {}
        self.interactions, self.movies = (
            lake.scan(name, version=of.get(name))
            if lake.version(name) is not None
            else pl.LazyFrame(schema=SCHEMAS[name])
            for name in (INTERACTIONS, MOVIES)
        )
        self.quarantine = with_outcome(lake)


def totals(tables: Tables) -> Totals:
    """Return how much there is."""
    row = tables.interactions.select(
        pl.len().alias("interactions"),
        pl.col(c.USER_ID).n_unique().alias("users"),
        pl.col(c.MOVIE_ID).n_unique().alias("rated_films"),
        pl.col(c.EVENT_TIME).min().alias("first_event"),
        pl.col(c.EVENT_TIME).max().alias("last_event"),
        pl.col(c.INGESTED_AT).max().alias("last_arrival"),
        pl.col(c.EVENT_TIME).null_count().alias("timeless"),
    ).collect(engine="streaming")
    replayed = _height(tables.quarantine.filter(REPLAYED))
    refused = _height(tables.quarantine) - replayed
    return Totals(**row.row(0, named=True), films=_height(tables.movies), refused=refused, replayed=replayed)


def by_time(tables: Tables, facts: Totals) -> tuple[str, pl.DataFrame]:
    """Return the span of a bar (``day`` …), and for each one ``start``, ``interactions`` and ``users`` active in it."""
    if facts.first_event is None or facts.last_event is None:
        return "day", pl.DataFrame(schema={"start": pl.Datetime, "interactions": pl.Int64, "users": pl.Int64})
    days = (facts.last_event - facts.first_event).total_seconds() / 86_400
    every, word, _ = next(span for span in _SPANS if days <= span[2])
    counted = (
        tables.interactions.filter(pl.col(c.EVENT_TIME).is_not_null())
        .group_by(pl.col(c.EVENT_TIME).dt.truncate(every).alias("start"))
        .agg(pl.len().alias("interactions"), pl.col(c.USER_ID).n_unique().alias("users"))
        .sort("start")
        .collect(engine="streaming")
    )
    # A span in which nothing happened is a gap that must be seen.
    return word, counted.upsample("start", every=every).with_columns(pl.col("interactions", "users").fill_null(0))


def batches(tables: Tables) -> pl.DataFrame:
    """Return the batches that came, oldest first: ``ingested_at``, ``source``, ``kept`` and ``refused`` rows.

    Of the refused rows those that have reached the lake since are ``replayed``; they are kept rows of a later batch.
    """
    key = [c.INGESTED_AT, c.SOURCE]
    kept = tables.interactions.group_by(key).agg(pl.len().alias("kept"))
    refused = tables.quarantine.group_by(key).agg(pl.len().alias("refused"), pl.col(REPLAYED).sum())
    both = kept.join(refused, on=key, how="full", coalesce=True)
    return both.with_columns(pl.col("kept", "refused", REPLAYED).fill_null(0)).sort(key).collect(engine="streaming")


def values(tables: Tables) -> pl.DataFrame:
    """Return how often each rating was given, to the nearest half star: ``value``, ``count``, by value."""
    rated = tables.interactions.filter((pl.col(c.KIND) == "rating") & pl.col(c.VALUE).is_not_null())
    return (
        rated.group_by(((pl.col(c.VALUE) * 2).round() / 2).alias("value"))
        .agg(pl.len().alias("count"))
        .sort("value")
        .collect()
    )


def kinds(tables: Tables) -> pl.DataFrame:
    """Return how often each kind occurs: ``kind``, ``count``, the most frequent first."""
    counted = tables.interactions.group_by(c.KIND).agg(pl.len().alias("count"))
    return counted.sort("count", c.KIND, descending=[True, False]).collect()


def per(tables: Tables, column: str) -> pl.Series:
    """Return the interactions of each user, or of each film, the most first."""
    counted = tables.interactions.group_by(column).agg(pl.len().alias("count"))
    return counted.select(pl.col("count").sort(descending=True)).collect(engine="streaming")["count"]


def in_bins(counts: pl.Series) -> pl.DataFrame:
    """Return how many of ``counts`` are in each bin: ``label`` (where it begins), ``count``.

    Empty bins before the first and after the last that is not are left out.
    """
    rows = []
    for low, above in zip(_BOUNDS, (*_BOUNDS[1:], None), strict=True):
        inside = ((counts >= low) & (counts < above)).sum() if above else (counts >= low).sum()
        label = f"{low // 1_000}k" if low >= 1_000 else str(low)  # noqa: PLR2004 - a thousand
        rows.append((label, int(inside)))
    while rows and rows[-1][1] == 0:
        rows.pop()
    while rows and rows[0][1] == 0:
        rows.pop(0)
    return pl.DataFrame(rows, schema={"label": pl.String, "count": pl.Int64}, orient="row")


def concentration(counts: pl.Series) -> pl.DataFrame:
    """Return which ``share`` of the films, the most popular first, has which share of the ``interactions``."""
    if counts.is_empty():
        return pl.DataFrame(schema={"share": pl.Float64, "interactions": pl.Float64})
    running = counts.cum_sum() / counts.sum()
    step = max(1, len(counts) // _CURVE_POINTS)
    places = [*range(step - 1, len(counts), step)]
    if not places or places[-1] != len(counts) - 1:
        places.append(len(counts) - 1)
    points = [(0.0, 0.0), *(((place + 1) / len(counts), float(running[place])) for place in places)]
    return pl.DataFrame(points, schema=["share", "interactions"], orient="row")


def share_of_top(counts: pl.Series, share: float) -> float:
    """Return the part of all interactions that the most popular ``share`` of the films has."""
    total = int(counts.sum()) if len(counts) else 0
    return float(counts.head(max(1, round(len(counts) * share))).sum()) / total if total else 0.0


def missing(table: pl.LazyFrame) -> list[tuple[str, int, float]]:
    """Return each column's name, how many rows lack it (an empty list is no value) and which share that is."""
    schema = table.collect_schema()
    lacking = [
        (pl.col(name).is_null() | (pl.col(name).list.len() == 0) if dtype.is_nested() else pl.col(name).is_null())
        .sum()
        .alias(name)
        for name, dtype in schema.items()
    ]
    row = table.select(pl.len().alias("rows in all"), *lacking).collect(engine="streaming").row(0, named=True)
    rows = row.pop("rows in all")
    return [(name, int(count), count / rows if rows else 0.0) for name, count in row.items()]


def reasons(tables: Tables) -> pl.DataFrame:
    """Return why rows are refused, the most frequent first, with examples.

    One row for each table and reason: ``table``, ``reason``, ``count`` (refused still), ``replayed`` (in the lake
    since), ``examples`` (those refused still: structs ``file``, ``line``, ``detail``, ``raw``; what a line says of
    users is not told).
    """
    still = ~pl.col(REPLAYED)
    told = (pl.when(pl.col(c.TABLE) != USERS).then(pl.col(name)).alias(name) for name in (c.DETAIL, c.RAW))
    example = pl.struct(c.FILE, c.LINE, *told).filter(still)
    grouped = tables.quarantine.group_by(c.TABLE, c.REASON).agg(
        still.sum().alias("count"),
        pl.col(REPLAYED).sum(),
        example.sort_by(pl.col(c.FILE).filter(still), pl.col(c.LINE).filter(still)).head(_EXAMPLES).alias("examples"),
    )
    return grouped.sort("count", c.TABLE, c.REASON, descending=[True, False, False]).collect()


def refused_by_batch(tables: Tables) -> pl.DataFrame:
    """Return ``ingested_at``, ``reason`` and ``count`` of the rows that were refused when they came."""
    grouped = tables.quarantine.group_by(c.INGESTED_AT, c.REASON).agg(pl.len().alias("count"))
    return grouped.sort(c.INGESTED_AT, c.REASON).collect()


def decades(tables: Tables) -> pl.DataFrame:
    """Return films by decade: ``decade``, ``count``."""
    known = tables.movies.filter(pl.col(c.YEAR).is_not_null())
    return (
        known.group_by((pl.col(c.YEAR) // 10 * 10).alias("decade"))
        .agg(pl.len().alias("count"))
        .sort("decade")
        .collect()
    )


def names(tables: Tables, column: str, most: int) -> pl.DataFrame:
    """Return the most frequent genres or languages of the films: ``name``, ``count``."""
    name = tables.movies.select(pl.col(column).alias("name"))
    if column == c.GENRES:
        name = name.explode("name")
    counted = name.filter(pl.col("name").is_not_null()).group_by("name").agg(pl.len().alias("count"))
    return counted.sort("count", "name", descending=[True, False]).head(most).collect()


def _height(table: pl.LazyFrame) -> int:
    return int(table.select(pl.len()).collect().item())
