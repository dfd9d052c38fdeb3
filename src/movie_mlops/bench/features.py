"""How fast training rows get their features as of their own times, beside Feast in an environment of its own."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import polars as pl

from movie_mlops.bench.config import FeaturesBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.feast_run import run_feast
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.core import clock
from movie_mlops.core.columns import EVENT_ID, EVENT_TIME, INGESTED_AT, KIND, MOVIE_ID, SOURCE, USER_ID, VALUE
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.features import AT, KNOWN_AT, USER_FEATURES, FeedbackConfig, features_at, join_as_of

_TIME: Final = pl.Datetime("us", "UTC")
_START: Final = 1_600_000_000
_DAY: Final = 86_400
_SPAN_DAYS: Final = 300
_LATEST_DAYS: Final = 3
_ENGINES: Final = ("duckdb", "duckdb+created", "file", "file+created")
_FOLDED: Final = ("interactions", "positives", "rating_mean", "rating_std")
_JOIN: Final = "join by both times"
_ROW: Final = "row"


def bench_features(
    config: FeaturesBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Measure the join of training rows with feature rows, and a view folded from interactions; write a file.

    All runners get the rows in memory and the feature rows in a Parquet file, and give a frame in memory. Half of the
    feature rows arrived up to three days after they happened: ``wrong_rows`` counts the training rows that got another
    answer than brute force over both times gives, null where a row has no answer. Feast runs as it is by default, and
    with its switch ``filter_by_created_timestamp`` on (``+created``).

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: Our join is wrong, or Feast fails.
    """
    machine = machine_facts()
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as name:
        folder = Path(name)
        rows, interactions = _make_data(folder, config)
        runners = [_ours(folder, rows, config, progress), _fold(rows, interactions, config, progress)]
        rivals, skipped = _rivals(folder, config, progress)
        truth = pl.read_parquet(folder / "ours.parquet")
        runners += [_judged(rival, folder, truth) for rival in rivals]
    return write_record(
        out,
        "features",
        command,
        machine,
        {
            "setup": {
                "rows": config.rows,
                "feature_rows": config.feature_rows,
                "entities": config.entities,
                "features": config.features,
                "folded_features": list(_FOLDED),
                "repeats": config.repeats,
                "seed": config.seed,
            },
            "runners": runners,
            "skipped": skipped,
            "targets": _targets(runners, config.times_faster),
        },
    )


def _make_data(folder: Path, config: FeaturesBenchConfig) -> tuple[pl.DataFrame, pl.LazyFrame]:
    """Write the feature rows and the training rows; return those rows, and interactions with the same times."""
    chance = np.random.default_rng(config.seed)
    count = config.feature_rows

    def users(many: int) -> pl.Series:
        return pl.Series(USER_ID, chance.integers(0, config.entities, many)).cast(pl.String)

    def times(many: int, name: str) -> pl.Series:
        seconds = _START + chance.integers(0, _SPAN_DAYS * _DAY, many)
        return pl.Series(name, seconds * 1_000_000).cast(_TIME)

    late = chance.integers(0, _LATEST_DAYS * _DAY, count) * chance.integers(0, 2, count)
    happened = times(count, EVENT_TIME)
    arrived = (happened + pl.Series(late * 1_000_000).cast(pl.Duration("us"))).alias(INGESTED_AT)
    whose = users(count)
    values = [pl.Series(f"feature_{number}", chance.random(count)) for number in range(config.features)]
    pl.DataFrame([whose, happened, arrived, *values]).write_parquet(folder / "features.parquet")
    row_users, row_times = users(config.rows), times(config.rows, AT)
    rows = pl.DataFrame([pl.Series(_ROW, np.arange(config.rows)), row_users, row_times])
    rows.write_parquet(folder / "rows.parquet")
    interactions = pl.DataFrame(
        [
            pl.Series(EVENT_ID, np.arange(count)).cast(pl.String),
            whose,
            pl.Series(MOVIE_ID, chance.integers(0, 20_000, count)),
            pl.Series(KIND, ["rating"]).new_from_index(0, count),
            pl.Series(VALUE, chance.integers(1, 11, count) / 2, pl.Float32),
            happened,
            arrived,
            pl.Series(SOURCE, ["bench"]).new_from_index(0, count),
        ]
    )
    return rows, interactions.lazy()


def _ours(folder: Path, rows: pl.DataFrame, config: FeaturesBenchConfig, progress: Progress) -> dict[str, Any]:
    def join() -> pl.DataFrame:
        return join_as_of(rows, pl.read_parquet(folder / "features.parquet"), by=[USER_ID])

    seconds, frame = _timed(join, config.repeats, progress, "Joining by both times")
    frame.write_parquet(folder / "ours.parquet")
    forgetful = rows.with_columns(pl.lit(clock.from_unix(_START + 1_000 * _DAY)).cast(_TIME).alias(KNOWN_AT))
    joined = join_as_of(forgetful, pl.read_parquet(folder / "features.parquet"), by=[USER_ID])
    joined.drop(KNOWN_AT).write_parquet(folder / "by-event-time.parquet")
    if wrong := _wrong_in_sample(frame, pl.read_parquet(folder / "features.parquet"), config.seed):
        raise BenchError(
            f"{wrong} rows of the sample differ from brute force.", next_step="Report this: the join is wrong."
        )
    return {**_runner(_JOIN, seconds, frame, "feature_0"), "wrong_rows": 0}


def _wrong_in_sample(joined: pl.DataFrame, features: pl.DataFrame, seed: int, many: int = 500) -> int:
    """Return how many of some rows are not what one look at all feature rows gives."""
    wrong = 0
    for row in joined.sample(min(many, joined.height), seed=seed).iter_rows(named=True):
        seen = features.filter(
            (pl.col(USER_ID) == row[USER_ID]) & (pl.col(EVENT_TIME) <= row[AT]) & (pl.col(INGESTED_AT) <= row[AT])
        ).sort(EVENT_TIME, INGESTED_AT)
        expected = seen["feature_0"][-1] if seen.height else None
        wrong += row["feature_0"] != expected
    return wrong


def _fold(
    rows: pl.DataFrame, interactions: pl.LazyFrame, config: FeaturesBenchConfig, progress: Progress
) -> dict[str, Any]:
    view = USER_FEATURES.only(_FOLDED)

    def fold() -> pl.DataFrame:
        return features_at(view, rows, interactions, config=FeedbackConfig())

    seconds, frame = _timed(fold, config.repeats, progress, "Folding interactions by both times")
    return {**_runner("fold of interactions by both times", seconds, frame, "rating_mean"), "wrong_rows": None}


def _rivals(
    folder: Path, config: FeaturesBenchConfig, progress: Progress
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    found, skipped = [], []
    for engine in _ENGINES:
        with progress.task(f"Joining by Feast, {engine}"):
            try:
                found.append(run_feast(config.feast_python, "join", folder, engine, config.repeats))
            except BenchError as error:
                skipped.append({"name": f"Feast, {engine}", "reason": str(error)})
    return found, skipped


def _judged(rival: dict[str, Any], folder: Path, truth: pl.DataFrame) -> dict[str, Any]:
    """Compare a rival's answer with what could be known, and with what had happened whenever it arrived."""
    columns = [_ROW, "feature_0"]
    given = pl.read_parquet(folder / f"feast-{rival['engine']}.parquet", columns=columns)
    runner = _runner(f"Feast {rival['version']}, {rival['engine']}", rival["seconds"], given, "feature_0")
    found = {
        **runner,
        "dropped_rows": truth.height - given.height,
        "wrong_rows": truth.height - _equal_rows(given, truth),
    }
    if "+" not in rival["engine"]:
        by_event_time = pl.read_parquet(folder / "by-event-time.parquet", columns=columns)
        found["differs_from_our_join_by_event_time_alone"] = given.height - _equal_rows(given, by_event_time)
    return found


def _equal_rows(given: pl.DataFrame, truth: pl.DataFrame) -> int:
    both = truth.select(_ROW, "feature_0").join(given, on=_ROW, suffix=":given")
    return int(both.select(pl.col("feature_0").eq_missing(pl.col("feature_0:given")).sum()).item())


def _timed(
    work: Callable[[], pl.DataFrame], repeats: int, progress: Progress, title: str
) -> tuple[list[float], pl.DataFrame]:
    seconds = []
    with progress.task(title, total=repeats) as advance:
        for _ in range(repeats):
            started = time.perf_counter()
            frame = work()
            seconds.append(round(time.perf_counter() - started, 4))
            advance(1)
    return seconds, frame


def _runner(name: str, seconds: list[float], frame: pl.DataFrame, column: str) -> dict[str, Any]:
    return {
        "name": name,
        "seconds": seconds,
        "median_seconds": round(median(seconds), 4),
        "rows": frame.height,
        "null_rows": frame[column].null_count(),
    }


def _targets(runners: list[dict[str, Any]], limit: float) -> list[dict[str, Any]]:
    ours = next(runner for runner in runners if runner["name"] == _JOIN)
    rivals = [runner for runner in runners if runner["name"].startswith("Feast")]
    return [
        {
            "what": _JOIN,
            "rival": rival["name"],
            "limit": limit,
            "measured": (ratio := round(rival["median_seconds"] / ours["median_seconds"], 2)),
            "met": ratio >= limit,
        }
        for rival in rivals
    ]
