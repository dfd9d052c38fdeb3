"""``movie-mlops worker``."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    import threading

    from movie_mlops.core.errors import MovieMlopsError
    from movie_mlops.flows.worker import Turn
    from movie_mlops.settings import Settings
    from movie_mlops.state import Database

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Source(StrEnum):
    """Where events come from."""

    LOG = "log"
    REDIS = "redis"
    KAFKA = "kafka"


@app.command()
def worker(
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks at the event log.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Do what there is to do now, and end.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Say whether the worker of this name lives; exit code 1 where it does not.")
    ] = False,
    source: Annotated[
        Source, typer.Option("--source", help="Where events come from whose effects are left to workers.")
    ] = Source.LOG,
    name: Annotated[str | None, typer.Option("--name", help="Of this worker (default: this machine's).")] = None,
    log_file: options.LogFile = None,
    log_format: options.LogFormat = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Bring events into the lake and the online store up to it, and keep what came of answers, until Ctrl-C or SIGTERM.

    Where config/platform.yaml leaves effects to workers, it brings events into histories and features within
    milliseconds: from the log itself, or through Redis Streams or Kafka, which it then fills as well. Several workers
    at once share the work. A store that is away is waited for, and so is the first data set. Where
    config/triggers.yaml says unattended, models are made and released as its rules propose.
    """
    import os
    import socket

    from movie_mlops.cli import door, looping
    from movie_mlops.cli.tracing import traced
    from movie_mlops.core.memory import keep_what_is_here
    from movie_mlops.flows.carrying import Carrying, CarryingConfig
    from movie_mlops.flows.worker import Worker, WorkerConfig

    meant, settings = name or socket.gethostname(), door.settings(home)
    # It listens to nobody.
    door.require_fit(settings, "127.0.0.1")
    if check and _has_nothing(settings, dataset):
        typer.echo("There is no data set to work for yet.")
        return
    stop = _stop_when_asked() if not (check or once) else None
    while stop is not None and not stop.is_set() and _has_nothing(settings, dataset):
        stop.wait(every)
    if stop is not None and stop.is_set():
        return
    with (
        door.logged(settings, log_file, log_format),
        traced(settings, "worker") as tracer,
        door.platform(home, dataset, as_served=True) as platform,
    ):
        carried = CarryingConfig(source.value, door.redis(settings), settings.kafka_servers)
        # In a group of consumers two of one name would be taken for one.
        unique = f"{meant}-{os.getpid()}"
        watched = door.quality(settings)
        working = Worker(platform, meant, WorkerConfig(every_seconds=every), tracer=tracer, quality=watched)
        if check:
            _check(platform.database, meant, every)
        elif stop is None:
            made = Carrying(platform, unique, carried).once()
            _say(working.turn(), made, as_json=as_json)
            looping.take_turn(settings, platform, as_json=as_json)
        else:
            carrying = Carrying(platform, unique, carried)
            keep_what_is_here()
            typer.echo(f"Working for {platform.workspace.dataset}; Ctrl-C ends.")
            with carrying.beside(stop, on_error=_tell), looping.beside(settings, platform, on_error=_tell):
                working.work(stop, on_turn=_say_if_any, on_error=_tell)


def _has_nothing(settings: "Settings", dataset: str | None) -> bool:
    """Return whether there is no data set yet that could be meant."""
    from movie_mlops.cli import door
    from movie_mlops.flows import datasets

    return dataset is None and not datasets(settings.home, door.lakes(settings))


def _stop_when_asked() -> "threading.Event":
    """Return what Ctrl-C and SIGTERM set."""
    import signal
    import threading

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _check(database: "Database", name: str, every: float) -> None:
    from movie_mlops.core import clock
    from movie_mlops.flows.errors import FlowError
    from movie_mlops.flows.worker import last_seen

    at = last_seen(database, name)
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
    if turn.events or turn.joined or turn.materialised is not None:
        _say(turn, 0, as_json=False)


def _say(turn: "Turn", made: int, *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        from movie_mlops.cli import output

        output.print_json({**asdict(turn), "effects": made})
        return
    users = "" if turn.materialised is None else f"; {turn.materialised:,} users made anew"
    effects = f"; {made:,} into histories and features" if made else ""
    answers = f"; {turn.joined:,} answers joined with what came of them" if turn.joined else ""
    typer.echo(f"{turn.events:,} events into the lake{effects}{users}{answers}.")


def _tell(error: "MovieMlopsError") -> None:
    typer.echo(f"error: {error}", err=True)
