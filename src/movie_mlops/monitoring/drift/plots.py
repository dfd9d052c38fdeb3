"""The plots of a verdict, as SVG in the page's own colours."""

from typing import Any, Final

from movie_mlops.evaluation.plots import colour, drawn
from movie_mlops.monitoring.drift.findings import Finding
from movie_mlops.monitoring.drift.verdict import Verdict

_WIDTH: Final = 400
_MOST: Final = 24
"""So many features are drawn in the plot of all effects; the rest is in the table."""

_SIDES: Final = ("training", "live")


def effects(verdict: Verdict) -> str:
    """Plot the effect on each feature's spread with its interval; the line is the smallest effect that matters."""
    import altair as alt  # noqa: PLC0415 (heavy)

    shown = [finding for finding in verdict.judged if finding.aspect == "spread"][:_MOST]
    rows: list[dict[str, Any]] = [
        {
            "name": f"{finding.group}: {finding.column}",
            "value": finding.effect,
            "low": finding.low,
            "high": finding.high,
            "status": finding.status,
        }
        for finding in shown
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y(
            "name:N",
            sort=[row["name"] for row in rows],
            title=None,
            axis=alt.Axis(labelPadding=8, grid=False, labelLimit=260),
        ),
        color=alt.Color(
            "status:N", scale=alt.Scale(domain=["drift", "steady"], range=["var(--bad)", colour(0)]), legend=None
        ),
    )
    span = base.mark_rule(strokeWidth=6, opacity=0.35, strokeCap="round").encode(
        x=alt.X("low:Q", title="effect", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6)), x2="high:Q"
    )
    dots = base.mark_circle(size=80, opacity=1).encode(x="value:Q")
    matters = alt.Chart(alt.InlineData(values=[{"at": verdict.config.smallest}]))
    line = matters.mark_rule(color="currentColor", opacity=0.6, strokeDash=[5, 4]).encode(x="at:Q")
    return drawn(alt.layer(line, span, dots).properties(width=2 * _WIDTH - 120, height=max(60, 26 * len(rows))))


def cells(finding: Finding) -> str:
    """Plot how the rows were spread over the cells in training, and how they are now."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows: list[dict[str, Any]] = [
        {"cell": cell, "side": side, "share": share}
        for cell, *shares in finding.cells
        for side, share in zip(_SIDES, shares, strict=True)
    ]
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=alt.X("cell:N", sort=[cell for cell, *_ in finding.cells], title=None, axis=alt.Axis(labelAngle=-35)),
            xOffset=alt.XOffset("side:N", sort=list(_SIDES)),
            y=alt.Y("share:Q", title="share of the votes", axis=alt.Axis(format="%", tickCount=5)),
            color=alt.Color(
                "side:N",
                scale=alt.Scale(domain=list(_SIDES), range=["var(--c5)", colour(0)]),
                legend=alt.Legend(title=None, orient="top"),
            ),
        )
        .properties(width=_WIDTH, height=190)
    )
    return drawn(chart)
