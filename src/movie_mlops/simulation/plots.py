"""The plots of a simulation, as SVG in the page's own colours."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from movie_mlops.evaluation.plots import colour, drawn
from movie_mlops.simulation.measures import Measured

_WIDTH: Final = 400
_GREY: Final = "var(--c5)"
_DASHES: Final = {"best possible": [8, 4], "by chance": [2, 4]}
"""What stands beside the loops for comparison."""

Loops = Mapping[str, Sequence[Measured]]
"""Generations by the loop's name."""


def worth(loops: Loops) -> str:
    """Plot what the lists are worth, between those drawn by chance and the best there could be."""
    rows = _rows(loops, "utility")
    reference = next(iter(loops.values()))
    for name, attribute in zip(_DASHES, ("best_utility", "chance_utility"), strict=True):
        rows += _rows({name: reference}, attribute)
    return _lines(rows, [*loops, *_DASHES], "films watched and enjoyed from a list", zero=True)


def one(loops: Loops, attribute: str, title: str, *, percent: bool = False) -> str:
    """Plot one measure by generation."""
    return _lines(_rows(loops, attribute), list(loops), title, percent=percent)


def _rows(loops: Loops, attribute: str) -> list[dict[str, Any]]:
    return [
        {"loop": name, "generation": each.generation, "value": getattr(each, attribute)}
        for name, generations in loops.items()
        for each in generations
    ]


def _lines(
    rows: list[dict[str, Any]], names: list[str], title: str, *, percent: bool = False, zero: bool = False
) -> str:
    import altair as alt  # noqa: PLC0415 (heavy)

    colours = [_GREY if name in _DASHES else colour(position) for position, name in enumerate(names)]
    dashes = [_DASHES.get(name, [1, 0]) for name in names]
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", columns=2)
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=2.4)
        .encode(
            x=alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False, tickMinStep=1)),
            y=alt.Y(
                "value:Q",
                title=title,
                scale=alt.Scale(zero=zero),
                axis=alt.Axis(format="%", tickCount=6) if percent else alt.Axis(tickCount=6),
            ),
            color=alt.Color("loop:N", scale=alt.Scale(domain=names, range=colours), legend=legend),
            strokeDash=alt.StrokeDash("loop:N", scale=alt.Scale(domain=names, range=dashes), legend=legend),
        )
        .properties(width=_WIDTH, height=230)
    )
    return drawn(chart)
