"""The catalogue's page: one HTML file that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from movie_mlops.core import clock, report_page
from movie_mlops.features.catalogue.shapes import shape
from movie_mlops.features.closeness import Closeness
from movie_mlops.features.definitions import Feature, FeatureView, Views
from movie_mlops.features.parity import Parity

_UNITS: Final = {
    "count": "count",
    "decayed": "count",
    "share": "share, 0 to 1",
    "match": "share, 0 to 1",
    "days_since": "days",
    "streak": "days",
    "trend": "doublings",
    "first": "time, UTC",
    "last": "time, UTC",
    "age": "years",
}
_COLOURS: Final = ("var(--c0)", "var(--c1)", "var(--c2)")


@dataclass(frozen=True)
class Table:
    """The rows of a view in the lake.

    Attributes:
        version: Of the table.
        rows: Its rows.
        made_of: The tables that it was made of, with their versions.
    """

    version: int
    rows: pl.DataFrame
    made_of: Mapping[str, str]


@dataclass(frozen=True)
class Fresh:
    """How fresh the rows are that are served.

    Attributes:
        rows: How many there are.
        stale: How many of them are too old, or by another definition, and so not served.
        oldest: When the oldest was written.
        newest: When the newest was.
    """

    rows: int
    stale: int
    oldest: datetime | None
    newest: datetime | None


def write_catalogue_page(
    path: Path,
    views: Views,
    *,
    dataset: str,
    tables: Mapping[str, Table],
    served: Mapping[str, Fresh],
    parity: Parity | None,
    command: str,
    made_at: datetime,
) -> None:
    """Write the page; it appears whole or not at all.

    Args:
        path: The HTML file; its folder is made.
        views: What is shown.
        dataset: Its name, as the page shows it.
        tables: The views that the lake has rows of.
        served: The views that the online store has rows of.
        parity: The last comparison of what was served with what is computed again.
        command: The command line that makes the same page again.
        made_at: When it is made; freshness is told against it.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)

    loader = ChoiceLoader([PackageLoader("movie_mlops.features"), PackageLoader(report_page.PACKAGE)])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {
        "count": "{:,}".format,
        "percent": _percent,
        "ago": lambda at: clock.span(made_at - at) + " ago",
    }
    shown = [
        _view(view, _COLOURS[place % len(_COLOURS)], tables.get(view.name), served.get(view.name))
        for place, view in enumerate(views)
    ]
    text = environment.get_template("catalogue.html.j2").render(
        title=f"Features of {dataset}",
        views=shown,
        features=sum(len(view["features"]) for view in shown),
        rows=sum(fresh.rows for fresh in served.values()),
        stale=sum(fresh.stale for fresh in served.values()),
        newest=max((fresh.newest for fresh in served.values() if fresh.newest is not None), default=None),
        sources=sorted({f"{name} {version}" for table in tables.values() for name, version in table.made_of.items()}),
        parity=parity,
        command=command,
        made_at=made_at.strftime("%Y-%m-%d %H:%M UTC"),
    )
    report_page.write_whole(path, text)


def _view(view: FeatureView, colour: str, table: Table | None, fresh: Fresh | None) -> dict[str, Any]:
    cards = [_card(feature, colour, table) for feature in view.features]
    return {
        "name": view.name,
        "version": view.version,
        "about": view.entity.name,
        "key": ", ".join(view.entity.key_names),
        "owner": view.owner,
        "description": view.description,
        "lives": clock.span(view.time_to_live),
        "digest": view.digest()[:12],
        "colour": colour,
        "from_the_user": "history" if _is_close(view) else "row",
        "features": cards,
        "groups": _groups(cards),
        "table": table,
        "fresh": fresh,
    }


def _is_close(view: FeatureView) -> bool:
    """Return whether rows are computed from a history and the neighbourhoods of films."""
    return any(isinstance(part, Closeness) for part in view.parts)


def _groups(cards: Sequence[dict[str, Any]]) -> list[tuple[str | None, list[dict[str, Any]]]]:
    """Return the cards, the many of one family apart from the others."""
    tastes = [card for card in cards if card["name"].startswith("taste_")]
    others = [card for card in cards if card not in tastes]
    return [(None, others), *([("Tastes", tastes)] if tastes else [])]


def _card(feature: Feature, colour: str, table: Table | None) -> dict[str, Any]:
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    spread = None
    if table is not None and feature.name in table.rows.columns:
        spread = shape(table.rows[feature.name], colour)
    return {
        "name": feature.name,
        "type": str(feature.dtype).split("(")[0].lower(),
        "unit": _unit(feature),
        "aggregation": feature.aggregation.name,
        "description": feature.description,
        "spread": spread,
        # Made of numbers alone.
        "drawing": Markup(spread.drawing) if spread else "",  # noqa: S704 (see above)
    }


def _unit(feature: Feature) -> str:
    """Return what a feature's numbers count, from its aggregation."""
    name = feature.aggregation.name
    if "(stars" in name and not name.startswith("count"):
        return "stars"
    return next((unit for verb, unit in _UNITS.items() if name.startswith(verb)), "number")


def _percent(share: float) -> str:
    return "<0.1%" if 0 < share < 0.001 else f"{100 * share:.1f}%".replace(".0%", "%")  # noqa: PLR2004 - what rounds to 0
