"""``movie-mlops bench lately``."""

from functools import partial
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, table, tell_limits


def lately(
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="A data set of the home of which times are known.")
    ] = None,
    until: Annotated[
        float, typer.Option("--until", min=0.11, max=1.0, help="Up to this share of the history lists are judged.")
    ] = 0.2,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How far back should popularity lately reach? Lists by the next like, in the first part of a history."""
    from movie_mlops.bench import LatelyBenchConfig, bench_lately
    from movie_mlops.cli import door
    from movie_mlops.flows.features import known_feedback

    config = door.platform_config(door.settings(home))
    feedback = known_feedback(door.lake(home, dataset), config.feedback)
    bench = partial(bench_lately, LatelyBenchConfig(until=until, service=config.lately), feedback)
    measure("lately", bench, _tell_lately, out=out, home=home, as_json=as_json)


def _tell_lately(found: Found) -> None:
    table(
        {
            "days": one["days"],
            "least": one["least"],
            "worth": one["worth"]["estimate"],
            "lead": one["lead"]["estimate"],
            "interval": f"{one['lead']['low']} to {one['lead']['high']}",
        }
        for one in found["tried"]
    )
    typer.echo(f"{found['lists']:,} lists of {found['users']:,} users of whom likes were known.")
    parts = found["service minus the first that is tried, by part"]
    typer.echo(f"The last minus the first, by part: {', '.join(_signed(one) for one in parts)}")
    tell_limits(found)


def _signed(one: Found) -> str:
    return f"{one['estimate']:+.4f} ({one['low']:+.4f} to {one['high']:+.4f})"
