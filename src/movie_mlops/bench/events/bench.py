"""Events by HTTP into a log on disk, through Redis Streams, and into their effects; beside SQLite and Redis alone."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from movie_mlops.bench.events.config import EventsBenchConfig
from movie_mlops.bench.events.process import DATASET, Effects, running
from movie_mlops.bench.events.sending import made_up, requests_of, send
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.record import write_record
from movie_mlops.bench.redis_server import running_redis
from movie_mlops.bench.targets import at_least, at_most
from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind, Workspace
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.events import StoredEvent
from movie_mlops.events.consumers import Consumer, ConsumerConfig, Consuming, OnlineEffect, positions
from movie_mlops.events.stored import EVENTS, to_columns
from movie_mlops.events.transports import Message, Relay
from movie_mlops.events.transports.redis_streams import RedisSource, RedisStream
from movie_mlops.features import RedisConfig, open_redis
from movie_mlops.flows import EventsConfig, Platform, PlatformConfig
from movie_mlops.flows.ingest import ingest
from movie_mlops.flows.materialise import materialise
from movie_mlops.ingest import SourceOptions, open_source
from movie_mlops.lake import MOVIES

_BATCHES: Final = 80_000
_SINGLES: Final = 4_000
_CONSUMED: Final = 50_000
_SEEN_MS: Final = 50.0
_MOST_EVENTS: Final = 2_000_000
_MOST_SINGLES: Final = 100_000
_WITHIN_S: Final = 30.0
_PATIENCE_SECONDS: Final = 5.0
_ROW: Final = """
INSERT INTO events (event_id, type, subject, time, data, source, recorded_at) VALUES (?, ?, ?, ?, ?, 'bench', ?)
ON CONFLICT (event_id) DO NOTHING
"""


class _Counting:
    """The least that an effect can be: what remains is the consumer's own work."""

    name = "counting"
    publishes = False
    begins_at_end = False

    def __init__(self) -> None:
        self.events = 0

    def apply(self, connection: Connection, events: Sequence[StoredEvent], *, position: int) -> None:  # noqa: ARG002
        self.events += len(events)

    def publish(self, events: Sequence[StoredEvent]) -> None:
        """Do nothing."""


def bench_events(config: EventsBenchConfig, out: Path, *, command: str, progress: Progress = SILENT) -> dict[str, Any]:
    """Measure how many events are taken a second, how many are consumed, and how soon they are seen; write a file.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.
    """
    machine, skipped = machine_facts(), list[dict[str, str]]()
    runs: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as name:
        folder = Path(name)
        # Rivals and ourselves by turns, so that a machine that does something else besides does it to both.
        with progress.task("Rows into SQLite alone"):
            runs["sqlite"] = _sqlite(folder / "raw.db", config)
        for effects in ("by-workers", "at-once"):
            with progress.task(f"Events by HTTP, effects {effects}"):
                runs |= _http(folder / effects, effects, config)
        if shutil.which("redis-server"):
            with running_redis(folder) as redis, progress.task("Events through Redis"):
                runs |= _carried(folder / "carried", redis, config)
        else:
            skipped.append({"name": "redis", "reason": "redis-server is not installed"})
    found = {
        "setup": {"users": config.users, "films": config.films, "seed": config.seed, "synchronous": "FULL"},
        "runs": runs,
        "ratios": _ratios(runs),
        "skipped": skipped,
        "targets": _targets(runs),
    }
    return write_record(out, "events", command, machine, found)


def _home(home: Path, config: EventsBenchConfig) -> Workspace:
    """Make a data set of films, one rating and the features of it."""
    home.mkdir()
    workspace = Workspace(home, DATASET)
    (home / "bench.csv").write_text("user_id,movie_id,value,event_time\nfirst,1,5,2024-01-01T00:00:00Z\n")
    titles = "\n".join(f"{film},Film {film}" for film in range(1, config.films + 1))
    (home / "films.csv").write_text(f"movie_id,title\n{titles}\n")
    platform = Platform(workspace, PlatformConfig())
    source = open_source(f"file:{home / 'bench.csv'}", downloads=home, options=SourceOptions(movies=home / "films.csv"))
    ingest(platform, source, progress=SILENT)
    assert platform.lake.scan(MOVIES).collect().height == config.films
    materialise(platform)
    platform.close()
    return workspace


def _http(home: Path, effects: Effects, config: EventsBenchConfig) -> dict[str, dict[str, Any]]:
    _home(home, config)
    # At once every event is folded into a dozen rows: fewer are needed to fill the time.
    share = 1 if effects == "by-workers" else 10
    many = min(_MOST_EVENTS, int(config.seconds * 120_000)) // share
    batches = list(made_up(max(many, 4 * config.batch), config.users, config.films, config.seed))
    few = min(_MOST_SINGLES, int(config.seconds * 8_000)) // share
    singles = list(made_up(max(few, 64), config.users, config.films, config.seed + 1))
    sent = {
        "batches": (requests_of(batches, config.batch), config.batch_connections, config.batch),
        "singles": (requests_of(singles, 1), config.connections, 1),
    }
    with running("server", home, effects) as port:
        return {
            f"{name}, {effects}": send(port, requests, connections=lines, batch=size, seconds=config.seconds)
            for name, (requests, lines, size) in sent.items()
        }


def _sqlite(path: Path, config: EventsBenchConfig) -> dict[str, Any]:
    """Put the same rows into the same table by the driver alone, a commit for each batch, and for each event."""
    now = clock.to_iso(clock.now())
    events = [_interaction(event) for event in made_up(config.consumed, config.users, config.films, config.seed + 2)]
    rows = [(*row, now) for row in zip(*to_columns(events), strict=True)]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(str(CreateTable(EVENTS).compile(dialect=sqlite.dialect())))
    found = {}
    for name, size, given in (("batches", config.batch, rows), ("singles", 1, _fresh(rows[: len(rows) // 20 + 1]))):
        began = time.perf_counter()
        for start in range(0, len(given), size):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_ROW, given[start : start + size])
            connection.execute("COMMIT")
        found[f"{name}_per_second"] = round(len(given) / (time.perf_counter() - began), 1)
    connection.close()
    return found


def _fresh(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(f"{row[0]}-again", *row[1:]) for row in rows]


def _carried(home: Path, redis: RedisConfig, config: EventsBenchConfig) -> dict[str, dict[str, Any]]:
    workspace = _home(home, config)
    platform = Platform(workspace, PlatformConfig(events=EventsConfig(effects="by-workers")))
    client, log = open_redis(redis, patience_seconds=_PATIENCE_SECONDS), platform.events
    stream = RedisStream(client, log.name)
    events = [_interaction(event) for event in made_up(config.consumed, config.users, config.films, config.seed + 3)]
    for start in range(0, len(events), config.batch):
        log.append(events[start : start + config.batch])
    messages = [Message.of(event) for event in log.read(0, config.consumed)]
    runs = {"xadd": _rate(len(messages), lambda: _xadd(client, messages, config.batch))}
    relay = Relay(log, stream, lambda: None, at_once=config.batch)
    runs["relay"] = _rate(len(messages), lambda: _until_nothing(relay.turn))
    for name, effect in (("consumer", _Counting()), ("online", OnlineEffect(log))):
        # A group that has read nothing yet, so that each reads the same.
        client.xgroup_destroy(stream.key, "movie-mlops") if name == "online" else None
        consumer = Consumer(platform.database, effect, ConsumerConfig(at_once=config.batch))
        source = RedisSource(client, log.name, name)
        source.take(1, 0.0)
        work = Consuming(platform.database, log, [consumer], source, most=config.batch)
        runs[name] = _rate(len(messages), lambda work=work: _until_nothing(lambda: work.turn().deliveries))  # type: ignore[misc]
    with running("server", home, "by-workers", redis) as port, running("worker", home, "by-workers", redis):
        runs["seen"] = {"milliseconds": _seen(platform, port, config)}
    platform.close()
    return runs


def _seen(platform: Platform, port: int, config: EventsBenchConfig) -> dict[str, float] | None:
    """Measure from sending an event to its being in the user's history and feature row."""
    waited: list[float] = []
    _send_warm(platform, port, config)
    singles = list(made_up(config.seen, config.users, config.films, config.seed + 4))
    for request in requests_of(singles, 1):
        last = platform.events.last_offset()
        began = time.perf_counter()
        send(port, [request], connections=1, batch=1, seconds=_WITHIN_S)
        while positions(platform.database).get("online", 0) <= last and time.perf_counter() - began < _WITHIN_S:
            time.sleep(0.0005)
        waited.append(time.perf_counter() - began)
        time.sleep(0.005)
    return summary(np.array(waited) * 1000)


def _send_warm(platform: Platform, port: int, config: EventsBenchConfig) -> None:
    """Send one event and wait for it: the worker has begun."""
    last = platform.events.last_offset()
    send(
        port,
        requests_of(list(made_up(1, config.users, config.films, config.seed)), 1),
        connections=1,
        batch=1,
        seconds=1,
    )
    began = time.perf_counter()
    while positions(platform.database).get("online", 0) <= last and time.perf_counter() - began < _WITHIN_S:
        time.sleep(0.01)


def _rate(events: int, work: Callable[[], object]) -> dict[str, Any]:
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return {"events": events, "seconds": round(seconds, 3), "events_per_second": round(events / seconds, 1)}


def _until_nothing(turn: Callable[[], int]) -> None:
    while turn():
        pass


def _xadd(client: Any, messages: Sequence[Message], batch: int) -> None:
    for start in range(0, len(messages), batch):
        pipeline = client.pipeline(transaction=False)
        for each in messages[start : start + batch]:
            pipeline.xadd("raw", {"event": each.body}, id=f"{each.offset}-0")
        pipeline.execute()


def _interaction(event: dict[str, Any]) -> Interaction:
    value = event.get("value")
    return Interaction(
        event["event_id"], event["user_id"], event["movie_id"], Kind(event["kind"]), value, clock.now(), "bench"
    )


def _ratios(runs: dict[str, dict[str, Any]]) -> dict[str, float]:
    raw = runs["sqlite"]
    ratios = {
        "batches by HTTP / rows into SQLite alone": runs["batches, by-workers"]["events_per_second"]
        / raw["batches_per_second"],
        "single events by HTTP / single rows into SQLite alone": runs["singles, by-workers"]["events_per_second"]
        / raw["singles_per_second"],
    }
    if "relay" in runs:
        ratios["relay / XADD alone"] = runs["relay"]["events_per_second"] / runs["xadd"]["events_per_second"]
    return {name: round(ratio, 3) for name, ratio in ratios.items()}


def _targets(runs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    found = [
        at_least(
            "events a second in batches, by HTTP, on disk",
            _BATCHES,
            runs["batches, by-workers"]["events_per_second"],
        ),
        at_least("single events a second", _SINGLES, runs["singles, by-workers"]["events_per_second"]),
    ]
    if "seen" in runs:
        seen = runs["seen"]["milliseconds"]
        found += [
            at_least("events a second consumed", _CONSUMED, runs["consumer"]["events_per_second"]),
            at_most("milliseconds from sending to being seen, p99", _SEEN_MS, seen["p99"]),
        ]
    return found
