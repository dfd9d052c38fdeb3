"""How fast answers, the page and the search are."""

import subprocess
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, own_python, table, tell_limits

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


class Part(StrEnum):
    """What is measured."""

    ANSWERS = "answers"
    LARGE = "large"
    CHAMPION = "champion"
    OVERLOAD = "overload"


def serve(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long each scenario runs.")] = 10.0,
    rate: Annotated[
        list[float] | None,
        typer.Option("--rate", min=0.1, help="Requests a second of an open loop; may be repeated (default: 100, 200)."),
    ] = None,
    connections: Annotated[int, typer.Option("--connections", min=1, help="Connections of the open loops.")] = 16,
    part: Annotated[
        list[Part] | None,
        typer.Option("--part", help="What is measured; may be repeated (default: all, with --bundle answers alone)."),
    ] = None,
    catalogue: Catalogue = None,
    model: Annotated[Model, typer.Option("--model", help="Which model, made up.")] = Model.IALS,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="DIR", help="A bundle to serve instead, with its own weights.")
    ] = None,
    large_catalogue: Annotated[
        Path | None,
        typer.Option("--large-catalogue", metavar="CSV", help="Films of the large catalogue (default: made up)."),
    ] = None,
    champion: Annotated[
        Path | None,
        typer.Option("--champion", metavar="DIR", help="A blend's bundle (default: trained on made-up likes)."),
    ] = None,
    requests: Annotated[
        int | None,
        typer.Option("--requests", min=100, help="Watch the server's memory over so many requests; takes minutes."),
    ] = None,
    rivals: Annotated[
        bool, typer.Option("--rivals", help="Also install and measure other servers, with the same scoring.")
    ] = False,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each server has its turn.")] = 3,
    servers_python: Annotated[
        Path | None,
        typer.Option(
            "--servers-python",
            metavar="FILE",
            help="The Python of an environment that has the other servers (default: .venv/servers).",
        ),
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are live, personalised, explained answers? One server process, and a load that hides no stall."""
    from movie_mlops.bench import RivalsConfig, ServeBenchConfig, StageConfig, bench_serve
    from movie_mlops.bench.serve import CHAMPIONS, LARGE, PARTS, TRAINED

    default = PARTS if bundle is None else ("answers",)
    config = ServeBenchConfig(
        stage=StageConfig(model=model.value, bundle=bundle, catalogue=catalogue, **TRAINED),
        large=StageConfig(films=LARGE, catalogue=large_catalogue, **TRAINED),
        champion=StageConfig(model="blend", films=CHAMPIONS, bundle=champion),
        seconds=seconds,
        connections=connections,
        rates=tuple(rate or _RATES),
        parts=tuple(name for name in PARTS if name in part) if part else default,
        requests=requests,
        rivals=RivalsConfig(_servers_python(servers_python, home), rounds=rounds) if rivals else None,
    )
    measure("serve", partial(bench_serve, config), _tell_answers, out=out, home=home, as_json=as_json)


def _servers_python(given: Path | None, home: Path | None) -> Path:
    """Return the Python of the other servers' environment, which is made where nobody names one."""
    from movie_mlops.cli import door
    from movie_mlops.core.errors import ConfigurationError

    if given is None:
        script = door.settings(home).home / "scripts" / "setup" / "setup_servers.sh"
        if script.is_file() and subprocess.run([str(script)], check=False).returncode != 0:  # noqa: S603 - our own
            raise ConfigurationError(
                "The other servers cannot be installed.", next_step=f"See what {script.name} says above."
            )
    python = own_python("servers", given, home)
    if python is None:
        raise ConfigurationError(
            "There is no environment with the other servers.",
            next_step="Run the command in a checkout, or name one with --servers-python.",
        )
    return python


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


def retrieval(
    films: Annotated[int, typer.Option("--films", min=1000, help="How many films are made up.")] = 2_000_000,
    factors: Annotated[int, typer.Option("--factors", min=1, help="Length of their vectors.")] = 128,
    queries: Annotated[int, typer.Option("--queries", min=1, help="For how many histories films are found.")] = 100,
    k: Annotated[int, typer.Option("--k", min=1, help="How many are found for each.")] = 100,
    linear_films: Annotated[
        int, typer.Option("--linear-films", min=0, help="On how many films sparse-ease is trained; 0: it is not.")
    ] = 200_000,
    linear_likes: Annotated[int, typer.Option("--linear-likes", min=1, help="On how many likes of them.")] = 8_000_000,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are the best films found among millions, beside scoring all?

    A linear model of many films is trained as well, beside what it was said to need.
    """
    from movie_mlops.bench import RetrievalBenchConfig, bench_retrieval

    config = RetrievalBenchConfig(
        films=films, factors=factors, queries=queries, k=k, linear_films=linear_films, linear_likes=linear_likes
    )
    measure("retrieval", partial(bench_retrieval, config), _tell_retrieval, out=out, home=home, as_json=as_json)


def _tell_answers(found: Found) -> None:
    table(_scenario(scenario) for scenario in found["scenarios"])
    typer.echo("")
    if "rivals" in found:
        _tell_rivals(found["rivals"])
    tell_limits(found)
    if "memory" in found:
        memory = found["memory"]
        typer.echo(f"\nThe memory over {memory['requests']:,} requests is drawn in {memory['plot']}.")
    if "ratio_to_floor" in found:
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
        "refused": scenario.get("refused", ""),
    }


def _tell_rivals(found: Found) -> None:
    loads = ("one-connection_p50_ms", "one-connection_p99_ms", "open_p50_ms", "open_p99_ms")
    table(
        {
            "server": one["name"],
            "version": one["version"],
            "per second": f"{one['throughput']:,.0f}",
            "ours, times": found["times_throughput"].get(one["name"], ""),
            **{load.replace("_", " "): f"{one[load]:.2f}" for load in loads},
        }
        for one in found["contenders"]
    )
    for failed in found["failed"]:
        typer.echo(f"\n{failed['name']} has no figures: {failed['error']}")
    typer.echo("")


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


def _tell_retrieval(found: Found) -> None:
    table(
        {
            "vectors": run["lengths"],
            "passing": run["passing"],
            "by": run["by"],
            **{f"{name} ms": f"{run['milliseconds'][name]:.2f}" for name in ("p50", "p99")},
            "p50 cpu ms": f"{run['cpu_milliseconds']['p50']:.2f}",
            "recall": f"{run['recall']:.4f}",
        }
        for run in found["runs"]
    )
    for lengths, prepared in found["prepared"].items():
        typer.echo(
            f"{lengths}: {prepared['mib']:,} MiB beside {prepared['factors_mib']:,} MiB of factors,"
            f" made in {prepared['build_seconds']:g} s"
        )
    if linear := found["linear"]:
        ours, ease = linear["sparse-ease"], linear["ease"]
        typer.echo(
            f"sparse-ease, {linear['films']:,} films, {linear['likes']:,} likes: {ours['peak_memory_mib']:,} MiB at the"
            f" peak, {ours['estimated_mib']:,} MiB estimated beside the likes, {ours['seconds']:g} s;"
            f" EASE would take {ease['estimated_mib']:,} MiB{' and refuses' if ease['refused'] else ''}"
        )
    typer.echo("")
    tell_limits(found)
