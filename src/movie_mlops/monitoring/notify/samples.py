"""What a scrape of /metrics says, as numbers that can be asked for."""

from collections.abc import Iterable, Mapping
from typing import Final, Self

from movie_mlops.core.measures import Sample
from movie_mlops.monitoring.errors import MonitoringError

_NOT_WATCHED: Final = ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")
_NOT_WATCHED_BELOW: Final = ("/console", "/v1/admin")


class Samples:
    """Numbers by name and labels.

    Args:
        samples: Names, labels and values.
    """

    def __init__(self, samples: Iterable[tuple[str, Mapping[str, str], float]]) -> None:
        self._of: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for name, labels, value in samples:
            self._of.setdefault(name, []).append((labels, value))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read Prometheus's text format.

        Raises:
            MonitoringError: It is none.
        """
        # Only where something is watched.
        from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

        try:
            families = list(text_string_to_metric_families(text))
        except ValueError as error:
            raise MonitoringError(
                "What answers at /metrics does not speak Prometheus's format.",
                next_step="Give the address of a movie-mlops API with --url.",
            ) from error
        return cls((one.name, one.labels, one.value) for family in families for one in family.samples)

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Self:
        """Take what was measured here."""
        return cls(
            (
                one.measure.name,
                dict(zip((label.name for label in one.measure.labels), one.labels, strict=True)),
                one.value,
            )
            for one in samples
        )

    def values(self, name: str, **labels: str) -> list[float]:
        """Return every value of a name that has those labels."""
        return [value for found, value in self._of.get(name, ()) if labels.items() <= found.items()]

    def watched(self, name: str, **labels: str) -> float:
        """Return the sum of a counter over the routes for which somebody waits, of those labels.

        A label ends with ``*`` where its beginning is enough.
        """
        return sum(
            value
            for found, value in self._of.get(name, ())
            if _is_watched(found.get("route", ""))
            and all(
                found.get(label, "").startswith(meant[:-1]) if meant.endswith("*") else found.get(label) == meant
                for label, meant in labels.items()
            )
        )


def _is_watched(route: str) -> bool:
    return route not in _NOT_WATCHED and not route.startswith(_NOT_WATCHED_BELOW)
