"""The report's plots, as SVG in the page's own colours."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl

from movie_mlops.core import report_page

_WIDTH: Final = 400
_HEIGHT: Final = 220
_ROUND: Final = 2
_TICKS: Final = 4
_MOST_BATCHES: Final = 30
_FORMATS: Final = {"hour": "%d %b %H:00", "day": "%d %b %Y", "week": "%d %b %Y", "month": "%b %Y", "year": "%Y"}
COLOURS: Final = 8
"""The page defines ``--c0`` to ``--c7``."""


def volume(counted: pl.DataFrame, span: str, *, column: str, title: str, colour: str, width: int) -> str:
    """Plot how much happened in each span of time."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows = [{"start": _iso(row["start"]), "count": row[column]} for row in counted.iter_rows(named=True)]
    thickness = max(1.0, min(26.0, 0.82 * width / max(1, len(rows))))
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(color=colour, size=thickness, cornerRadiusEnd=min(_ROUND, thickness / 3), binSpacing=0)
        .encode(
            x=alt.X(
                "start:T",
                title=None,
                axis=alt.Axis(
                    grid=False,
                    format=_FORMATS[span],
                    tickCount=max(2, width // 110),
                    labelOverlap=True,
                    labelFlush=True,
                ),
                scale=alt.Scale(type="utc", padding=thickness),
            ),
            y=alt.Y("count:Q", title=title, axis=_numbers(max((row["count"] for row in rows), default=0))),
        )
        .properties(width=width, height=190)
    )
    return _svg(chart)


def stars(counted: pl.DataFrame) -> str:
    """Plot how often each rating was given, with its share above the bar."""
    total = counted["count"].sum()
    rows = [
        {"value": f"{value:g}", "count": count, "label": _whole_percent(count / total)}
        for value, count in counted.select("value", "count").iter_rows()
    ]
    return _columns(rows, "value", "stars", "ratings", "var(--c4)")


def bins(counted: pl.DataFrame, *, title: str, what: str, colour: str) -> str:
    """Plot how many users, or films, have how many interactions."""
    rows = [{"label": label, "count": count} for label, count in counted.iter_rows()]
    return _columns(rows, "label", title, what, colour)


def decades(counted: pl.DataFrame) -> str:
    """Plot the films by decade."""
    rows = [{"decade": str(decade), "count": count} for decade, count in counted.iter_rows()]
    return _columns(rows, "decade", "decade of release", "films", "var(--c0)")


def concentration(curve: pl.DataFrame) -> str:
    """Plot which share of the interactions the most popular films have; the diagonal would be all films alike."""
    import altair as alt  # noqa: PLC0415 (heavy)

    percent = alt.Axis(format=".0%", tickCount=5)
    base = alt.Chart(alt.InlineData(values=curve.to_dicts()))
    axes = {
        "x": alt.X("share:Q", title="share of the films, the most popular first", axis=percent),
        "y": alt.Y("interactions:Q", title="share of the interactions", axis=percent),
    }
    area = base.mark_area(color="var(--c2)", opacity=0.16).encode(**axes)
    line = base.mark_line(color="var(--c2)", strokeWidth=2.4).encode(**axes)
    even = (
        alt.Chart(alt.InlineData(values=[{"share": 0, "interactions": 0}, {"share": 1, "interactions": 1}]))
        .mark_line(color="currentColor", strokeDash=[4, 4], opacity=0.45, strokeWidth=1.2)
        .encode(**axes)
    )
    return _svg(alt.layer(area, even, line).properties(width=_WIDTH, height=_HEIGHT))


def ranked(counted: pl.DataFrame, *, title: str, colour: str) -> str:
    """Plot names by how often they occur, with the number at the end of the bar."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows = [{"name": name, "count": count, "label": f"{count:,}"} for name, count in counted.iter_rows()]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y(
            "name:N",
            sort=[row["name"] for row in rows],
            title=None,
            axis=alt.Axis(grid=False, ticks=False, domain=False, labelPadding=8),
        ),
        x=alt.X("count:Q", title=title, axis=None, scale=alt.Scale(domainMin=0)),
    )
    bars = base.mark_bar(color=colour, cornerRadiusEnd=_ROUND, height={"band": 0.66})
    words = base.mark_text(align="left", dx=6, fontSize=11, color="currentColor").encode(text="label:N")
    return _svg(alt.layer(bars, words).properties(width=_WIDTH - 60, height=max(40, 22 * len(rows))))


def arrivals(batches: pl.DataFrame) -> str:
    """Plot the newest batches: what was kept and what was refused of each."""
    newest = batches.tail(_MOST_BATCHES)
    rows = [
        {"batch": _stamp(row["ingested_at"]), "rows": row[what], "what": what}
        for row in newest.iter_rows(named=True)
        for what in ("kept", "refused")
    ]
    return _stacked(rows, "what", ["kept", "refused"], ["var(--c1)", "var(--c7)"])


def refused(by_batch: pl.DataFrame, order: Sequence[str]) -> str:
    """Plot the refused rows of the newest batches by reason."""
    times = by_batch["ingested_at"].unique().sort().tail(_MOST_BATCHES)
    kept = by_batch.filter(pl.col("ingested_at").is_in(times.implode()))
    rows = [{"batch": _stamp(time), "rows": count, "what": reason} for time, reason, count in kept.iter_rows()]
    return _stacked(rows, "what", list(order), [reason_colour(i) for i in range(len(order))])


def reason_colour(position: int) -> str:
    """Return the colour of the reason at this position; the first is that of refusal."""
    return f"var(--c{(7 + position) % COLOURS})"


def _stacked(rows: list[dict[str, Any]], field: str, domain: list[str], colours: list[str]) -> str:
    import altair as alt  # noqa: PLC0415 (heavy)

    heights = Counter[str]()
    for row in rows:
        heights[row["batch"]] += row["rows"]
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(size=max(4.0, min(46.0, 0.7 * _WIDTH / max(1, len(heights)))))
        .encode(
            x=alt.X(
                "batch:O",
                title="arrived (UTC)",
                axis=alt.Axis(grid=False, labelAngle=0, labelOverlap=True, labelExpr="split(datum.label, '|')"),
            ),
            y=alt.Y("sum(rows):Q", title="rows", axis=_numbers(max(heights.values(), default=0))),
            color=alt.Color(
                f"{field}:N",
                scale=alt.Scale(domain=domain, range=colours),
                legend=alt.Legend(title=None, orient="top", symbolType="circle", columns=2, columnPadding=40),
            ),
        )
        .properties(width=_WIDTH, height=_HEIGHT)
    )
    return _svg(chart)


def _columns(rows: list[dict[str, Any]], name: str, title: str, what: str, colour: str) -> str:
    import altair as alt  # noqa: PLC0415 (heavy)

    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            f"{name}:O",
            sort=[row[name] for row in rows],
            title=title,
            axis=alt.Axis(grid=False, labelAngle=0, labelOverlap=True, labelSeparation=6, ticks=False),
        ),
        y=alt.Y("count:Q", title=what, axis=_numbers(max((row["count"] for row in rows), default=0))),
    )
    bars = base.mark_bar(color=colour, cornerRadiusEnd=_ROUND, width={"band": 0.78})
    layers = [bars]
    if rows and "label" in rows[0] and name != "label":
        layers.append(base.mark_text(dy=-7, fontSize=11, color="currentColor").encode(text="label:N"))
    return _svg(alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT))


def _numbers(most: int) -> Any:
    """Return an axis of whole numbers up to about ``most``, short where they are long: 0, 200, 1.5k."""
    import altair as alt  # noqa: PLC0415 (heavy)

    # More ticks than the largest number would stand between whole ones.
    ticks = max(1, min(_TICKS, most))
    return alt.Axis(tickCount=ticks, labelExpr="format(datum.value, '~s')", domain=False)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _whole_percent(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else f"{100 * share:.0f}%"  # noqa: PLR2004 - what would round to nothing


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d|%H:%M:%S")


def _svg(chart: Any) -> str:
    import vl_convert  # noqa: PLC0415 (heavy)

    return report_page.fluid(vl_convert.vegalite_to_svg({**chart.to_dict(), "config": report_page.PLOT_STYLE}))
