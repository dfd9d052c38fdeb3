"""How many events are taken a second."""

from functools import partial
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, table, verdict


def events(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long each load is sent.")] = 10.0,
    consumed: Annotated[int, typer.Option("--consumed", min=100, help="How many events are consumed.")] = 100_000,
    seen: Annotated[
        int, typer.Option("--seen", min=1, help="For how many it is measured how soon they are seen.")
    ] = 300,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How many events are taken, carried and consumed a second, and how soon are they seen? Beside SQLite and Redis."""
    from movie_mlops.bench import EventsBenchConfig, bench_events

    config = EventsBenchConfig(seconds=seconds, consumed=consumed, seen=seen)
    measure("events", partial(bench_events, config), _tell, out=out, home=home, as_json=as_json)


def _tell(found: Found) -> None:
    table(
        {"what": name, "events a second": run["events_per_second"]}
        for name, run in found["runs"].items()
        if "events_per_second" in run
    )
    typer.echo("")
    table({"ratio": name, "is": ratio} for name, ratio in found["ratios"].items())
    for skipped in found["skipped"]:
        typer.echo(f"\n{skipped['name']} was skipped: {skipped['reason']}.")
    typer.echo("")
    table({**target, "met": verdict(target)} for target in found["targets"])
