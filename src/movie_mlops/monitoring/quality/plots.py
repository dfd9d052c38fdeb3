"""The plots of the report, as SVG in the page's own colours."""

from typing import Any, Final

from movie_mlops.evaluation.plots import colour, drawn, intervals
from movie_mlops.monitoring.quality.outcome import Quality
from movie_mlops.monitoring.quality.verdict import GUARDRAILS, State

_WIDTH: Final = 400
_WIDE: Final = 860


def daily(found: Quality, measure: str, title: str) -> str:
    """Plot a measure by day and release, with a band for its interval; what was promised is a dashed line."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows: list[dict[str, Any]] = []
    for member, figures in found.figures.get("day and release", {}).items():
        if (figure := figures.get(measure)) is not None:
            day, _, release = member.partition("|")
            rows.append({"day": day, "release": release, **figure.to_json()})
    names = sorted({row["release"] for row in rows})
    days = sorted({row["day"] for row in rows})
    legend = alt.Legend(title="release", orient="top", symbolType="circle", symbolOpacity=1)
    scale = alt.Scale(domain=names, range=[colour(place) for place in range(len(names))])
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("day:O", sort=days, title=None, axis=alt.Axis(labelAngle=-40, labelOverlap=True, grid=False)),
        color=alt.Color("release:N", scale=scale, legend=legend),
    )
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6))
    layers = [
        base.mark_area(opacity=0.16).encode(y=alt.Y("low:Q", title=title), y2="high:Q"),
        base.mark_rule(opacity=0.3, strokeWidth=3).encode(y=alt.Y("low:Q", title=title), y2="high:Q"),
        base.mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(filled=True, size=46)).encode(y=y),
    ]
    said = [
        {"release": release, "value": promise.ndcg}
        for release, promise in found.promises.items()
        if measure == "ndcg" and release in names and promise.ndcg is not None
    ]
    if said:
        line = alt.Chart(alt.InlineData(values=said)).mark_rule(strokeDash=[6, 4], strokeWidth=1.6)
        layers.append(line.encode(y=y, color=alt.Color("release:N", scale=scale, legend=legend)))
    return drawn(alt.layer(*layers).properties(width=_WIDE, height=230))


def funnel(steps: list[tuple[str, int]]) -> str:
    """Plot how many answers are left at each step."""
    import altair as alt  # noqa: PLC0415 (heavy)

    top = max((count for _, count in steps), default=0) or 1
    rows = [{"step": name, "answers": count, "label": f"{count:,} ({count / top:.0%})"} for name, count in steps]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("step:N", sort=[name for name, _ in steps], title=None, axis=alt.Axis(grid=False))
    )
    bars = base.mark_bar(color="var(--c0)", cornerRadiusEnd=4, height=18).encode(
        x=alt.X("answers:Q", title="answers", scale=alt.Scale(domain=[0, 1.25 * top]), axis=alt.Axis(tickCount=4))
    )
    words = base.mark_text(align="left", dx=6, fontSize=12).encode(
        x="answers:Q", text="label:N", color=alt.value("currentColor")
    )
    return drawn(alt.layer(bars, words).properties(width=_WIDTH, height=34 * len(rows)))


def guardrails(found: Quality) -> str:
    """Plot the share of each guardrail, with its bound as a tick."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows = [
        {
            "name": check.name,
            "value": check.value,
            "bound": check.bound,
            "label": f"{check.value:.1%}",
            "colour": "var(--bad)" if check.state is State.BELOW else "var(--c1)",
        }
        for check in found.checks
        if check.name in GUARDRAILS and check.name != "novelty" and check.value is not None
    ]
    names = [str(row["name"]) for row in rows]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(grid=False))
    )
    x = alt.X("value:Q", title="share", scale=alt.Scale(domain=[0, 1.2]), axis=alt.Axis(format="%", values=[0, 0.5, 1]))
    bars = base.mark_bar(cornerRadiusEnd=4, height=14).encode(x=x, color=alt.Color("colour:N", scale=None, legend=None))
    bounds = base.transform_filter("datum.bound !== null").mark_tick(thickness=2.5, size=24, color="currentColor")
    words = base.mark_text(align="left", dx=6, fontSize=12).encode(
        x="value:Q", text="label:N", color=alt.value("currentColor")
    )
    layers = alt.layer(bars, bounds.encode(x="bound:Q"), words)
    return drawn(layers.properties(width=_WIDTH, height=max(60, 32 * len(rows))))


def promise(found: Quality) -> str:
    """Plot nDCG online beside what was promised, by release."""
    rows = []
    for release, said in found.promises.items():
        figure = found.figure("ndcg", "promise", release)
        if figure is not None:
            rows.append(_row(f"{release} online", figure.value, figure.low, figure.high))
        if said.ndcg is not None:
            rows.append(_row(f"{release} promised", said.ndcg, said.ndcg, said.ndcg))
    return intervals(rows, [row["model"] for row in rows], f"nDCG@{found.config.cutoff}", zero=True)


def _row(name: str, value: float, low: float, high: float) -> dict[str, Any]:
    return {"model": name, "mean": value, "low": low, "high": high, "label": f"{value:.3f}"}
