"""How costs grow."""

from functools import partial
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, table, tell_limits


def scale(
    size: Annotated[
        list[float] | None,
        typer.Option("--size", min=0.0001, help="Times MovieLens 1M; may be repeated (default: 1, 3, 10, 30)."),
    ] = None,
    job: Annotated[
        list[str] | None,
        typer.Option(
            "--job",
            metavar="NAME",
            help="Only ingest, features, events, train, evaluate, train-films or serve; repeat.",
        ),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each size is measured, at most.")] = 8,
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="What would take longer is left out.")] = 25.0,
    memory: Annotated[
        float | None,
        typer.Option(
            "--memory", min=0.1, metavar="GIB", help="What would need more is left out (half of what is free)."
        ),
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How do time, memory and disk grow with users, ratings and films? What 'movie-mlops capacity' counts with."""
    from movie_mlops.bench import BenchError
    from movie_mlops.bench.scale import JOBS, ScaleBenchConfig, bench_scale

    default = ScaleBenchConfig()
    jobs = tuple(name for name in JOBS if job is None or name in job)
    if job is not None and (unknown := set(job) - set(JOBS)):
        raise BenchError(f"There is no job {min(unknown)!r}.", next_step=f"Name some of {', '.join(JOBS)}.")
    config = ScaleBenchConfig(
        jobs=jobs, sizes=tuple(size) if size else default.sizes, runs=runs, minutes=minutes, memory_gib=memory
    )
    measure("scale", partial(bench_scale, config), _tell, out=out, home=home, as_json=as_json)


def _tell(found: Found) -> None:
    table(
        {
            "cost": curve["name"],
            "by": curve["driver"],
            "from": f"{min(point['size'] for point in curve['points']):,.0f}",
            "to": f"{max(point['size'] for point in curve['points']):,.0f}",
            "exponent": f"{curve['exponent']['value']:.2f}",
            "95 %": _interval(curve["exponent"]),
            "largest two": f"{curve['exponent']['last']:.2f}",
            "predicted, off by": ", ".join(f"{check['error']:+.0%}" for check in curve["checks"]) or "-",
        }
        for curve in found["curves"]
    )
    for skipped in found["skipped"]:
        typer.echo(f"\n{skipped['job']} at {skipped['size']:g} was left out: {skipped['reason']}.")
    typer.echo("")
    for warning in found["warnings"]:
        typer.echo(f"warning: {warning}")
    tell_limits(found)


def _interval(exponent: Found) -> str:
    return "-" if exponent["low"] is None else f"{exponent['low']:.2f} to {exponent['high']:.2f}"
