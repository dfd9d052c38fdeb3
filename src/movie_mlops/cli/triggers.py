"""``movie-mlops triggers``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.events.triggers import Judged
    from movie_mlops.flows import Platform
    from movie_mlops.flows.loop import Loop

app = typer.Typer(
    help="When a new model is made without anybody asking.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Explain every rule: what it found, when it fires, how it stands; do nothing.")
]


@app.callback()
def triggers() -> None:
    """When a new model is made without anybody asking.

    A trigger proposes; the gate and a canary decide. Rules are in config/triggers.yaml.
    """


@app.command("list")
def list_rules(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """Show every rule as it stood when it was last looked at."""
    with _open(home, dataset) as (loop, _):
        _print_rules(loop.remembered(), as_json=as_json)
    if not as_json:
        _say_who_acts(home)


@app.command()
def check(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """Look at every rule now, and explain it: what it found, when it fires, how it stands. Nothing begins."""
    with _open(home, dataset) as (loop, _):
        _print_rules(loop.look(), as_json=as_json)


@app.command()
def fire(
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with whatever comes of it.")],
    approved_by: Annotated[str, typer.Option("--approved-by", help="Who asks.")] = "operator",
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Bring what serves up to date, instead of training anew: popular, ease and ials."
        ),
    ] = False,
    later: Annotated[bool, typer.Option("--later", help="Leave the work to the next turn of a worker.")] = False,
    dry_run: DryRun = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Have a new model made now, whatever the rules, the cool-down and the budget say; the gate decides as ever."""
    from movie_mlops.cli import looping, output

    with _open(home, dataset) as (loop, _):
        if dry_run:
            _print_rules(loop.look(), as_json=as_json)
            return
        run = loop.fire(reason, by=approved_by, update=update)
        if not later:
            run = loop.turn() or run
    if as_json:
        output.print_json(run.to_json())
    else:
        looping.say(run)


@app.command()
def turn(
    dry_run: DryRun = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Take one turn, as a worker does: begin what a rule proposes, and bring on what goes on."""
    from movie_mlops.cli import looping, output

    with _open(home, dataset) as (loop, _):
        if dry_run:
            _print_rules(loop.look(), as_json=as_json)
            return
        run = loop.turn()
    if as_json:
        output.print_json(None if run is None else run.to_json())
    elif run is None:
        typer.echo("No rule fires. Why: movie-mlops triggers check")
    else:
        looping.say(run)


@app.command()
def runs(
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="So many, the newest first.")] = 20,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what was proposed, why, and what came of it."""
    from movie_mlops.cli import output
    from movie_mlops.events.triggers import LoopRuns

    with _open(home, dataset) as (_, platform):
        found = LoopRuns(platform.database).newest(count)
    if as_json:
        output.print_json([run.to_json() for run in found])
        return
    for run in found:
        typer.echo(f"Run {run.run_id}, by {run.trigger}: {run.stage}, {run.seconds:,.1f} s of work.")
        for step in run.steps:
            typer.echo(f"  {step.at:%Y-%m-%d %H:%M:%S}  {step.what}: {step.sentence}")
    if not found:
        typer.echo("Nothing was proposed yet.")


@contextmanager
def _open(home: Any, dataset: str | None) -> "Iterator[tuple[Loop, Platform]]":
    from movie_mlops.cli import door, looping

    with door.platform(home, dataset) as platform:
        yield looping.opened(door.settings(home), platform), platform


def _print_rules(judged: "list[Judged]", *, as_json: bool) -> None:
    from movie_mlops.cli import output

    if as_json:
        output.print_json([each.to_json() for each in judged])
        return
    rows = [
        {"rule": each.name, "": each.state.value, "found": each.value, "fires at": each.at, "why": each.sentence}
        for each in judged
    ]
    output.print_rows(rows, as_json=False)


def _say_who_acts(home: Any) -> None:
    from movie_mlops.cli import door

    unattended = door.triggers(door.settings(home)).unattended
    who = "A worker does what they propose." if unattended else "No worker acts on them: unattended is false."
    typer.echo(f"{who} The rules are in config/triggers.yaml.")
