"""The drawing of growth: every cost by its size, both as multiples of the smallest, on logarithmic axes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from movie_mlops.core import report_page

_WIDE: Final = 6


def write_plot(path: Path, curves: Sequence[Mapping[str, Any]]) -> None:
    """Draw the curves, one panel for each piece of work; the dashed line is growth as the size."""
    import altair as alt  # noqa: PLC0415 (heavy)

    from movie_mlops.evaluation.plots import COLOURS, colour, drawn  # noqa: PLC0415 (beside what it needs)

    rows = [row for curve in curves if curve["form"] != "constant" for row in _rows(curve)]
    costs = list(dict.fromkeys(row["cost"] for row in rows))
    log, ticks = alt.Scale(type="log"), alt.Axis(format="~g", tickCount=_WIDE)
    base = alt.Chart(alt.InlineData(values=rows))
    x = alt.X("size:Q", title="times the smallest size", scale=log, axis=ticks)
    points = base.mark_line(point={"size": 24}).encode(
        x=x,
        y=alt.Y("times:Q", title="times its cost", scale=log, axis=ticks),
        color=alt.Color(
            "cost:N",
            title=None,
            scale=alt.Scale(domain=costs, range=[colour(place % COLOURS) for place in range(len(costs))]),
        ),
    )
    even = base.mark_line(strokeDash=[4, 4], color="currentColor", opacity=0.5).encode(
        x=x, y=alt.Y("size:Q", scale=log, axis=ticks)
    )
    panel = alt.layer(even, points).properties(width=220, height=170)
    chart = panel.facet(facet=alt.Facet("job:N", title=None, header=alt.Header(labelColor="currentColor")), columns=3)
    report_page.write_whole(path, report_page.standalone(drawn(chart)))


def _rows(curve: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a curve's medians, each divided by that of the smallest size."""
    sizes = sorted({point["size"] for point in curve["points"]})
    job, _, cost = curve["name"].partition(".")
    found = [median(point["cost"] for point in curve["points"] if point["size"] == size) for size in sizes]
    return [
        {
            "job": f"{job}, by {curve['driver']}",
            "cost": cost.replace("_", " "),
            "size": size / sizes[0],
            "times": value / found[0],
        }
        for size, value in zip(sizes, found, strict=True)
    ]
