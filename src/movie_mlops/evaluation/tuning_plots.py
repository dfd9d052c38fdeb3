"""The plots of a search, as SVG in the page's own colours."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from movie_mlops.evaluation.plots import drawn

_WIDTH: Final = 400
_HEIGHT: Final = 230
_BEST, _OTHERS, _GIVEN_UP, _SO_FAR = "var(--c4)", "var(--c0)", "var(--c5)", "var(--c1)"


def history(trials: Sequence[Mapping[str, Any]], best: int, metric: str) -> str:
    """Plot what each setting achieved in the order of trying, and the best so far as a line."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows = _rows(trials, best)
    # What was given up was no better, so that the best so far goes on over it.
    rises = accumulate((row["value"] if row["kind"] != "given up" else -math.inf for row in rows), max)
    line = [{"number": row["number"], "value": value} for row, value in zip(rows, rises, strict=True)]
    line = [point for point in line if math.isfinite(point["value"])]
    y = alt.Y("value:Q", title=metric, scale=alt.Scale(zero=False))
    x = alt.X("number:Q", title="setting, in the order of trying", axis=alt.Axis(tickMinStep=1, grid=False))
    so_far = (
        alt.Chart(alt.InlineData(values=line))
        .mark_line(interpolate="step-after", strokeWidth=2.2, color=_SO_FAR)
        .encode(x=x, y=y)
    )
    return drawn(alt.layer(so_far, _points(rows, x, y)).properties(width=_WIDTH, height=_HEIGHT))


def one_parameter(
    trials: Sequence[Mapping[str, Any]], best: int, name: str, where: Mapping[str, Any], *, metric: str
) -> str:
    """Plot what was achieved against one parameter, between its bounds, the others being what they were."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows = [{**row, "at": row["params"][name]} for row in _rows(trials, best)]
    y = alt.Y("value:Q", title=metric, scale=alt.Scale(zero=False))
    if "low" in where:
        bounds = [where["low"], where["high"]]
        scale = alt.Scale(type="log" if where["log"] else "linear", domain=bounds, nice=False)
        x = alt.X("at:Q", title=name, scale=scale, axis=alt.Axis(tickCount=5, grid=False, format="~g"))
    else:
        rows = [{**row, "at": str(row["at"])} for row in rows]
        x = alt.X("at:N", title=name, axis=alt.Axis(labelAngle=0, grid=False))
    return drawn(_points(rows, x, y).properties(width=_WIDTH, height=_HEIGHT))


def importance(shares: Mapping[str, float]) -> str:
    """Plot how much of the differences each parameter decides."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows = [{"name": name, "share": share, "label": f"{share:.0%}"} for name, share in shares.items()]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("name:N", sort=list(shares), title=None, axis=alt.Axis(labelPadding=8, grid=False)),
        x=alt.X(
            "share:Q",
            title="share of the differences",
            axis=alt.Axis(format=".0%", tickCount=5),
            scale=alt.Scale(domain=[0, 1]),
        ),
    )
    bars = base.mark_bar(height=12, cornerRadius=3, color=_OTHERS)
    words = base.mark_text(align="left", dx=6, fontSize=11).encode(text="label:N", color=alt.value("currentColor"))
    return drawn(alt.layer(bars, words).properties(width=_WIDTH, height=max(60, 34 * len(rows))))


def _points(rows: Sequence[Mapping[str, Any]], x: Any, y: Any) -> Any:
    import altair as alt  # noqa: PLC0415 (heavy)

    kinds = ["best", "tried", "given up"]
    base = alt.Chart(alt.InlineData(values=list(rows))).encode(
        x=x,
        y=y,
        color=alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=[_BEST, _OTHERS, _GIVEN_UP]), legend=None),
        size=alt.Size("kind:N", scale=alt.Scale(domain=kinds, range=[150, 50, 36]), legend=None),
    )
    given_up = base.transform_filter(alt.datum.kind == kinds[2]).mark_point(strokeWidth=1.4, opacity=0.8)
    judged = base.transform_filter(alt.datum.kind != kinds[2]).mark_circle(opacity=0.85)
    return alt.layer(given_up, judged)


def _rows(trials: Sequence[Mapping[str, Any]], best: int) -> list[dict[str, Any]]:
    """Return what is drawn of the settings that somebody was asked about."""
    return [
        {
            "number": one["number"],
            "params": one["params"],
            "value": one["so_far"] if one["value"] is None else one["value"],
            "kind": "best" if one["number"] == best else "given up" if one["value"] is None else "tried",
        }
        for one in trials
        if one["state"] in {"complete", "pruned"} and one["so_far"] is not None
    ]
