"""The report of a simulation: one HTML file that needs nothing beside it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from movie_mlops.core import clock, report_page
from movie_mlops.simulation import plots
from movie_mlops.simulation.config import LoopConfig, PopulationConfig
from movie_mlops.simulation.health import Health
from movie_mlops.simulation.plots import Loops


def write_report(
    path: Path,
    *,
    loops: Loops,
    people: PopulationConfig,
    loop: LoopConfig,
    command: str,
    made_at: datetime | None = None,
) -> Mapping[str, Health]:
    """Write the report, and return what became of the catalogue in each loop.

    The file appears whole or not at all.

    Args:
        path: The HTML file; its folder is made.
        loops: The generations of each loop by its name; the first is the one that is reported on.
        people: Who lived.
        loop: What was done with their answers in the first loop.
        command: The command line that makes the same report again.
        made_at: When it was made; by default now.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    loader = ChoiceLoader([PackageLoader("movie_mlops.simulation"), PackageLoader(report_page.PACKAGE)])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    health = {name: Health.of(generations) for name, generations in loops.items()}
    figures = {
        "worth": plots.worth(loops),
        "coverage": plots.one(loops, "coverage", "share of the films that are recommended", percent=True),
        "gini": plots.one(loops, "gini", "Gini coefficient"),
        "overlap": plots.one(loops, "overlap", "share of a list that another list has too", percent=True),
    }
    name, generations = next(iter(loops.items()))
    html = environment.get_template("report.html.j2").render(
        title=f"{people.generations} generations of {loop.model}",
        name=name,
        own=health[name],
        others={other: found for other, found in health.items() if other != name},
        generations=generations,
        # The drawings are made here, by a library that escapes the names in them; nothing else is let through.
        figures={key: Markup(svg) for key, svg in figures.items()},  # noqa: S704 (see above)
        facts={"People": _people(people), "Loop": _loop(loop)},
        command=command,
        made_at=(made_at or clock.now()).strftime("%Y-%m-%d %H:%M UTC"),
    )
    report_page.write_whole(path, html)
    return health


def _people(people: PopulationConfig) -> dict[str, Any]:
    return {
        "people at any time": people.users,
        "films": people.films,
        "generations": people.generations,
        "tastes turn in a generation by": f"{people.drift:g} rad",
        "leave after a generation": f"{people.churn:.0%}",
        "seed": people.seed,
    }


def _loop(loop: LoopConfig) -> dict[str, Any]:
    params = ", ".join(f"{name} {value:g}" for name, value in loop.params.items())
    return {
        "model": f"{loop.model} ({params})" if params else loop.model,
        "length of a list": loop.k,
        "places filled by chance": f"{loop.exploration:.0%}",
        "exposure taken out of training": f"power {loop.debias:g}",
        "place j is looked at with probability": f"1 / j^{loop.examination:g}",
        "films found otherwise in a generation": loop.found_films,
    }
