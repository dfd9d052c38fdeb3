"""``movie-mlops worker``."""

from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.core.errors import MovieMlopsError
    from movie_mlops.flows.worker import Turn

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def worker(
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks at the event log.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Do what there is to do now, and end.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Say whether the worker of this name lives; exit code 1 where it does not.")
    ] = False,
    name: Annotated[str | None, typer.Option("--name", help="Of this worker (default: this machine's).")] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Bring events into the lake and the online store up to it, until Ctrl-C or SIGTERM.

    Several workers at once share the work. A store that is away is waited for.
    """
    import signal
    import socket
    import threading
    from dataclasses import asdict

    from movie_mlops.cli import door, output
    from movie_mlops.flows.worker import Worker, WorkerConfig

    meant = name or socket.gethostname()
    with door.platform(home, dataset) as platform:
        if check:
            _check(platform.database, meant, every)
            return
        working = Worker(platform, meant, WorkerConfig(every_seconds=every))
        if once:
            done = working.turn()
            if as_json:
                output.print_json(asdict(done))
            else:
                _say(done)
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        typer.echo(f"Working for {platform.workspace.dataset}; Ctrl-C ends.")
        working.work(stop, on_turn=_say_if_any, on_error=_tell)


def _check(database: object, name: str, every: float) -> None:
    from movie_mlops.core import clock
    from movie_mlops.flows.errors import FlowError
    from movie_mlops.flows.worker import last_seen

    at = last_seen(database, name)  # type: ignore[arg-type] # the platform's
    if at is None:
        raise FlowError(f"No worker {name!r} was ever seen.", next_step="Start it with: movie-mlops worker")
    age = (clock.now() - at).total_seconds()
    # A turn may take a while; three that are missed are too many.
    if age > 3 * every + 60:
        raise FlowError(
            f"The worker {name!r} was last seen {age:,.0f} seconds ago.",
            next_step="Look at its log, and start it again.",
        )
    typer.echo(f"The worker {name} was seen {age:,.0f} seconds ago.")


def _say_if_any(turn: "Turn") -> None:
    if turn.events or turn.materialised is not None:
        _say(turn)


def _say(turn: "Turn") -> None:
    users = "" if turn.materialised is None else f"; {turn.materialised:,} users made anew"
    typer.echo(f"{turn.events:,} events into the lake{users}.")


def _tell(error: "MovieMlopsError") -> None:
    typer.echo(f"error: {error}", err=True)
