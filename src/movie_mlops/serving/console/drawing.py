"""The console's plots: SVG in the page's own colours, without a style or a script in it, by plain arithmetic.

The reports' plots come from a library that brings a browser's engine; a server that answers people does not load it.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_WIDTH: Final = 720
_HEIGHT: Final = 150
_LABEL: Final = 22
_HEAD: Final = 16
_LETTER: Final = 6.6
_ROW: Final = 34
_MOST_SERIES: Final = 8
_CROWDED: Final = 12


def bars(columns: Sequence[tuple[str, Mapping[str, int]]], *, title: str, names: Sequence[str] = ()) -> str:
    """Draw counts as bars, one above the other where there are several.

    Args:
        columns: The label of each column, and its counts by name.
        title: What is shown, for who cannot see it.
        names: The names in the order of their colours; those that there are, where left out.
    """
    names = list(names) or list(dict.fromkeys(name for _, counts in columns for name in counts))
    most = max((sum(counts.values()) for _, counts in columns), default=0)
    step = _WIDTH / max(1, len(columns))
    gap = min(3.0, step * 0.2)
    drawn = [f'<path class="rule" d="M0 {_HEIGHT + 0.5}H{_WIDTH}"/>']
    for place, (label, counts) in enumerate(columns):
        top = float(_HEIGHT)
        told = ", ".join(f"{counts[name]:,} {name}" for name in names if counts.get(name)) or "none"
        drawn.append(f"<g><title>{escape(f'{label}: {told}')}</title>")
        drawn.append(f'<rect class="room" x="{place * step:.1f}" y="0" width="{step:.1f}" height="{_HEIGHT}"/>')
        for colour, name in enumerate(names):
            height = counts.get(name, 0) / most * _HEIGHT if most else 0.0
            if height:
                top -= height
                drawn.append(
                    f'<rect class="c{colour % _MOST_SERIES}" x="{place * step + gap / 2:.1f}" y="{top:.1f}"'
                    f' width="{step - gap:.1f}" height="{height:.1f}" rx="1.5"/>'
                )
        drawn.append("</g>")
    every = max(1, -(-len(columns) // _CROWDED))
    for place in range(0, len(columns), every):
        at, anchor = (0.0, "start") if place == 0 else (place * step + step / 2, "middle")
        words = escape(columns[place][0])
        drawn.append(f'<text class="label" x="{at:.1f}" y="{_HEIGHT + 16}" text-anchor="{anchor}">{words}</text>')
    # The height of the highest column stands above all of them.
    highest = f'<text class="most" x="{_WIDTH}" y="10" text-anchor="end">{most:,}</text>'
    if not most:
        highest = f'<text class="nothing" x="{_WIDTH / 2}" y="{_HEIGHT / 2}" text-anchor="middle">Nothing yet</text>'
    return _document(
        _WIDTH, _HEAD + _HEIGHT + _LABEL, title, [highest, f'<g transform="translate(0 {_HEAD})">', *drawn, "</g>"]
    )


def lines(labels: Sequence[str], series: Mapping[str, Sequence[float | None]], *, title: str) -> str:
    """Draw values over time, each series as a line that is broken where nothing is known.

    Args:
        labels: What stands below each place.
        series: A value or ``None`` for each place, by name; names in the order of their colours.
        title: What is shown, for who cannot see it.
    """
    highest = max((value for values in series.values() for value in values if value is not None), default=0.0)
    scale, step = _HEIGHT / (highest or 1.0), _WIDTH / max(1, len(labels))
    drawn = [f'<path class="rule" d="M0 {_HEIGHT + 0.5}H{_WIDTH}"/>']
    for colour, values in enumerate(series.values()):
        way, known = [], False
        for place, value in enumerate(values):
            if value is not None:
                y = _HEIGHT - max(0.0, value) * scale
                # A place whose neighbours are not known is a short stroke, so that it can be seen.
                way.append(f"{'L' if known else 'M'}{place * step:.1f} {y:.1f}h{step:.1f}")
            known = value is not None
        drawn.append(f'<path class="line c{colour % _MOST_SERIES}" d="{"".join(way)}"/>')
    for place, label in enumerate(labels):
        told = [f"{values[place]:,.4g} {name}" for name, values in series.items() if values[place] is not None]
        words = escape(f"{label}: {', '.join(told) or 'nothing noted'}")
        drawn.append(
            f'<g><title>{words}</title><rect class="room" x="{place * step:.1f}" y="0" width="{step:.1f}"'
            f' height="{_HEIGHT}"/></g>'
        )
    every = max(1, -(-len(labels) // _CROWDED))
    for place in range(0, len(labels), every):
        at, anchor = (0.0, "start") if place == 0 else (place * step + step / 2, "middle")
        words = escape(labels[place])
        drawn.append(f'<text class="label" x="{at:.1f}" y="{_HEIGHT + 16}" text-anchor="{anchor}">{words}</text>')
    top = f'<text class="most" x="{_WIDTH}" y="10" text-anchor="end">{highest:,.4g}</text>'
    return _document(
        _WIDTH, _HEAD + _HEIGHT + _LABEL, title, [top, f'<g transform="translate(0 {_HEAD})">', *drawn, "</g>"]
    )


def intervals(rows: Sequence[tuple[str, float, float, float]], *, title: str, marked: str | None = None) -> str:
    """Draw values with their intervals, one row each.

    Args:
        rows: Name, value, lower and upper end.
        title: What is shown, for who cannot see it.
        marked: The name of the row that stands out.
    """
    left = min(260.0, 24 + _LETTER * max((len(name) for name, *_ in rows), default=0))
    right = 70.0
    low, high = min(0.0, *(row[2] for row in rows)), max(row[3] for row in rows)
    scale = (_WIDTH - left - right) / ((high - low) or 1.0)
    height = _ROW * len(rows)
    drawn = [f'<path class="rule" d="M{left - low * scale:.1f} 0V{height}"/>']
    for place, (name, value, lower, upper) in enumerate(rows):
        y = place * _ROW + _ROW / 2
        x, x1, x2 = (left + (number - low) * scale for number in (value, lower, upper))
        kind = "marked" if name == marked else "plain"
        drawn.append(
            f'<g class="{kind}"><title>{escape(f"{name}: {value:.4f} ({lower:.4f} to {upper:.4f})")}</title>'
            f'<text class="name" x="0" y="{y + 4:.1f}">{escape(name)}</text>'
            f'<path class="span" d="M{x1:.1f} {y:.1f}H{x2:.1f}"/><circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
            f'<text class="value" x="{_WIDTH}" y="{y + 4:.1f}" text-anchor="end">{value:.3f}</text></g>'
        )
    return _document(_WIDTH, height, title, drawn)


def _document(width: int, height: int, title: str, drawn: Sequence[str]) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(drawn)}</svg>"
    )
