"""What the API counts and measures, in a registry of its own."""

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Summary, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from movie_mlops.core import clock
from movie_mlops.features import Histories, last_parity
from movie_mlops.serving.impressions import Impressions
from movie_mlops.serving.releases import ReleaseWatcher
from movie_mlops.state import Database, StateError

_BUCKETS: Final = (0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one app.

    Args:
        watcher: Tells which release serves.
        impressions: Tells how many answers wait to be written.
        histories: Tells what became of reads of the online store.
        database: Tells the last comparison of served features with what is computed again.
    """

    def __init__(
        self, watcher: ReleaseWatcher, impressions: Impressions, histories: Histories, database: Database
    ) -> None:
        self.registry: Final = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "movie_mlops_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "movie_mlops_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._answers = Counter(
            "movie_mlops_answers",
            "Lists of recommendations, by where they come from.",
            ["source"],
            registry=self.registry,
        )
        self._events = Counter(
            "movie_mlops_events", "Events received, by outcome.", ["outcome"], registry=self.registry
        )
        self._degraded = Counter(
            "movie_mlops_degraded_answers",
            "Lists of recommendations that are slower or poorer than they should be, by what is missing.",
            ["missing"],
            registry=self.registry,
        )
        self._shed = Counter(
            "movie_mlops_shed_requests", "Requests refused because there was too much to do.", registry=self.registry
        )
        self._arms = Counter(
            "movie_mlops_arm_answers",
            "Lists that an arm of a roll-out was asked for, by what became of them.",
            ["rollout", "arm", "outcome"],
            registry=self.registry,
        )
        self._exploration = Summary(
            "movie_mlops_exploration_cost",
            "Of each list with chance in it, the share of the best list's scores that it falls short by.",
            registry=self.registry,
        )
        for missing in ("redis", "history"):
            self._degraded.labels(missing)
        self._known: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}
        self.registry.register(_Present(watcher, impressions, histories, database))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is a template, so that there are few of them."""
        count, observe = self._known.get((method, route, status)) or self._children(method, route, status)
        count()
        observe(seconds)

    def answer(self, source: str) -> None:
        """Count a list of recommendations."""
        self._answers.labels(source).inc()

    def degraded(self, missing: str) -> None:
        """Count a list that is slower or poorer than it should be."""
        self._degraded.labels(missing).inc()

    def shed(self) -> None:
        """Count a request that was refused because there was too much to do."""
        self._shed.inc()

    def arm(self, rollout: str, arm: str, *, failed: bool) -> None:
        """Count a list that an arm of a roll-out was asked for."""
        self._arms.labels(rollout, arm, "failed" if failed else "given").inc()

    def explored(self, cost: float) -> None:
        """Count a list with chance in it, and what that costs."""
        self._exploration.observe(cost)

    def events(self, *, accepted: int = 0, duplicates: int = 0) -> None:
        """Count events."""
        self._events.labels("accepted").inc(accepted)
        self._events.labels("duplicate").inc(duplicates)

    def exposition(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry)

    def _children(self, method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
        """Return how to count such a request; looking labels up each time takes longer than counting."""
        children = (self._requests.labels(method, route, str(status)).inc, self._seconds.labels(route).observe)
        self._known[method, route, status] = children
        return children


class _Present(Collector):
    """What is so now, read when it is asked for."""

    def __init__(
        self, watcher: ReleaseWatcher, impressions: Impressions, histories: Histories, database: Database
    ) -> None:
        self._watcher = watcher
        self._database = database
        self._histories = histories
        self._impressions = impressions

    def collect(self) -> Iterable[Metric]:
        model = self._watcher.snapshot.model
        info = GaugeMetricFamily(
            "movie_mlops_release_info", "The release that serves.", labels=["release_id", "bundle_id", "model"]
        )
        if model is not None:
            info.add_metric([str(value) for value in model.document().values()], 1)
        yield info
        yield GaugeMetricFamily(
            "movie_mlops_release_failing",
            "1 while the champion of the ledger cannot be loaded.",
            value=float(self._watcher.failure is not None),
        )
        yield GaugeMetricFamily(
            "movie_mlops_impressions_waiting", "Answers not written yet.", value=self._impressions.waiting
        )
        yield CounterMetricFamily(
            "movie_mlops_impressions_dropped",
            "Answers given but not kept, because too many waited.",
            value=self._impressions.dropped,
        )
        counts = self._histories.counts
        reads = CounterMetricFamily(
            "movie_mlops_online_rows",
            "Rows asked of the online store, by what became of it.",
            labels=["backend", "view", "outcome"],
        )
        for view, outcome, rows in counts.items():
            reads.add_metric([counts.backend, view, outcome], rows)
        yield reads
        yield GaugeMetricFamily(
            "movie_mlops_online_degraded",
            "1 while the online store is read from its record because what carries copies is away.",
            value=float(self._histories.degraded is not None),
        )
        yield from self._parity()

    def _parity(self) -> Iterable[Metric]:
        try:
            parity = last_parity(self._database)
        except StateError:
            parity = None
        if parity is not None and parity.compared:
            what = "Share of served feature values that were not what was computed again, when it was last looked at."
            yield GaugeMetricFamily("movie_mlops_feature_mismatch_ratio", what, value=parity.rate)
            yield GaugeMetricFamily("movie_mlops_feature_mismatch_bound", "What is allowed of it.", value=parity.bound)
            age = (clock.now() - parity.at).total_seconds()
            yield GaugeMetricFamily("movie_mlops_feature_mismatch_age_seconds", "Seconds since then.", value=age)
