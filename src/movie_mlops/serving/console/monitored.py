"""Stage 6 as an operator sees it: the last day of every server, drawn from what they noted themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from movie_mlops.core import clock
from movie_mlops.serving import history
from movie_mlops.state import Database

_STEP: Final = timedelta(minutes=15)
_MIB: Final = 1024.0**2
_HOUR: Final = 3600.0

Joined = Literal["sum", "most", "mean"]
"""How several servers become one line: together, the worst of them, or their mean."""
_PLACE: Final[dict[Joined, int]] = {"sum": 0, "most": 1, "mean": 2}
Day = Mapping[str, Mapping[int, tuple[float, float, float]]]


@dataclass(frozen=True)
class _Line:
    """A line of a plot: its name, the series behind it, how servers are joined, and what its unit is divided by."""

    name: str
    series: str
    joined: Joined = "mean"
    unit: float = 1.0


@dataclass(frozen=True)
class _Plot:
    """A plot: its heading, its unit, and its lines."""

    title: str
    unit: str
    lines: tuple[_Line, ...]


_PLOTS: Final = (
    _Plot(
        "Requests",
        "a second",
        (_Line("requests", history.REQUESTS, "sum"), _Line("failed", history.ERRORS, "sum")),
    ),
    _Plot(
        "Time of an answer",
        "milliseconds",
        (_Line("half within", history.HALF, "most", 0.001), _Line("99 of 100 within", history.MOST, "most", 0.001)),
    ),
    _Plot("Lists that are not personal", "share", (_Line("popular", "fallback_ratio"),)),
    _Plot("Events on their way to the lake", "seconds", (_Line("lag", "movie_mlops_events_lag_seconds", "most"),)),
    _Plot(
        "Age",
        "hours",
        (
            _Line("data", "movie_mlops_data_age_seconds", "most", _HOUR),
            _Line("features", "movie_mlops_features_age_seconds", "most", _HOUR),
            _Line("model", "movie_mlops_model_age_seconds", "most", _HOUR),
        ),
    ),
    _Plot(
        "The lists",
        "share",
        (
            _Line("films shown", "movie_mlops_list_coverage_ratio"),
            _Line("inequality (Gini)", "movie_mlops_list_gini_ratio"),
            _Line("users without a history", "movie_mlops_cold_users_ratio"),
        ),
    ),
    _Plot("Features that drift", "features", (_Line("drifting", "movie_mlops_drift_features", "most"),)),
    _Plot(
        "Quality by what users did",
        "nDCG",
        (_Line("measured", "movie_mlops_online_ndcg"), _Line("promised", "movie_mlops_online_promised_ndcg")),
    ),
    _Plot("Memory", "MiB", (_Line("all servers", "movie_mlops_process_memory_bytes", "sum", _MIB),)),
)


def monitored(database: Database, now: datetime) -> dict[str, Any]:
    """Return the plots of the last day; one that nothing was noted for is left out.

    Args:
        database: Where the servers noted it.
        now: When the day ends.

    Raises:
        StateError: The database refuses.
    """
    found = dict(history.day(database, now, _STEP))
    found["fallback_ratio"] = _shares(found)
    length = _STEP // timedelta(microseconds=1)
    last = clock.microseconds(now) // length
    first = last - timedelta(days=1) // _STEP + 1
    labels = [f"{clock.from_microseconds(place * length):%H:%M}" for place in range(first, last + 1)]
    plots = []
    for plot in _PLOTS:
        lines = {}
        for line in plot.lines:
            values = _joined(found.get(line.series, {}), line)
            shown = list(history.points(values, first, last))
            if any(value is not None for value in shown):
                lines[line.name] = shown
        if lines:
            plots.append({"title": plot.title, "unit": plot.unit, "lines": lines})
    return {"plots": plots, "labels": labels}


def _joined(series: Mapping[int, tuple[float, float, float]], line: _Line) -> dict[int, float]:
    return {place: values[_PLACE[line.joined]] / line.unit for place, values in series.items()}


def _shares(found: Day) -> dict[int, tuple[float, float, float]]:
    """Return the share of lists that were not personal, of all servers' lists together."""
    together = _PLACE["sum"]
    fallbacks = found.get(history.FALLBACKS, {})
    shares = {
        place: fallbacks[place][together] / values[together]
        for place, values in found.get(history.ANSWERS, {}).items()
        if values[together] > 0 and place in fallbacks
    }
    return {place: (share, share, share) for place, share in shares.items()}
