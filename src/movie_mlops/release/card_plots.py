"""The plots of a model card, as SVG in the page's own colours."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.evaluation.leaderboard import metric_label
from movie_mlops.evaluation.plots import colour, drawn, intervals
from movie_mlops.release.judged import Judged, Measure, Spanned

_WIDTH: Final = 400
_POINTS: Final = 120


def quality(model: str, judged: Judged) -> str:
    """Plot the model's mean and those of the baselines, each with its interval."""
    found: dict[str, Measure | Spanned] = {model: judged.lead}
    found |= {name: one.metrics[judged.metric] for name, one in judged.baselines.items()}
    rows = [
        {
            "model": name,
            "mean": value.estimate,
            "low": value.estimate if value.low is None else value.low,
            "high": value.estimate if value.high is None else value.high,
            "label": f"{value.estimate:.3f}",
        }
        for name, value in found.items()
    ]
    return intervals(rows, list(found), metric_label(judged.metric), zero=True)


def by_segment(model: str, judged: Judged) -> str:
    """Plot the metric by how many films the model was shown of a user, the baselines beside it."""
    import altair as alt  # noqa: PLC0415 (heavy)

    names = [model, *(name for name in judged.segments if name != "candidate")]
    rows = [
        {
            "model": model if name == "candidate" else name,
            "films": f"{one.label}|({one.users:,})",
            "value": one.value.estimate,
            "low": one.value.low,
            "high": one.value.high,
        }
        for name, found in judged.segments.items()
        for one in found
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "films:N",
            sort=list(dict.fromkeys(str(row["films"]) for row in rows)),
            title="films in the user's history (how many users)",
            axis=alt.Axis(labelAngle=0, labelExpr="split(datum.label, '|')", labelFontSize=10, grid=False),
        ),
        color=alt.Color(
            "model:N",
            scale=alt.Scale(domain=names, range=[colour(i) for i in range(len(names))]),
            legend=alt.Legend(title=None, orient="top", symbolType="circle"),
        ),
        xOffset=alt.XOffset("model:N", sort=names),
    )
    span = base.mark_rule(strokeWidth=6, opacity=0.3, strokeCap="round").encode(
        y=alt.Y("low:Q", title=metric_label(judged.metric), scale=alt.Scale(zero=True)), y2="high:Q"
    )
    dots = base.mark_circle(size=70, opacity=1).encode(y="value:Q")
    return drawn(alt.layer(span, dots).properties(width=_WIDTH, height=230))


def by_films(model: str, judged: Judged) -> str:
    """Plot what the model finds of each genre and decade and of the rare films, and what the nearest baseline does."""
    import altair as alt  # noqa: PLC0415 (heavy)

    names = [model, *(name for name in judged.films if name != "candidate")]
    nearest = judged.nearest[0] if judged.nearest else None
    rows = [
        {
            "model": model if name == "candidate" else name,
            "slice": f"{one.label} ({one.users:,})",
            "value": one.value.estimate,
            "low": one.value.low,
            "high": one.value.high,
        }
        for name, found in judged.films.items()
        if name in {"candidate", nearest}
        for one in found
    ]
    shown = [name for name in names if name in {row["model"] for row in rows}]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y(
            "slice:N",
            sort=list(dict.fromkeys(str(row["slice"]) for row in rows)),
            title=None,
            axis=alt.Axis(labelPadding=8, labelFontSize=10, grid=False),
        ),
        # Each has the colour that it has in the other plots.
        color=alt.Color(
            "model:N",
            scale=alt.Scale(domain=shown, range=[colour(names.index(name)) for name in shown]),
            legend=alt.Legend(title=None, orient="top", symbolType="circle"),
        ),
    )
    span = (
        base.transform_filter(alt.datum.model == model)
        .mark_rule(strokeWidth=6, opacity=0.3, strokeCap="round")
        .encode(
            x=alt.X("low:Q", title=metric_label(judged.metric), scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6)),
            x2="high:Q",
        )
    )
    dots = base.mark_circle(size=55, opacity=1).encode(x="value:Q")
    return drawn(alt.layer(span, dots).properties(width=_WIDTH - 90, height=alt.Step(17)))


def long_tail(liked: NDArray[np.int64], shown: NDArray[np.int64]) -> str:
    """Plot which share of the likes, and of the places in lists, the most popular films have.

    Args:
        liked: int64[items]; how often each film is liked in the data.
        shown: int64[items]; how often it is in a list.
    """
    import altair as alt  # noqa: PLC0415 (heavy)

    order = np.argsort(-liked, kind="stable")
    places = np.unique(np.linspace(0, len(order), _POINTS + 1).round().astype(np.int64))
    rows = []
    for what, counts in (("liked in the data", liked), ("recommended", shown)):
        reached = np.concatenate([[0], np.cumsum(counts[order])]) / max(1, int(counts.sum()))
        rows += [
            {"what": what, "films": float(place / len(order)), "share": round(float(reached[place]), 6)}
            for place in places
        ]
    percent = alt.Axis(format=".0%", tickCount=5)
    axes = {
        "x": alt.X("films:Q", title="share of the films, the most popular first", axis=percent),
        "y": alt.Y("share:Q", title="share of all likes, of all recommendations", axis=percent),
    }
    names = ["recommended", "liked in the data"]
    lines = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=2.4)
        .encode(
            **axes,
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=names, range=[colour(0), colour(5)]),
                legend=alt.Legend(title=None, orient="top", symbolType="circle"),
            ),
        )
    )
    even = (
        alt.Chart(alt.InlineData(values=[{"films": 0, "share": 0}, {"films": 1, "share": 1}]))
        .mark_line(color="currentColor", strokeDash=[4, 4], opacity=0.45, strokeWidth=1.2)
        .encode(**axes)
    )
    return drawn(alt.layer(even, lines).properties(width=_WIDTH, height=230))
