"""What is measured while the platform runs: each measure is declared once, by the room that has it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

OTHER: Final = "other"
"""What a label says in place of a value that it has no room for."""

_NAME: Final = re.compile(r"movie_mlops_[a-z]+(_[a-z]+)*")


class MeasureKind(StrEnum):
    """How a number behaves, in the words of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Label:
    """What tells the series of one measure from each other.

    Attributes:
        name: Its name.
        values: All values that there are, where they are known beforehand.
        most: How many values it may have, where they are not; each further one is told as :data:`OTHER`.
    """

    name: str
    values: tuple[str, ...] = ()
    most: int = 0

    def __post_init__(self) -> None:
        if bool(self.values) == bool(self.most):
            message = f"the label {self.name} needs either its values or how many there may be"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure as everybody sees it.

    Attributes:
        name: ``movie_mlops_<thing>_<unit>``; a counter ends in ``_total``.
        kind: How it behaves.
        help: What it says, in one sentence.
        labels: What tells its series from each other.
        buckets: Upper ends of a histogram's buckets.
    """

    name: str
    kind: MeasureKind
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or (self.kind is MeasureKind.COUNTER) != self.name.endswith("_total"):
            message = f"{self.name} is no name of a {self.kind}"
            raise ValueError(message)
        if (self.kind is MeasureKind.HISTOGRAM) != bool(self.buckets):
            message = f"{self.name}: a histogram has buckets, and nothing else has"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of a measure, as it is now.

    Attributes:
        measure: Of which.
        value: The number.
        labels: The value of each of its labels, in their order.
    """

    measure: Measure
    value: float
    labels: tuple[str, ...] = ()


class Known:
    """The values that a label has had, so that it never has more than it may.

    Args:
        label: The label.
    """

    def __init__(self, label: Label) -> None:
        self._values = set(label.values)
        self._most = label.most or len(label.values)

    def of(self, value: str) -> str:
        """Return the value where there is room for it, else :data:`OTHER`."""
        if value not in self._values:
            if len(self._values) >= self._most:
                return OTHER
            self._values.add(value)
        return value


def bounded(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples with no more values of a label than it may have.

    Those that become one by it are added up where they count, and else the largest of them is told.
    """
    known: dict[tuple[str, str], Known] = {}
    found: dict[tuple[str, tuple[str, ...]], Sample] = {}
    for sample in samples:
        measure = sample.measure
        labels = tuple(
            known.setdefault((measure.name, label.name), Known(label)).of(value)
            for label, value in zip(measure.labels, sample.labels, strict=True)
        )
        before = found.get((measure.name, labels))
        value = sample.value
        if before is not None:
            counts = measure.kind is MeasureKind.COUNTER
            value = before.value + value if counts else max(before.value, value)
        found[measure.name, labels] = Sample(measure, value, labels)
    return list(found.values())
