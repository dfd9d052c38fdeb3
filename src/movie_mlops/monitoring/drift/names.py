"""A sketch of a column of names: how many rows each has, with a bounded number of names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

MOST_NAMES: Final = 200
"""So many names a sketch tells apart at most; the rest, the rarest of them, is counted together."""


@dataclass(frozen=True)
class NameSketch:
    """What is kept of a column of names.

    Attributes:
        counts: How many rows each name has, by name.
        other: How many rows names have that are not told apart.
    """

    counts: Mapping[str, int]
    other: int = 0

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, int]]) -> Self:
        """Sketch names with the number of their rows; each name once."""
        ranked = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
        return cls(dict(sorted(ranked[:MOST_NAMES])), sum(count for _, count in ranked[MOST_NAMES:]))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.counts.values()) + self.other

    def merge(self, other: "NameSketch") -> "NameSketch":
        """Return the sketch of both columns together; exact as long as all names together are few enough."""
        names = {**self.counts}
        for name, count in other.counts.items():
            names[name] = names.get(name, 0) + count
        both = NameSketch.of(names.items())
        return NameSketch(both.counts, both.other + self.other + other.other)

    def unseen(self) -> float:
        """Return how large a share of like rows may well have names that are not here, though nothing has changed.

        The estimate of Good (1953): the share of the rows whose name is here once; three of its standard errors above.
        """
        if not self.rows:
            return 1.0
        once, twice = (sum(count == times for count in self.counts.values()) for times in (1, 2))
        return float(min(1.0, (once + 3 * (once + 2 * twice + 1) ** 0.5) / self.rows))

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {"counts": dict(self.counts), "other": self.other}

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """Return what :meth:`to_json` told."""
        return cls(dict(told["counts"]), int(told["other"]))
