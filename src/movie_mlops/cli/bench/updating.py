"""How quickly a model is brought up to date between trainings."""

from functools import partial
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, table


def updates(
    users: Annotated[int, typer.Option("--users", min=1, help="Users of the made-up likes.")] = 6_000,
    films: Annotated[
        list[int] | None, typer.Option("--films", help="Films of a world (default: 3500 and 10000); may be repeated.")
    ] = None,
    changed: Annotated[
        list[int] | None,
        typer.Option("--changed", help="So many users say something new (default: 20, 100, 500); may be repeated."),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each has its turn; the median counts.")] = 3,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How much quicker is a model brought up to date than trained anew? How far the two differ is told, too."""
    from movie_mlops.bench import UpdatesBenchConfig, bench_updates

    usual = UpdatesBenchConfig()
    config = UpdatesBenchConfig(
        users=users, films=tuple(films or usual.films), changed=tuple(changed or usual.changed), runs=runs
    )
    measure("updates", partial(bench_updates, config), _tell, out=out, home=home, as_json=as_json)


def _tell(found: Found) -> None:
    table(found["rows"])
