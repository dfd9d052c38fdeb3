"""What every HTML report shares: one page that needs nothing beside it, one look of plots, one way to the disk."""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "movie_mlops.core"
"""The package whose ``templates/page.html.j2`` holds the frame and the one stylesheet; reports extend it."""

_NAMES: Final = re.compile(r'(\bid="|url\(#)((?:clip|gradient_?|part)\d+)("|\))')
"""Where a drawing gives a name to a part of itself, and where it uses one."""

PLOT_STYLE: Final[Mapping[str, Any]] = {
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "labelLimit": 220,
    },
    "legend": {"labelColor": "currentColor", "labelFontSize": 12, "labelLimit": 220},
}
"""Vega-Lite's ``config``: text and lines take the page's colours, so that plots follow light and dark."""


def fluid(svg: str) -> str:
    """Return a drawing whose size is the page's business, and whose inner names are its own.

    The library that draws counts its names through the life of a process; here they follow from the drawing, so that
    the same drawing always has the same bytes, and two drawings on one page never share a name.
    """
    svg = re.sub(r' width="[\d.]+" height="[\d.]+" viewBox', " viewBox", svg, count=1)
    numbers: dict[str, int] = {}
    svg = _NAMES.sub(lambda found: f"{found[1]}part{numbers.setdefault(found[2], len(numbers))}{found[3]}", svg)
    own = hashlib.sha256(svg.encode()).hexdigest()[:8]
    return _NAMES.sub(rf"\g<1>{own}-\g<2>\g<3>", svg)


_PLAIN: Final[Mapping[str, str]] = {
    "currentColor": "#7b828e",
    "var(--line)": "#9aa1ae55",
    "var(--c0)": "#6a75e6",
    "var(--c1)": "#22a79c",
    "var(--c2)": "#c468b4",
    "var(--c3)": "#4f97d6",
    "var(--c4)": "#e08a2e",
    "var(--c5)": "#8794a3",
    "var(--c6)": "#97a83a",
    "var(--c7)": "#d3584d",
}


def standalone(svg: str) -> str:
    """Return a drawing that needs no page: its colours are ones that can be read on white and on black."""
    for name, colour in _PLAIN.items():
        svg = svg.replace(name, colour)
    return svg


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
