"""How fast answers, the page and the search are."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, table, tell_limits, verdict

_RATES = (100.0, 200.0)

Catalogue = Annotated[
    Path | None,
    typer.Option("--catalogue", metavar="CSV", help="The films: movieId,title,genres (default: made up)."),
]
"""Films of one's own."""


class Model(StrEnum):
    """Whose weights are made up."""

    IALS = "ials"
    EASE = "ease"


def serve(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long each scenario runs.")] = 10.0,
    rate: Annotated[
        list[float] | None,
        typer.Option("--rate", min=0.1, help="Requests a second of an open loop; may be repeated (default: 100, 200)."),
    ] = None,
    connections: Annotated[int, typer.Option("--connections", min=1, help="Connections of the open loops.")] = 16,
    catalogue: Catalogue = None,
    model: Annotated[Model, typer.Option("--model", help="Which model, with random weights.")] = Model.IALS,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="DIR", help="A bundle to serve instead, with its own weights.")
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are live, personalised, explained answers? One server process, and a load that hides no stall."""
    from movie_mlops.bench import ServeBenchConfig, bench_serve

    config = ServeBenchConfig(
        seconds=seconds,
        connections=connections,
        catalogue=catalogue,
        model=model.value,
        bundle=bundle,
        rates=tuple(rate or _RATES),
    )
    measure("serve", partial(bench_serve, config), _tell_answers, out=out, home=home, as_json=as_json)


def page(
    visits: Annotated[int, typer.Option("--visits", min=1, help="How many visitors of each kind come.")] = 20,
    films: Annotated[int, typer.Option("--films", min=100, help="How many films the catalogue has.")] = 27_278,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How soon does the page show its first answer? A real Chromium, a fresh profile for each visit."""
    from movie_mlops.bench import PageBenchConfig, bench_page

    config = PageBenchConfig(visits=visits, films=films)
    measure("page", partial(bench_page, config), _tell_visits, out=out, home=home, as_json=as_json)


def search(
    films: Annotated[int, typer.Option("--films", min=100, help="How many films are made up.")] = 62_423,
    catalogue: Catalogue = None,
    queries: Annotated[int, typer.Option("--queries", min=10, help="How many queries of each kind.")] = 1000,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are films found by title, also with mistakes and in Korean? Beside SQLite's full-text search."""
    from movie_mlops.bench import SearchBenchConfig, bench_search

    config = SearchBenchConfig(films=films, catalogue=catalogue, queries=queries)
    measure("search", partial(bench_search, config), _tell_searches, out=out, home=home, as_json=as_json)


def _tell_answers(found: Found) -> None:
    table(_scenario(scenario) for scenario in found["scenarios"])
    typer.echo("")
    table(
        {
            "target": f"{target['scenario']}, {target['what']}",
            "at most": f"{target['limit_ms']:g} ms",
            "measured": f"{target['measured_ms']:.2f} ms",
            "": verdict(target),
        }
        for target in found["targets"]
    )
    ratio = found["ratio_to_floor"]
    typer.echo(f"\nAn answer takes {ratio['p50']} times the framework's floor at p50, {ratio['p99']} times at p99.")


def _scenario(scenario: Mapping[str, Any]) -> dict[str, Any]:
    latency = scenario["latency_ms"]
    return {
        "scenario": scenario["name"],
        "requests": scenario["requests"],
        "per second": f"{scenario['answered_per_second']:,.0f}",
        **{f"{name} ms": f"{latency[name]:.2f}" for name in ("p50", "p95", "p99", "p99.9", "max")},
        "errors": sum(scenario["errors"].values()),
        "unanswered": scenario["unanswered"],
    }


def _tell_visits(found: Found) -> None:
    shown = ("p50", "p95", "max")
    table({"visit": name, **{at: told[at] for at in shown}} for name, told in found["painted_ms"].items())
    typer.echo("")
    tell_limits(found)


def _tell_searches(found: Found) -> None:
    table(
        {
            "queries": run["queries"],
            "by": run["by"],
            **{f"{name} ms": f"{run['milliseconds'][name]:.2f}" for name in ("p50", "p99", "max")},
            "meant film in first ten": "" if (share := run["meant_film_in_first_ten"]) is None else f"{share:.1%}",
        }
        for run in found["runs"]
    )
    typer.echo("")
    tell_limits(found)
