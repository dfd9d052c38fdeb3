"""The report of a search for a recommender's best setting: what was tried, what it achieved, what mattered."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from movie_mlops.core import clock, report_page
from movie_mlops.evaluation import tuning_plots
from movie_mlops.evaluation.leaderboard import metric_label
from movie_mlops.evaluation.report import fact


def write_tuning_report(path: Path, found: Mapping[str, Any]) -> None:
    """Write the report; the file appears whole or not at all.

    Args:
        path: The HTML file; its folder is made.
        found: What the JSON file beside it holds.
    """
    report_page.write_whole(path, _render(found))


def _render(found: Mapping[str, Any]) -> str:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    loader = ChoiceLoader([PackageLoader("movie_mlops.evaluation"), PackageLoader(report_page.PACKAGE)])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["metric"] = metric_label
    environment.filters["fact"] = fact
    environment.filters["bounds"] = _bounds
    environment.filters["short"] = _short
    metric = metric_label(found["found"]["metric"])
    best = found["best"]["number"]
    figures = {"history": tuning_plots.history(found["trials"], best, metric)}
    if found["importance"]:
        figures["importance"] = tuning_plots.importance(found["importance"])
    slices = {
        name: tuning_plots.one_parameter(found["trials"], best, name, where, metric=metric)
        for name, where in found["space"].items()
    }
    params = {name: value for one in found["trials"] if one["number"] == best for name, value in one["params"].items()}
    return environment.get_template("tuning.html.j2").render(
        title=f"Which setting of {found['name']} for {found['found']['data']}?",
        found=found,
        run=found["found"],
        metric=metric,
        params=params,
        # The drawings are made here, by a library that escapes the names in them.
        figures={name: Markup(svg) for name, svg in figures.items()},  # noqa: S704 (see above)
        slices={name: Markup(svg) for name, svg in slices.items()},  # noqa: S704 (see above)
        trials=sorted(found["trials"], key=lambda one: (one["value"] is None, -(one["value"] or 0.0), one["number"])),
        made_at=clock.read(found["found"]["at"]).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _short(value: str | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else fact(value)


def _bounds(where: Mapping[str, Any]) -> str:
    if "values" in where:
        return "one of " + ", ".join(str(value) for value in where["values"])
    scale = ", logarithmic" if where["log"] else ""
    return f"{where['low']:,g} to {where['high']:,g}{', whole' if where['whole'] else ''}{scale}"
