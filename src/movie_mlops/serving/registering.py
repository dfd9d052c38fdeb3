"""From a declaration to what Prometheus reads."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from movie_mlops.core.measures import OTHER, Known, Measure, MeasureKind, Sample, bounded

_KINDS: Final[dict[MeasureKind, Callable[..., Any]]] = {
    MeasureKind.COUNTER: Counter,
    MeasureKind.GAUGE: Gauge,
    MeasureKind.HISTOGRAM: Histogram,
    MeasureKind.SUMMARY: Summary,
}


class Counted:
    """A measure that is counted as things happen.

    Args:
        measure: Which.
        registry: Where it is told.
    """

    def __init__(self, measure: Measure, registry: CollectorRegistry) -> None:
        more = {"buckets": measure.buckets} if measure.buckets else {}
        names = [label.name for label in measure.labels]
        self._whole = _KINDS[measure.kind](measure.name, measure.help, names, registry=registry, **more)
        self._known = tuple(Known(label) for label in measure.labels)
        self._children: dict[tuple[str, ...], Any] = {}
        # A label whose values are all known tells of each from the start, so that its rate has a beginning.
        if len(measure.labels) == 1:
            for value in measure.labels[0].values:
                self.of(value)

    def of(self, *values: str) -> Any:
        """Return the series with these values of the labels."""
        child = self._children.get(values)
        if child is None:
            named = tuple(known.of(value) for known, value in zip(self._known, values, strict=True))
            child = self._whole.labels(*named) if named else self._whole
            if OTHER not in named:
                # To look a series up by its labels takes longer than to count.
                self._children[values] = child
        return child


def families(samples: Iterable[Sample]) -> Iterator[Metric]:
    """Yield what was just read, in Prometheus's shape: each measure once, no label with too many values."""
    found: dict[str, Metric] = {}
    for sample in bounded(samples):
        measure = sample.measure
        if measure.name not in found:
            made = CounterMetricFamily if measure.kind is MeasureKind.COUNTER else GaugeMetricFamily
            found[measure.name] = made(measure.name, measure.help, labels=[label.name for label in measure.labels])
        found[measure.name].add_metric(list(sample.labels), sample.value)  # type: ignore[attr-defined]
    yield from found.values()
