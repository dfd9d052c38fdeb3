"""The loop as the command line opens it: beside a worker, for one turn, or for a look."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from movie_mlops.core.errors import MovieMlopsError
    from movie_mlops.events.triggers import LoopRun
    from movie_mlops.flows import Platform
    from movie_mlops.flows.loop import Loop
    from movie_mlops.settings import Settings


def opened(settings: "Settings", platform: "Platform") -> "Loop":
    """Return the loop of a data set, as the configuration has it."""
    from functools import partial

    from movie_mlops.cli import door
    from movie_mlops.flows import RunReport, run
    from movie_mlops.flows.loop import Loop, LoopConfig
    from movie_mlops.flows.release import Careful

    made = partial(
        run,
        None,
        dataset=platform.workspace.dataset,
        home=settings.home,
        config=platform.config,
        lakes=door.lakes(settings),
        production=settings.production,
        state_url=settings.state_url,
        keys=door.keys_config(settings),
    )

    def make(careful: Careful) -> RunReport:
        return made(careful=careful)

    config = LoopConfig(
        triggers=door.triggers(settings),
        canary=door.rollout(settings).canary,
        drift=door.drift(settings),
        quality=door.quality(settings),
    )
    return Loop(platform, config, make, door.audit(settings, platform.database))


def take_turn(settings: "Settings", platform: "Platform", *, as_json: bool) -> None:
    """Take one turn of the loop where the configuration lets a worker do so."""
    from movie_mlops.cli import door

    if door.triggers(settings).unattended and (run := opened(settings, platform).turn()) and not as_json:
        say(run)


@contextmanager
def beside(
    settings: "Settings", platform: "Platform", *, on_error: "Callable[[MovieMlopsError], None]"
) -> Iterator[None]:
    """Take turns of the loop until the block ends, where the configuration lets a worker do so."""
    from movie_mlops.cli import door
    from movie_mlops.flows import Platform
    from movie_mlops.flows.loop import Background

    config = door.triggers(settings)
    if not config.unattended:
        yield
        return
    # Stores of its own: who reads and writes what is journaled by the store, and the worker is at it at the same time.
    own = Platform(
        platform.workspace,
        platform.config,
        door.lakes(settings),
        keys=door.keys_config(settings),
        state_url=settings.state_url,
    )
    background = Background(opened(settings, own), config.every_seconds, on_run=say, on_error=on_error)
    try:
        with background:
            yield
    finally:
        # A training that is in the middle ends with the process, and its stores with it.
        if not background.busy:
            own.close()


def say(run: "LoopRun") -> None:
    """Print what a run has come to."""
    typer.echo(f"Run {run.run_id}, by {run.trigger}: {run.stage}. {run.steps[-1].sentence}")
