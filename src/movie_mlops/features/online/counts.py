"""What happened to the reads of a store."""

from collections import Counter


class Counts:
    """How many rows were read, by view and by what became of the read.

    Outcomes of the record: ``read``. Of a carrier: ``hit``; ``miss``, ``outdated`` and ``corrupt``, answered by the
    record; ``fallback``, answered by the record because the carrier was away; ``unpublished``, kept from a carrier that
    was away. Of feature rows: ``unknown``, ``stale``, ``unreadable``.

    Args:
        backend: Which store, for the label of the metric.
    """

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, view: str, outcome: str, rows: int = 1) -> None:
        """Count rows."""
        if rows:
            self._counts[view, outcome] += rows

    def of(self, outcome: str) -> int:
        """Return how many rows of all views had an outcome."""
        return sum(count for (_, each), count in self._counts.items() if each == outcome)

    def items(self) -> list[tuple[str, str, int]]:
        """Return (view, outcome, rows) of everything that was counted, sorted."""
        return sorted((view, outcome, count) for (view, outcome), count in list(self._counts.items()))
