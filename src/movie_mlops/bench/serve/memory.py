"""Whether the memory of a server stays flat over very many requests: sampled as it goes, with a slope and a plot."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from movie_mlops.bench.load import drive_apart
from movie_mlops.bench.serve.measuring import PERSONALISED, Floor, Part, like_lists, list_bodies
from movie_mlops.bench.serve.process import resident_mb
from movie_mlops.bench.targets import at_most
from movie_mlops.core import report_page
from movie_mlops.core.progress import SILENT

_MILLION: Final = 1_000_000
_SAMPLES: Final = 100
_BETWEEN: Final = 50
"""At most so many looks, and not more often than after so many requests."""
_LONGEST_SECONDS: Final = 3600.0
_PATIENCE_SECONDS: Final = 60.0
_WARM: Final = 0.2
"""This share of the requests is left out of the slope: what a server makes for itself once is no growth."""


def watch(floor: Floor, requests: int, plot: Path) -> Part:
    """Send so many requests, as fast as they are answered, and look at the memory again and again.

    Args:
        floor: The server with the large catalogue.
        requests: How many.
        plot: The SVG file of the curve.
    """
    config, pid = floor.config, floor.served.pid
    lists = like_lists(floor.stage.movie_ids, config.lists, config.large.history, config.large.seed)
    plan = floor.plan(
        ("/v1/recommendations",),
        PERSONALISED,
        bodies=list_bodies(lists, config.large.k),
        connections=config.connections,
        seconds=_LONGEST_SECONDS,
        patience_seconds=_PATIENCE_SECONDS,
    )
    edges = np.linspace(0, requests, min(_SAMPLES, max(requests // _BETWEEN, 1)) + 1).astype(int).tolist()
    samples = [(0, resident_mb(pid))]
    errors, seconds = Counter[str](), 0.0
    with floor.progress.task("Watching the memory", total=requests, unit="requests") as advance:
        for begin, end in pairwise(edges):
            outcome = drive_apart(replace(plan, requests=end - begin, first=begin), SILENT)
            errors.update(outcome.errors)
            errors.update({"unanswered": outcome.unanswered} if outcome.unanswered else {})
            seconds += outcome.seconds
            samples.append((end, resident_mb(pid)))
            advance(end - begin)
    growth = round(growth_per_million(samples), 2)
    report_page.write_whole(plot, _plot(samples))
    target = at_most("growth of the server's memory over a million requests, MB", config.growth_mb, growth)
    return Part(
        targets=[
            {**target, "met": target["met"] and not errors},
            at_most("memory of the server after all of them, MB", config.memory_mb, samples[-1][1]),
        ],
        more={
            "memory": {
                "requests": requests,
                "seconds": round(seconds, 1),
                "errors": dict(errors),
                "growth_mb_per_million": growth,
                "left_out_of_the_slope": _WARM,
                "plot": plot.name,
                "samples": [{"requests": at, "memory_mb": megabytes} for at, megabytes in samples],
            }
        },
    )


def growth_per_million(samples: list[tuple[int, float]]) -> float:
    """Return the slope of memory by requests, least squares, over what follows the first share of them.

    Args:
        samples: Requests so far, and memory in MB.

    Returns:
        MB for a million requests.
    """
    requests, megabytes = np.array(samples, np.float64).T
    later = requests >= _WARM * requests[-1]
    slope, _ = np.polyfit(requests[later], megabytes[later], 1)
    return float(slope) * _MILLION


def _plot(samples: list[tuple[int, float]]) -> str:
    import altair as alt  # noqa: PLC0415 (heavy)

    from movie_mlops.evaluation.plots import drawn  # noqa: PLC0415 (beside what it needs)

    rows = [{"requests": at, "memory": megabytes} for at, megabytes in samples]
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(color="var(--c0)", point={"size": 14, "color": "var(--c0)"})
        .encode(
            x=alt.X("requests:Q", title="requests answered", axis=alt.Axis(format="~s", tickCount=6)),
            y=alt.Y("memory:Q", title="memory of the server, MB", scale=alt.Scale(zero=True)),
        )
        .properties(width=560, height=220)
    )
    return report_page.standalone(drawn(chart))
