"""The worker: what goes on behind the API. Events go into the lake, the online store keeps up, answers are joined."""

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Column, String, Table, delete, insert, select

from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.tracing import Tracer
from movie_mlops.flows.errors import BusyError
from movie_mlops.flows.ingest import drain, pending
from movie_mlops.flows.journal import FlowJournal
from movie_mlops.flows.materialise import materialise
from movie_mlops.flows.outcomes import AnswerJoiner
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.lake import INTERACTIONS, MOVIES
from movie_mlops.monitoring.quality import QualityConfig
from movie_mlops.state import METADATA, Database

_LOG: Final = logging.getLogger("movie_mlops.flows.worker")
_JOINS_AT_ONCE: Final = 10
"""What is still to be joined then waits for the next time: events go into the lake meanwhile."""

WORKERS = Table(
    "workers",
    METADATA,
    Column("name", String(128), primary_key=True),
    Column("seen_at", String(40), nullable=False),
)


@dataclass(frozen=True)
class WorkerConfig:
    """How often a worker does what.

    Attributes:
        every_seconds: Between two looks at the event log.
        materialise_seconds: The online store is brought up to the lake this often at most, and only when it changed.
        join_seconds: Answers are joined with what came of them this often at most.
    """

    every_seconds: float = 5.0
    materialise_seconds: float = 300.0
    join_seconds: float = 30.0


@dataclass(frozen=True)
class Turn:
    """What a worker did in one turn.

    Attributes:
        events: Events that the lake did not have.
        materialised: Users whose rows were made anew; ``None`` where the online store was left alone.
        joined: Answers of which it was kept, or corrected, what came of them.
    """

    events: int
    materialised: int | None
    joined: int = 0


class Worker:
    """Works for one data set until it is stopped; several at once share the work and get in nobody's way.

    Args:
        platform: The stores.
        name: Under which it says that it lives.
        config: How often it does what.
        tracer: Where it is traced what becomes of events.
        quality: How long after an answer counts what its user does.
    """

    def __init__(
        self,
        platform: Platform,
        name: str,
        config: WorkerConfig | None = None,
        *,
        tracer: Tracer | None = None,
        quality: QualityConfig | None = None,
    ) -> None:
        self._platform = platform
        self._name = name
        self._config = config or WorkerConfig()
        self._tracer = tracer
        self._journal = FlowJournal(platform.database, platform.lake)
        # The store is taken to be as the lake is now; whoever changed it before has materialised it.
        self._versions = self._lake_versions()
        self._materialise_at = self._join_at = clock.now()
        self._joiner = AnswerJoiner(platform, quality or QualityConfig())

    def turn(self) -> Turn:
        """Do what there is to do now, and say that the worker lives.

        Raises:
            MovieMlopsError: A store refuses; nothing is half-written, and a later turn goes on.
        """
        events = self._drain()
        turn = Turn(events, self._materialise(), self._join())
        seen(self._platform.database, self._name)
        if turn != Turn(0, None):
            _LOG.info("a turn was taken", extra={"facts": {"worker": self._name, **asdict(turn)}})
        return turn

    def work(
        self,
        stop: threading.Event,
        *,
        on_turn: Callable[[Turn], None] = lambda _turn: None,
        on_error: Callable[[MovieMlopsError], None] = lambda _error: None,
    ) -> None:
        """Take turns until ``stop`` is set; the one that has begun is ended.

        A turn that fails, because a store is away, is told and tried again. Meanwhile the worker does not say that it
        lives, so whoever asks notices.
        """
        while not stop.is_set():
            try:
                on_turn(self.turn())
            except MovieMlopsError as error:
                _LOG.error("a turn failed: %s", error, extra={"facts": {"worker": self._name, "code": error.code}})
                on_error(error)
            stop.wait(self._config.every_seconds)

    def _drain(self) -> int:
        if not pending(self._platform):
            return 0
        before = self._lake_versions()
        with self._journal.flow("worker drain"):
            new = drain(self._platform, self._tracer).new
        if before == self._versions:
            # The store has these events since they were acknowledged.
            self._versions = self._lake_versions()
        return new

    def _materialise(self) -> int | None:
        """Bring the online store up to a lake that somebody else changed."""
        versions, now = self._lake_versions(), clock.now()
        if None in versions or versions == self._versions or now < self._materialise_at:
            return None
        try:
            with one_at_a_time(self._platform.workspace.lock), self._journal.flow("worker materialise"):
                made = materialise(self._platform)
        except BusyError:
            # Another flow is at it, such as the main job, which fills the store itself.
            return None
        self._versions = versions
        self._materialise_at = now + timedelta(seconds=self._config.materialise_seconds)
        return made.users

    def _join(self) -> int:
        """Keep what came of answers since the last time."""
        now = clock.now()
        if now < self._join_at:
            return 0
        self._join_at = now + timedelta(seconds=self._config.join_seconds)
        joined = 0
        for _ in range(_JOINS_AT_ONCE):
            if not (some := self._joiner.turn()):
                break
            joined += some
        return joined

    def _lake_versions(self) -> tuple[int | None, ...]:
        return tuple(self._platform.lake.version(table) for table in (INTERACTIONS, MOVIES))


def seen(database: Database, name: str) -> None:
    """Say that a worker lives now."""
    with database.write() as connection:
        connection.execute(delete(WORKERS).where(WORKERS.c.name == name))
        connection.execute(insert(WORKERS).values(name=name, seen_at=clock.to_iso(clock.now())))


def last_seen(database: Database, name: str) -> datetime | None:
    """Return when a worker last said that it lives."""
    with database.read() as connection:
        found = connection.execute(select(WORKERS.c.seen_at).where(WORKERS.c.name == name)).scalar_one_or_none()
    return None if found is None else datetime.fromisoformat(found)
