"""What every HTML report shares: one page that needs nothing beside it, one look of plots, one way to the disk."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "movie_mlops.core"
"""The package whose ``templates/page.html.j2`` holds the frame and the one stylesheet; reports extend it."""

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
    """Return a drawing whose size is the page's business."""
    return re.sub(r' width="[\d.]+" height="[\d.]+" viewBox', " viewBox", svg, count=1)


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
