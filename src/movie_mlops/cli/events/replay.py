"""``movie-mlops events replay``."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.flows import PlatformConfig
    from movie_mlops.flows.replay import ReplayConfig, Replayed


def replay(
    source: options.SourceName = "sample",
    speed: Annotated[
        str, typer.Option("--speed", metavar="N|max", help="So many seconds of the history pass in one.")
    ] = "max",
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", help="A recipe of config/platform.yaml that the loop tries (default: ease)."),
    ] = None,
    begin: Annotated[
        float, typer.Option("--begin", min=0.01, max=0.99, help="The share that the first model learns from.")
    ] = 0.2,
    most: Annotated[
        int | None, typer.Option("--most", min=100, help="Live so many of the newest interactions at most.")
    ] = None,
    batch: Annotated[int, typer.Option("--batch", min=1, max=1000, help="So many events are sent at once.")] = 200,
    grow: Annotated[
        float, typer.Option("--grow", min=0.01, help="The loop trains when so much more is known, as a share.")
    ] = 0.25,
    turn: Annotated[
        int, typer.Option("--turn", min=1, help="After so many events the worker and the loop take a turn.")
    ] = 5000,
    answers: Annotated[
        int, typer.Option("--answers", min=1, help="So many answers a canary gives before everybody gets it.")
    ] = 40,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Where to (default: reports/replay/<data set>.html)."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="FOLDER", help="Keep the home that it was lived in here."),
    ] = None,
    column: options.Columns = None,
    movies: options.Movies = None,
    movie_column: options.MovieColumns = None,
    users: options.Users = None,
    user_column: options.UserColumns = None,
    scale: options.Scale = None,
    dataset: options.SourceDataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Live a real history again, in the order of time: through the API, the event log, triggers, gate and releases.

    Whoever is about to like something is given a list first, and the list is held to what they like next: the loop's
    own, beside those of the first model, never trained again, and of what was popular in the last days.
    """
    import tempfile

    from movie_mlops.cli import door, output, progress
    from movie_mlops.core.nouns import Workspace
    from movie_mlops.flows.replay import read_history, write_replay_report
    from movie_mlops.flows.replay import replay as live

    settings = door.settings(home)
    config = _config(speed, begin=begin, batch=batch, grow=grow, turn=turn, answers=answers)
    chosen = _recipes(door.platform_config(settings), recipe or ["ease"])
    opened = door.source(
        settings,
        source,
        columns=column,
        movies=movies,
        movie_columns=movie_column,
        users=users,
        user_columns=user_column,
        scale=scale,
        dataset=dataset,
    )
    _require_empty(keep)
    listener = progress.listener()
    history = read_history(opened, chosen.ingest, chosen.feedback, begin=begin, most=most, progress=listener)
    # Made in any case, and empty where the home is kept elsewhere.
    with tempfile.TemporaryDirectory(prefix="movie-mlops-replay-") as folder:
        workspace = Workspace(keep or Path(folder), history.dataset)
        found = live(history, workspace, config, chosen, progress=listener, tell=lambda line: _say(line, as_json))
    path = report or settings.home / "reports" / "replay" / f"{history.dataset}.html"
    write_replay_report(path, found, config, command="movie-mlops " + shlex.join(sys.argv[1:]))
    if as_json:
        output.print_json({**found.to_json(), "report": str(path)})
        return
    _print(found)
    typer.echo(f"Report: {path}")


def _config(speed: str, *, begin: float, batch: int, grow: float, turn: int, answers: int) -> "ReplayConfig":
    from dataclasses import replace

    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.events.triggers import RuleConfig
    from movie_mlops.flows.replay import ReplayConfig

    try:
        times = None if speed == "max" else float(speed)
    except ValueError as error:
        raise ConfigurationError(
            f"The speed is {speed!r}.", next_step="Give a number, such as 86400 for a day in a second, or max."
        ) from error
    config = ReplayConfig(begin=begin, batch=batch, turn_events=turn, speed=times)
    canary = replace(config.rollout.canary, least_answers=answers)
    return replace(
        config,
        triggers=replace(config.triggers, volume=RuleConfig(at=grow, rearm=grow / 2)),
        rollout=replace(config.rollout, canary=canary),
    )


def _recipes(config: "PlatformConfig", names: list[str]) -> "PlatformConfig":
    """Return the configuration with the baselines and these recipes alone."""
    from movie_mlops.core.errors import ConfigurationError

    known = {recipe.name: recipe for recipe in config.recipes}
    if absent := [name for name in names if name not in known]:
        raise ConfigurationError(
            f"There is no recipe {absent[0]!r}.", next_step=f"config/platform.yaml has {', '.join(known)}."
        )
    chosen = tuple(recipe for recipe in config.recipes if recipe.name in {*config.baselines, *names})
    return config.model_copy(update={"recipes": chosen})


def _require_empty(folder: Path | None) -> None:
    from movie_mlops.core.errors import ConfigurationError

    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} is not empty.", next_step="Name a folder that is, or is not there yet.")


def _say(line: str, as_json: bool) -> None:
    typer.echo(line, err=as_json)


def _print(found: "Replayed") -> None:
    from movie_mlops.cli import output
    from movie_mlops.flows.replay.report import interval, verdict, waiting

    worth, leads = found.worth(), found.leads()
    rows = [
        {
            "lists": name,
            "nDCG@10 of the next like": interval(one),
            "the loop is above by": interval(leads[name], signed=True) if name in leads else None,
        }
        for name, one in worth.items()
    ]
    output.print_rows(rows, as_json=False)
    typer.echo(verdict(found))
    if (sentence := waiting(found)) is not None:
        typer.echo(sentence)
    typer.echo(f"{found.judgements.height:,} lists were judged, of {found.lived:,} events, in {found.seconds:,.0f} s.")
