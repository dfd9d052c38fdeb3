"""The report's plots, as SVG that takes its colours from the page, so that they follow light and dark."""

from collections.abc import Sequence
from typing import Any, Final

from movie_mlops.core import report_page
from movie_mlops.evaluation.ablation import Ablation
from movie_mlops.evaluation.curves import LearningCurve
from movie_mlops.evaluation.intervals import Interval
from movie_mlops.evaluation.leaderboard import Leaderboard, metric_label
from movie_mlops.evaluation.scores import Scores
from movie_mlops.evaluation.segments import history_groups

COLOURS: Final = 8
"""The page defines ``--c0`` to ``--c7``; a ninth model begins again."""

_WIDTH: Final = 400
_LETTER: Final = 7
_SYMBOL: Final = 40
"""How wide a letter and what stands before a name are in a legend, in the drawing's units, rather too wide."""


def colour(position: int) -> str:
    """Return the CSS colour of the model at this position of the board."""
    return f"var(--c{position % COLOURS})"


def means(board: Leaderboard, metric: str | None = None) -> str:
    """Plot each model's mean of a metric, the leading one by default, with its interval."""
    metric = metric or board.metric
    rows = [_row(standing.model, standing.metrics[metric], "{:.3f}") for standing in board.standings]
    return intervals(rows, _names(board), metric_label(metric), zero=True)


def differences(board: Leaderboard) -> str:
    """Plot each model's difference to the baseline with its interval; the line at zero is the baseline."""
    rows = [
        _row(standing.model, standing.difference, "{:+.3f}")
        for standing in board.standings
        if standing.difference is not None
    ]
    return intervals(rows, _names(board), f"{metric_label(board.metric)} minus that of {board.baseline}", zero=True)


def ablation(found: Ablation) -> str:
    """Plot what each part of a model is worth with its interval; the line at zero is a part that is worth nothing."""
    rows = [_row(row.part, row.worth, "{:+.4f}") for row in found.rows]
    names = [row.part for row in found.rows]
    return intervals(rows, names, f"{metric_label(found.metric)} lost without it", zero=True)


def learning(curve: LearningCurve) -> str:
    """Plot each model's mean by how many likes it was shown, with a band for the interval."""
    import altair as alt  # noqa: PLC0415 (heavy)

    names = list(curve.models)
    rows = [
        {
            "model": name,
            "likes": str(point.likes),
            "value": point.value.estimate,
            "low": point.value.low,
            "high": point.value.high,
        }
        for name, points in curve.models.items()
        for point in points
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "likes:N",
            sort=[str(likes) for likes in curve.likes],
            title="likes that the model was shown",
            axis=alt.Axis(labelAngle=0, grid=False),
            scale=alt.Scale(type="point", padding=0.3),
        ),
        color=_colours(names, width=2 * _WIDTH),
    )
    band = base.mark_area(opacity=0.14).encode(
        y=alt.Y("low:Q", title=metric_label(curve.metric), scale=alt.Scale(zero=True)), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(filled=True, size=46)).encode(y="value:Q")
    return drawn(alt.layer(band, line).properties(width=2 * _WIDTH, height=300))


def _row(model: str, interval: Interval, words: str) -> dict[str, Any]:
    return {
        "model": model,
        "mean": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "label": words.format(interval.estimate),
    }


def _colours(names: list[str], *, width: int = _WIDTH) -> Any:
    import altair as alt  # noqa: PLC0415 (heavy)

    # As many names side by side as there is room for.
    columns = max(1, width // (_LETTER * max(len(name) for name in names) + _SYMBOL))
    return alt.Color(
        "model:N",
        scale=alt.Scale(domain=names, range=[colour(i) for i in range(len(names))]),
        legend=alt.Legend(
            title=None, orient="top", symbolType="circle", symbolOpacity=1, columns=columns, columnPadding=_SYMBOL
        ),
    )


def by_history(board: Leaderboard, scores: Sequence[Scores]) -> str:
    """Plot the leading metric by how many films the model was shown of a user; groups under five users are left out."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows: list[dict[str, Any]] = []
    by_model = {one.model: one for one in scores}
    labels = []
    for films, group in history_groups(by_model[board.baseline].history_sizes).items():
        labels.append(f"{films}|({int(group.sum()):,})")
        for standing in board.standings:
            value = float(by_model[standing.model].values(board.metric)[group].mean())
            rows.append({"model": standing.model, "films": labels[-1], "value": value})
    names = _names(board)
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(filled=True, size=46))
        .encode(
            x=alt.X(
                "films:N",
                sort=labels,
                title="films in the user's history (how many users)",
                axis=alt.Axis(labelAngle=0, labelExpr="split(datum.label, '|')", grid=False),
            ),
            y=alt.Y("value:Q", title=metric_label(board.metric), scale=alt.Scale(zero=True)),
            color=_colours(names),
        )
        .properties(width=_WIDTH, height=230)
    )
    return drawn(chart)


def trade_off(board: Leaderboard) -> str:
    """Plot the leading metric against the share of the catalogue that is ever recommended."""
    import altair as alt  # noqa: PLC0415 (heavy)

    cutoff = board.metric.partition("@")[2]
    rows = [
        {
            "model": standing.model,
            "quality": standing.metrics[board.metric].estimate,
            "coverage": standing.lists[f"coverage@{cutoff}"],
        }
        for standing in board.standings
    ]
    names = _names(board)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "coverage:Q",
            title="share of the films that anybody is recommended",
            axis=alt.Axis(format=".1~%", tickCount=6),
        ),
        y=alt.Y("quality:Q", title=metric_label(board.metric), scale=alt.Scale(zero=True)),
        color=_colours(names),
    )
    return drawn(base.mark_circle(size=150, opacity=1).properties(width=_WIDTH, height=230))


def intervals(rows: list[dict[str, Any]], names: list[str], title: str, *, zero: bool) -> str:
    """Plot a value with its interval for each model.

    Args:
        rows: ``model``, ``mean``, ``low``, ``high`` and ``label`` of each.
        names: Every model; its position gives its colour.
        title: Of the axis.
        zero: Whether the axis begins at zero.
    """
    import altair as alt  # noqa: PLC0415 (heavy)

    order = [row["model"] for row in rows]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelPadding=8, grid=False)),
        color=alt.Color(
            "model:N", scale=alt.Scale(domain=names, range=[colour(i) for i in range(len(names))]), legend=None
        ),
    )
    span = base.mark_rule(strokeWidth=7, opacity=0.35, strokeCap="round").encode(
        x=alt.X("low:Q", title=title, scale=alt.Scale(zero=zero), axis=alt.Axis(tickCount=6)), x2="high:Q"
    )
    dots = base.mark_circle(size=110, opacity=1).encode(x="mean:Q")
    words = base.mark_text(dy=-13, fontSize=11, color="currentColor").encode(
        x="mean:Q", text="label:N", color=alt.value("currentColor")
    )
    line = alt.Chart(alt.InlineData(values=[{"at": 0}])).mark_rule(color="currentColor", opacity=0.55).encode(x="at:Q")
    return drawn(alt.layer(line, span, dots, words).properties(width=_WIDTH, height=max(60, 44 * len(rows))))


def _names(board: Leaderboard) -> list[str]:
    return [standing.model for standing in board.standings]


def drawn(chart: Any) -> str:
    """Draw a chart; its size becomes the page's business, its text and lines take the page's colours."""
    import vl_convert  # noqa: PLC0415 (heavy)

    # Altair has held every part to its schema when it was made; to hold the whole to it again takes as long as drawing.
    vega = {**chart.to_dict(validate=False), "config": report_page.PLOT_STYLE}
    return report_page.fluid(vl_convert.vegalite_to_svg(vega))
