"""How fast rows are read from the online store, one at a time and a hundred at once, beside Feast; and histories."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from movie_mlops.bench.config import OnlineBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.feast_run import run_feast
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.record import write_record
from movie_mlops.bench.redis_server import running_redis
from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.events import EventLog
from movie_mlops.features import (
    VIEWS,
    Carrier,
    Cut,
    FeedbackConfig,
    Histories,
    OnlineFeatures,
    OnlineStore,
    Record,
)
from movie_mlops.lake import SCHEMAS
from movie_mlops.state import Database, StateConfig

_VIEW: Final = "user_features"
_HUNDRED: Final = 100
_TIMES_FASTER: Final = 10
_ONE_ROW: Final = {"sqlite": 0.05, "redis": 0.2}
_HISTORY: Final = 0.1
_EVENT: Final = 1.5


def bench_online(config: OnlineBenchConfig, out: Path, *, command: str, progress: Progress = SILENT) -> dict[str, Any]:
    """Measure reads of the online store on SQLite and, where redis-server is installed, on Redis; write a file.

    Feast reads rows of the same users with as many features, in a process of its own, right after ours.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.
    """
    machine = machine_facts()
    runs: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as name:
        database = Database(StateConfig(f"sqlite:///{Path(name) / 'state.db'}"))
        record = Record(database)
        with progress.task("Filling the store"):
            _fill(database, config)
            _for_feast(database, Path(name), config)
        runs += _measure("sqlite", database, record, config)
        _feast(runs, skipped, Path(name), "sqlite", config, progress=progress)
        if shutil.which("redis-server"):
            with running_redis(Path(name)) as redis:
                runs += _measure("redis", database, Carrier(record, redis), config)
                address = redis.url.get_secret_value().removeprefix("redis://").removesuffix("/0")
                _feast(runs, skipped, Path(name), f"redis:{address}", config, progress=progress)
        else:
            skipped.append({"name": "redis", "reason": "redis-server is not installed"})
        runs += _events(database, record, config)
        database.close()
    found = {
        "setup": {
            "users": config.users,
            "films": config.films,
            "features": len(VIEWS[_VIEW].names),
            "seed": config.seed,
        },
        "runs": runs,
        "skipped": skipped,
        "targets": [target for run in runs for target in _targets(run, runs)],
    }
    return write_record(out, "online", command, machine, found)


def _fill(database: Database, config: OnlineBenchConfig) -> None:
    """Materialise a store from interactions that are made up."""
    chance = np.random.default_rng(config.seed)
    count = config.users * config.history
    now = clock.now()
    interactions = pl.DataFrame(
        {
            "event_id": np.arange(count).astype(str),
            "user_id": np.repeat(np.arange(config.users), config.history).astype(str),
            "movie_id": chance.integers(0, config.films, count),
            "kind": ["rating"] * count,
            "value": chance.integers(1, 11, count) / 2,
            "event_time": clock.microseconds(now) - chance.integers(0, 10**14, count),
            "ingested_at": [now] * count,
            "source": ["made up"] * count,
        }
    )
    times = pl.from_epoch("event_time", time_unit="us").dt.replace_time_zone("UTC")
    films = pl.DataFrame(
        {
            "movie_id": np.arange(config.films),
            "year": chance.integers(1930, 2025, config.films),
            "genres": [["Comedy", "Drama"]] * config.films,
        }
    )
    said = interactions.with_columns(times).cast(dict(SCHEMAS["interactions"])).lazy()  # type: ignore[arg-type]
    features = OnlineFeatures(database, VIEWS, FeedbackConfig())
    prepared = features.prepare(Cut(said, films.lazy(), {}))
    assert prepared is not None
    with database.write() as connection:
        features.write(connection, prepared)


def _for_feast(database: Database, folder: Path, config: OnlineBenchConfig) -> None:
    """Write the rows of the view for Feast, all of them numbers."""
    features = OnlineFeatures(database, VIEWS, FeedbackConfig())
    rows = features.read_many(_VIEW, [str(user) for user in range(config.users)])
    values = pl.DataFrame([row.values for row in rows], schema=list(VIEWS[_VIEW].schema.items())[1:], orient="row")
    times = [pl.lit(clock.now()).cast(pl.Datetime("us", "UTC")).alias(name) for name in ("event_time", "ingested_at")]
    users = pl.Series("user_id", [row.key for row in rows])
    frame = values.select(users, *times, pl.all().to_physical().cast(pl.Float64))
    frame.write_parquet(folder / "online.parquet")


def _feast(
    runs: list[dict[str, Any]],
    skipped: list[dict[str, str]],
    folder: Path,
    store: str,
    config: OnlineBenchConfig,
    *,
    progress: Progress,
) -> None:
    """Have Feast read the same rows."""
    backend = store.partition(":")[0]
    with progress.task(f"Reading by Feast, {backend}"):
        try:
            found = run_feast(config.feast_python, "read", folder, store, config.reads)
        except BenchError as error:
            skipped.append({"name": f"Feast, {backend}", "reason": str(error)})
            return
    for what, samples in found["milliseconds"].items():
        name = f"Feast {found['version']}, {backend}"
        runs.append({"backend": name, "what": what, "milliseconds": summary(np.array(samples))})


def _measure(name: str, database: Database, store: OnlineStore, config: OnlineBenchConfig) -> Iterator[dict[str, Any]]:
    features = OnlineFeatures(database, VIEWS, FeedbackConfig(), store)
    histories = Histories(database, store)
    users = np.random.default_rng(config.seed).permutation(config.users).astype(str).tolist()
    hundreds = [users[start : start + _HUNDRED] for start in range(0, len(users) - _HUNDRED + 1, _HUNDRED)]
    films = np.random.default_rng(config.seed + 1).integers(0, config.films, (len(hundreds), _HUNDRED)).tolist()
    pairs = [[(user, film) for film in some] for user, some in zip(users, films, strict=False)]
    for what, read, keys in (
        ("one row", lambda user: features.read(_VIEW, user), users),
        ("100 rows", lambda some: features.read_many(_VIEW, some), hundreds),
        ("one history", histories.read, users),
        ("a user and 100 films", lambda some: features.read_many("match_features", some), pairs),
        ("a user and 100 films, co-watch", lambda some: features.read_many("user_film_co_watch", some), pairs),
    ):
        reads = config.reads if len(keys) == len(users) else max(1, config.reads // 10)
        yield {"backend": name, "what": what, "milliseconds": _timed(read, keys, reads)}


def _events(database: Database, record: Record, config: OnlineBenchConfig) -> list[dict[str, Any]]:
    """Measure how long an event takes to be on disk and in every row."""
    feedback = FeedbackConfig()
    histories, features = Histories(database, record), OnlineFeatures(database, VIEWS, feedback, record)
    log = EventLog(database, histories, feedback, features=features)
    events = [
        Interaction(f"new-{number}", str(number % config.users), number % config.films, Kind.LIKE, None, None, "bench")
        for number in range(max(1, config.reads // 20))
    ]
    milliseconds = _timed(lambda event: log.append([event]), events, len(events), warm=False)
    return [{"backend": "sqlite", "what": "one event, written through", "milliseconds": milliseconds}]


def _timed(read: Callable[[Any], object], keys: list[Any], reads: int, *, warm: bool = True) -> dict[str, float] | None:
    for key in keys if warm else ():
        read(key)
    samples = np.empty(reads)
    for place in range(reads):
        key = keys[place % len(keys)]
        started = time.perf_counter()
        read(key)
        samples[place] = time.perf_counter() - started
    return summary(samples * 1000)


def _targets(run: dict[str, Any], runs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    backend, what, found = run["backend"], run["what"], run["milliseconds"]["p50"]
    limits: dict[str, float] = {}
    if backend in _ONE_ROW:
        limits["one row"] = _ONE_ROW[backend]
        if backend == "sqlite":
            limits |= {"one history": _HISTORY, "one event, written through": _EVENT}
        for other in runs:
            if other["what"] == "100 rows" and other["backend"].endswith(f", {backend}"):
                limits["100 rows"] = round(other["milliseconds"]["p50"] / _TIMES_FASTER, 4)
    if what in limits:
        limit = limits[what]
        yield {"run": f"{backend}, {what}, p50", "limit_ms": limit, "measured_ms": found, "met": found <= limit}
