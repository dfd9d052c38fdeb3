"""What the API counts and measures, in a registry of its own."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from movie_mlops.core import clock
from movie_mlops.core.logs import LogLines
from movie_mlops.core.measures import Sample
from movie_mlops.core.memory import process_cpu_seconds, process_memory_bytes
from movie_mlops.core.tracing import Tracer
from movie_mlops.features import Histories, last_parity
from movie_mlops.serving import declared
from movie_mlops.serving.asking import Asking
from movie_mlops.serving.impressions import Impressions
from movie_mlops.serving.lately import Lately
from movie_mlops.serving.ports import Watched
from movie_mlops.serving.registering import Counted, families
from movie_mlops.serving.releases import ReleaseWatcher
from movie_mlops.state import Database

_LOG: Final = logging.getLogger("movie_mlops.serving.metrics")
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Read = Callable[[], Iterable[Sample]]
"""Reads what is so now."""


class Metrics:
    """The counters of one app.

    Args:
        watcher: Tells which release serves.
        impressions: Tells how many answers wait to be written.
        histories: Tells what became of reads of the online store.
        database: Tells the last comparison of served features with what is computed again.
        watched: What other rooms measure; without it, the API tells of itself alone.
        patience_seconds: How long stores are waited for that do not answer.
        lines: What is logged, where something is.
        tracer: What is traced, where something is.

    Attributes:
        registry: Everything, in Prometheus's shape.
        lately: The lists that were given lately.
    """

    def __init__(
        self,
        watcher: ReleaseWatcher,
        impressions: Impressions,
        histories: Histories,
        database: Database,
        *,
        watched: Watched | None = None,
        patience_seconds: float = 2.0,
        lines: LogLines | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.registry: Final = CollectorRegistry(auto_describe=False)
        self.lately: Final = Lately()
        self._requests = Counted(declared.REQUESTS, self.registry)
        self._seconds = Counted(declared.REQUEST_SECONDS, self.registry)
        self._answers = Counted(declared.ANSWERS, self.registry)
        self._events = Counted(declared.EVENTS, self.registry)
        self._degraded = Counted(declared.DEGRADED_ANSWERS, self.registry)
        self._shed = Counted(declared.SHED_REQUESTS, self.registry)
        self._refused = Counted(declared.REFUSED_LINES, self.registry)
        self._arms = Counted(declared.ARM_ANSWERS, self.registry)
        self._exploration = Counted(declared.EXPLORATION_COST, self.registry)
        self._known: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}
        here: dict[str, Read] = {
            "release": partial(_release, watcher),
            "impressions": partial(_impressions, impressions),
            "online": partial(_online, histories),
            "lists": lambda: self.lately.samples(watcher.snapshot.catalogue),
            "process": _process,
            "log": lambda: [Sample(declared.LOG_LINES_DROPPED, 0 if lines is None else lines.dropped)],
            "traces": lambda: [Sample(declared.SPANS_DROPPED, 0 if tracer is None else tracer.dropped)],
        }
        stores: dict[str, Read] = {"parity": partial(_parity, database)}
        if watched is not None:
            stores |= watched.parts()
        self._present = _Present(here, stores, patience_seconds)
        self.registry.register(self._present)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is a template, so that there are few of them."""
        count, observe = self._known.get((method, route, status)) or self._children(method, route, status)
        count()
        observe(seconds)

    def answer(self, source: str) -> None:
        """Count a list of recommendations."""
        self._answers.of(source).inc()

    def degraded(self, missing: str) -> None:
        """Count a list that is slower or poorer than it should be."""
        self._degraded.of(missing).inc()

    def shed(self) -> None:
        """Count a request that was refused because there was too much to do."""
        self._shed.of().inc()

    def refused(self, reason: str) -> None:
        """Count a line that was ended before the app had a request, or before its answer was taken."""
        self._refused.of(reason).inc()

    def arm(self, rollout: str, arm: str, *, failed: bool) -> None:
        """Count a list that an arm of a roll-out was asked for."""
        self._arms.of(rollout, arm, "failed" if failed else "given").inc()

    def explored(self, cost: float) -> None:
        """Count a list with chance in it, and what that costs."""
        self._exploration.of().observe(cost)

    def events(self, *, accepted: int = 0, duplicates: int = 0) -> None:
        """Count events."""
        self._events.of("accepted").inc(accepted)
        self._events.of("duplicate").inc(duplicates)

    def exposition(self) -> bytes:
        """Return everything in Prometheus's text format; what cannot be read in time is said to be missing."""
        return generate_latest(self.registry)

    def end(self) -> None:
        """Ask no store any more."""
        self._present.end()

    def _children(self, method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
        """Return how to count such a request; looking labels up each time takes longer than counting."""
        children = (self._requests.of(method, route, str(status)).inc, self._seconds.of(route).observe)
        self._known[method, route, status] = children
        return children


class _Present(Collector):
    """What is so now, read when it is asked for.

    Args:
        here: What this process knows without asking anybody.
        stores: What stores are asked for; each may fail, or not answer.
        seconds: How long they are waited for.
    """

    def __init__(self, here: Mapping[str, Read], stores: Mapping[str, Read], seconds: float) -> None:
        self._here = here
        self._stores = Asking({name: partial(_all_of, read) for name, read in stores.items()}, seconds)

    def collect(self) -> Iterable[Metric]:
        told: list[Sample] = []
        parts = {name: _tried(name, read) for name, read in self._here.items()} | self._stores.ask()
        for name, samples in parts.items():
            told += samples or ()
            told.append(Sample(declared.SCRAPE_FAILED, float(samples is None), (name,)))
        yield from families(told)

    def end(self) -> None:
        """Ask no store any more."""
        self._stores.end()


def _all_of(read: Read) -> Sequence[Sample]:
    return list(read())


def _tried(name: str, read: Read) -> Sequence[Sample] | None:
    try:
        return list(read())
    # Whatever is wrong with one part, the others are told.
    except Exception as error:  # noqa: BLE001 - said above
        _LOG.error("the metrics of %s cannot be read: %s", name, error, exc_info=error)
        return None


def _release(watcher: ReleaseWatcher) -> Iterator[Sample]:
    model = watcher.snapshot.model
    if model is not None:
        said = model.document()
        yield Sample(declared.RELEASE_INFO, 1, tuple(str(said[label.name]) for label in declared.RELEASE_INFO.labels))
    yield Sample(declared.RELEASE_FAILING, float(watcher.failure is not None))


def _impressions(impressions: Impressions) -> Iterator[Sample]:
    yield Sample(declared.IMPRESSIONS_WAITING, impressions.waiting)
    yield Sample(declared.IMPRESSIONS_DROPPED, impressions.dropped)


def _online(histories: Histories) -> Iterator[Sample]:
    counts = histories.counts
    for view, outcome, rows in counts.items():
        yield Sample(declared.ONLINE_ROWS, rows, (counts.backend, view, outcome))
    yield Sample(declared.ONLINE_DEGRADED, float(histories.degraded is not None))


def _process() -> Iterator[Sample]:
    yield Sample(declared.CPU_SECONDS, process_cpu_seconds())
    yield Sample(declared.MEMORY, process_memory_bytes())


def _parity(database: Database) -> Iterator[Sample]:
    parity = last_parity(database)
    if parity is not None and parity.compared:
        yield Sample(declared.MISMATCH_RATIO, parity.rate)
        yield Sample(declared.MISMATCH_BOUND, parity.bound)
        yield Sample(declared.MISMATCH_AGE, (clock.now() - parity.at).total_seconds())
