"""The last day of the server's own metrics, kept in the state database: a console without Prometheus has it to draw.

Every server notes a sample a minute, under a name that it made up when it began; what is drawn joins them.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from prometheus_client.metrics_core import Metric
from sqlalchemy import BigInteger, Column, Float, String, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from movie_mlops.core import clock
from movie_mlops.serving.declared import SCRAPE_FAILED
from movie_mlops.serving.metrics import Metrics
from movie_mlops.state import METADATA, Database

SAMPLES: Final = Table(
    "metric_history",
    METADATA,
    Column("series", String(64), primary_key=True),
    # The beginning of the minute, in microseconds since 1970 UTC.
    Column("at", BigInteger, primary_key=True),
    Column("server", String(16), primary_key=True),
    Column("value", Float, nullable=False),
)
_MINUTE: Final = 60_000_000
_KEPT: Final = timedelta(hours=25)
_MOST_ROWS: Final = 250_000
"""A day of seven servers; with more of them, the oldest samples go sooner."""
_FAILED: Final = "5"

GAUGES: Final = (
    "movie_mlops_events_waiting",
    "movie_mlops_events_lag_seconds",
    "movie_mlops_data_age_seconds",
    "movie_mlops_features_age_seconds",
    "movie_mlops_model_age_seconds",
    "movie_mlops_list_coverage_ratio",
    "movie_mlops_list_gini_ratio",
    "movie_mlops_cold_users_ratio",
    "movie_mlops_process_memory_bytes",
    "movie_mlops_disk_free_bytes",
    "movie_mlops_feature_mismatch_ratio",
    "movie_mlops_drift_features",
    "movie_mlops_drift_verdict",
    "movie_mlops_online_ndcg",
    "movie_mlops_online_promised_ndcg",
    "movie_mlops_online_hit_ratio",
)
"""What is noted as it is; of several series of one name, such as one for each release, the mean."""
REQUESTS: Final = "requests_per_second"
ERRORS: Final = "errors_per_second"
ANSWERS: Final = "answers_per_second"
FALLBACKS: Final = "fallbacks_per_second"
HALF: Final = "p50_seconds"
MOST: Final = "p99_seconds"
MISSING: Final = "scrape_failed/"
"""What the name of a part is noted behind that could not be read."""


@dataclass
class _Totals:
    """What was counted since the process began."""

    requests: float = 0.0
    errors: float = 0.0
    answers: float = 0.0
    fallbacks: float = 0.0


class History:
    """Notes this server's metrics.

    Args:
        database: Where.
        metrics: Which.
    """

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics
        self._server = secrets.token_hex(8)
        self._before = _Totals()
        self._buckets: dict[float, float] = {}
        # Not the clock of the wall, which somebody may set back: rates are of time that went by.
        self._at = time.monotonic()

    def note(self) -> None:
        """Note how it is now, and forget what is older than a day.

        Raises:
            StateError: The database refuses; the next sample is none the worse for it.
        """
        found = self._read()
        now = clock.microseconds(clock.now())
        at = now - now % _MINUTE
        rows = [{"series": name, "at": at, "server": self._server, "value": value} for name, value in found.items()]
        kept = _KEPT // timedelta(microseconds=1)
        with self._database.write() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            statement = dialect.insert(SAMPLES)
            # A clock that was set back comes to a minute again.
            again = statement.on_conflict_do_update(
                index_elements=["series", "at", "server"], set_={"value": statement.excluded["value"]}
            )
            connection.execute(again, rows)
            # What was noted in a future that a clock has taken back would otherwise stay for ever.
            connection.execute(delete(SAMPLES).where((SAMPLES.c.at < at - kept) | (SAMPLES.c.at > at + kept)))
            many = connection.execute(select(func.count()).select_from(SAMPLES)).scalar_one()
            if many > _MOST_ROWS:
                newest = select(SAMPLES.c.at).order_by(SAMPLES.c.at.desc()).offset(_MOST_ROWS).limit(1)
                connection.execute(delete(SAMPLES).where(SAMPLES.c.at <= newest.scalar_subquery()))

    def _read(self) -> dict[str, float]:
        """Return what is noted, by series; what cannot be read is left out."""
        families = {family.name: family for family in self._metrics.registry.collect()}
        found = {
            name: sum(values) / len(values)
            for name in GAUGES
            if (values := [sample.value for sample in families[name].samples] if name in families else [])
        }
        now, totals = time.monotonic(), _totals(families)
        went_by, before = max(now - self._at, 1e-3), self._before
        found[REQUESTS] = max(0.0, totals.requests - before.requests) / went_by
        found[ERRORS] = max(0.0, totals.errors - before.errors) / went_by
        found[ANSWERS] = max(0.0, totals.answers - before.answers) / went_by
        found[FALLBACKS] = max(0.0, totals.fallbacks - before.fallbacks) / went_by
        for sample in families[SCRAPE_FAILED.name].samples:
            if sample.value:
                found[MISSING + sample.labels["part"]] = sample.value
        buckets = _buckets(families["movie_mlops_request_seconds"])
        added = {bound: count - self._buckets.get(bound, 0.0) for bound, count in buckets.items()}
        if added and max(added.values()) > 0:
            found[HALF], found[MOST] = quantile(added, 0.5), quantile(added, 0.99)
        self._at, self._before, self._buckets = now, totals, buckets
        return found


def quantile(cumulative: Mapping[float, float], share: float) -> float:
    """Return the value below which a share of a histogram's observations lies, evenly spread within a bucket.

    Args:
        cumulative: How many observations lie at or below each upper end, infinity included.
        share: From 0 to 1.
    """
    ends = sorted(cumulative)
    wanted = share * cumulative[ends[-1]]
    for lower, upper in pairwise([0.0, *ends]):
        below, up_to = cumulative.get(lower, 0.0), cumulative[upper]
        if up_to >= wanted and up_to > below:
            # What is beyond the last end is somewhere there: the end is all that is known.
            return lower if upper == float("inf") else lower + (upper - lower) * (wanted - below) / (up_to - below)
    return 0.0


def day(database: Database, now: datetime, step: timedelta) -> dict[str, dict[int, tuple[float, float, float]]]:
    """Return the last day, all servers together.

    Args:
        database: Where it was noted.
        now: When the day ends.
        step: How much time becomes one value.

    Returns:
        By series and by step (its number since 1970): sum, largest and mean over the servers, each the mean of the
        minutes that were noted.

    Raises:
        StateError: The database refuses.
    """
    end, length = clock.microseconds(now), step // timedelta(microseconds=1)
    begin = (end - timedelta(days=1) // timedelta(microseconds=1)) // length * length
    found: dict[str, dict[int, tuple[float, float, float]]] = {}
    for series, place, total, largest, mean in database.fetch(_DAY, (length, begin, end)):
        found.setdefault(series, {})[int(place)] = (total, largest, mean)
    return found


_DAY: Final = """
SELECT series, at / ? AS place, avg(total), avg(largest), avg(mean)
FROM (
  SELECT series, at, sum(value) AS total, max(value) AS largest, avg(value) AS mean
  FROM metric_history WHERE at >= ? AND at <= ? GROUP BY series, at
) AS minutes
GROUP BY series, place ORDER BY series, place
"""


def _totals(families: Mapping[str, Metric]) -> _Totals:
    requests = [one for one in families["movie_mlops_requests"].samples if one.name.endswith("_total")]
    answers = [one for one in families["movie_mlops_answers"].samples if one.name.endswith("_total")]
    return _Totals(
        requests=sum(one.value for one in requests),
        errors=sum(one.value for one in requests if one.labels["status"].startswith(_FAILED)),
        answers=sum(one.value for one in answers),
        fallbacks=sum(one.value for one in answers if one.labels["source"] == "popular"),
    )


def _buckets(family: Metric) -> dict[float, float]:
    """Return how many requests of the API itself took at most so many seconds; who watches the server counts not."""
    counts: dict[float, float] = {}
    for sample in family.samples:
        if sample.name.endswith("_bucket") and sample.labels["route"].startswith("/v1/"):
            end = float(sample.labels["le"])
            counts[end] = counts.get(end, 0.0) + sample.value
    return counts


def points(values: Mapping[int, float], first: int, last: int) -> Iterable[float | None]:
    """Yield the value of every step from the first to the last; ``None`` where nothing was noted."""
    return (values.get(place) for place in range(first, last + 1))
