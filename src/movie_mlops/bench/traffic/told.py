"""What became of a load: by second, as a histogram that other tools read, and as a drawing."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.bench.load import Outcome
from movie_mlops.bench.percentiles import percentile
from movie_mlops.core import report_page

_MOST_PARTS: Final = 120
_DIGITS: Final = 3
_HOUR_US: Final = 3_600_000_000


def over_time(outcome: Outcome, seconds: float) -> list[dict[str, Any]]:
    """Return each second, or each of at most so many parts, by when its requests were due."""
    parts = min(_MOST_PARTS, max(1, round(seconds)))
    edges = np.linspace(0, seconds, parts + 1)
    answered, refused = (
        np.searchsorted(edges, at, side="right") - 1 for at in (outcome.due_seconds, outcome.refused_seconds)
    )
    told = []
    for part in range(parts):
        mine = np.sort(outcome.latency_ms[answered == part])
        refusals = int((refused == part).sum())
        told.append(
            {
                "from_seconds": round(float(edges[part]), 3),
                "due_a_second": round((len(mine) + refusals) / float(edges[part + 1] - edges[part]), 1),
                "refused": refusals,
                "p50_ms": round(percentile(mine, 50), 3) if len(mine) else None,
                "p99_ms": round(percentile(mine, 99), 3) if len(mine) else None,
                "max_ms": round(float(mine[-1]), 3) if len(mine) else None,
            }
        )
    return told


def histogram(milliseconds: NDArray[np.float64]) -> str:
    """Return the percentile distribution in the text form of HdrHistogram (``.hgrm``), values in microseconds.

    Three significant digits; what took longer than an hour counts as an hour.
    """
    from hdrh.histogram import HdrHistogram  # noqa: PLC0415 - a load test alone needs it

    held = HdrHistogram(1, _HOUR_US, _DIGITS)
    values, counts = np.unique(np.clip(np.rint(milliseconds * 1000), 1, _HOUR_US).astype(np.int64), return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        held.record_value(value, count)
    out = io.BytesIO()
    # Unscaled: with a scale the library tells a mean and a deviation in different units.
    held.output_percentile_distribution(out, 1.0)
    return out.getvalue().decode()


def write_plot(path: Path, rows: Sequence[dict[str, Any]], latency_ms: NDArray[np.float64]) -> None:
    """Draw the requests and their times by second, and the times by percentile."""
    import altair as alt  # noqa: PLC0415 (heavy)

    from movie_mlops.evaluation.plots import drawn  # noqa: PLC0415 (beside what it needs)

    x = alt.X("at:Q", title="seconds from the start")
    points = [
        {"at": row["from_seconds"], "what": name.removesuffix("_ms"), "ms": row[name]}
        for row in rows
        for name in ("p50_ms", "p99_ms", "max_ms")
        if row[name] is not None
    ]
    colours = alt.Scale(domain=["p50", "p99", "max"], range=["var(--c1)", "var(--c0)", "var(--c7)"])
    log = alt.Scale(type="log")
    times = (
        alt.Chart(alt.InlineData(values=points))
        .mark_line()
        .encode(
            x=x,
            y=alt.Y("ms:Q", title="from when it was due, ms", scale=log, axis=alt.Axis(format="~g")),
            color=alt.Color("what:N", title=None, scale=colours),
        )
        .properties(width=520, height=180)
    )
    rates = (
        alt.Chart(alt.InlineData(values=[{"at": row["from_seconds"], "due": row["due_a_second"]} for row in rows]))
        .mark_line(color="var(--c2)")
        .encode(x=x, y=alt.Y("due:Q", title="due a second"))
        .properties(width=520, height=90)
    )
    ordered = np.sort(latency_ms)
    if not len(ordered):
        # Everything was refused.
        report_page.write_whole(path, report_page.standalone(drawn(rates)))
        return
    nines = np.linspace(0, max(np.log10(len(ordered)), 1), 60)
    curve = [{"nines": float(n), "ms": percentile(ordered, float(100 * (1 - 10**-n)) or 1e-9)} for n in nines]
    distribution = (
        alt.Chart(alt.InlineData(values=curve))
        .mark_line(color="var(--c0)")
        .encode(
            x=alt.X(
                "nines:Q",
                title="percentile",
                axis=alt.Axis(values=[0, 1, 2, 3, 4], labelExpr="['0', '90', '99', '99.9', '99.99'][datum.value]"),
            ),
            y=alt.Y("ms:Q", title="from when it was due, ms", scale=log, axis=alt.Axis(format="~g")),
        )
        .properties(width=520, height=140)
    )
    chart = alt.vconcat(times, rates, distribution).resolve_scale(color="independent")
    report_page.write_whole(path, report_page.standalone(drawn(chart)))
