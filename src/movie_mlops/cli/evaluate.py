"""``movie-mlops evaluate``."""

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from movie_mlops.cli import options
from movie_mlops.cli.off_policy import off_policy

if TYPE_CHECKING:
    from movie_mlops.evaluation import Leaderboard, LearningCurve, Scores
    from movie_mlops.flows import PlatformConfig, Recipe
    from movie_mlops.flows.config import Protocol as SplitProtocol
    from movie_mlops.settings import Settings

app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.command("off-policy")(off_policy)


class Protocol(StrEnum):
    """How what is known is split from what is to be found."""

    AUTO = "auto"
    TIME = "time"
    USER_FOLDS = "user-folds"
    STRONG_GENERALISATION = "strong-generalisation"
    LEAVE_ONE_OUT = "leave-one-out"
    COLD_USERS = "cold-users"
    COLD_FILMS = "cold-films"
    LEARNING_CURVE = "learning-curve"
    FOLDS = "folds"


@app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    protocol: Annotated[
        Protocol,
        typer.Option(
            "--protocol",
            help="time: learn from the past, predict the future. user-folds: random films of each user. "
            "strong-generalisation: users no model has seen. leave-one-out: the last like of each user. "
            "cold-users: new users, 1 to 5 likes shown. cold-films: films no model has seen. "
            "learning-curve: new users after 0, 1, 2, 5 and 10 likes. folds: given in --path. "
            "auto: time where possible.",
        ),
    ] = Protocol.AUTO,
    path: Annotated[
        Path | None,
        typer.Option("--path", help="For --protocol folds: a folder with dataset.parquet and test_0.parquet, …"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME[:PARAM=VALUE,…]",
            help="What to judge, such as ease:regularisation=300; may be repeated (default: every recipe).",
        ),
    ] = None,
    cutoff: Annotated[
        list[int] | None, typer.Option("--cutoff", min=1, help="Length of the lists; may be repeated.")
    ] = None,
    no_future: Annotated[
        bool,
        typer.Option("--no-future", help="For leave-one-out: learn only from what came before the last tenth."),
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", help="First bring this in, as 'ingest load' does: movielens:<release, folder or zip> …"
        ),
    ] = None,
    engine: options.Engine = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Train models on what is known, judge them on what is held out, and write a report with plots."""
    if context.invoked_subcommand is not None:
        return
    from movie_mlops.cli import door, output, progress
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.flows.features import known_feedback, known_movies, known_users
    from movie_mlops.flows.study import study, study_learning

    if (protocol is Protocol.FOLDS) != (path is not None):
        raise ConfigurationError(
            "--protocol folds and --path belong together.",
            next_step="Write for example: movie-mlops evaluate --protocol folds --path DIR",
        )
    if source is not None and path is not None:
        raise ConfigurationError(
            "--source and --path exclude each other: given folds are not split from a source.",
            next_step="Write either movie-mlops evaluate --source SOURCE or --protocol folds --path DIR",
        )
    if no_future and protocol is not Protocol.LEAVE_ONE_OUT:
        raise ConfigurationError(
            "--no-future belongs to --protocol leave-one-out; 'time' never learns from the future.",
            next_step="Write: movie-mlops evaluate --protocol leave-one-out --no-future",
        )
    settings = door.settings(home)
    config = _chosen(door.platform_config(settings), cutoff, no_future=no_future)
    if source is not None:
        dataset = _bring(source, settings, dataset)
    place = settings.home / "reports" / "folds" if path else door.workspace(home, dataset).reports
    report = place / f"evaluation-{protocol}.html"
    title = f"Models on {path.name if path else door.workspace(home, dataset).dataset}"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    lake = None if path else door.lake(home, dataset)
    if protocol is Protocol.LEARNING_CURVE:
        assert lake is not None
        with door.engine(settings, engine) as chosen:
            curve = study_learning(
                known_feedback(lake, config.feedback, engine=chosen),
                _recipes(config, model),
                config,
                movies=known_movies(lake),
                users=known_users(lake),
                report=report,
                title=title,
                command=command,
                progress=progress.listener(),
                engine=chosen,
            )
        if as_json:
            output.print_json({**curve.to_json(), "report": str(report)})
            return
        output.print_rows(_curve_table(curve), as_json=False)
        typer.echo(f"{curve.judged:,} new users. {curve.verdict}")
        typer.echo(f"Report: {report}")
        return
    with door.engine(settings, engine) as chosen:
        board, scores = study(
            None if lake is None else known_feedback(lake, config.feedback, engine=chosen),
            _recipes(config, model),
            config,
            movies=None if lake is None else known_movies(lake),
            users=None if lake is None else known_users(lake),
            protocol=cast("SplitProtocol", "auto" if path else protocol.value),
            folds=path,
            report=report,
            title=title,
            command=command,
            progress=progress.listener(),
            engine=chosen,
        )
    if as_json:
        output.print_json({**board.to_json(), "report": str(report)})
        return
    output.print_rows(_table(board, scores), as_json=False)
    typer.echo(f"{board.judged:,} users judged on {board.case}. {board.verdict}")
    typer.echo(f"Report: {report}")


def _bring(source: str, settings: "Settings", dataset: str | None) -> str:
    """Load a source into the lake; return the name of its data set."""
    from movie_mlops.cli import door, progress
    from movie_mlops.core.nouns import Workspace
    from movie_mlops.ingest import load

    opened = door.source(settings, source, columns=None, movies=None, movie_columns=None, scale=None, dataset=dataset)
    opened.prepare(progress.listener())
    workspace = Workspace(settings.home, opened.dataset)
    lake = door.lake_of(settings, workspace)
    with door.journaled("ingest load", workspace, lake):
        people = door.people(settings, workspace)
        load(opened, lake, config=door.contracts(settings), people=people, progress=progress.listener())
    return opened.dataset


def _chosen(config: "PlatformConfig", cutoffs: list[int] | None, *, no_future: bool) -> "PlatformConfig":
    """Return the configuration with what the command line says instead."""
    from dataclasses import replace

    changed: dict[str, Any] = {}
    if cutoffs:
        lengths = tuple(sorted({*cutoffs, 10}))
        changed["evaluation"] = replace(config.evaluation, cutoffs=lengths)
    if no_future:
        changed["leave_one_out"] = replace(config.leave_one_out, no_future=True)
    return config.model_copy(update=changed)


def _recipes(config: "PlatformConfig", wanted: list[str] | None) -> "list[Recipe]":
    """Return the recipes that are named; a name that is no recipe's is a recommender's."""
    from movie_mlops.cli.recipes import read_model
    from movie_mlops.flows import Recipe

    configured = {recipe.name: recipe for recipe in config.recipes}
    chosen = []
    for word in wanted or list(configured):
        name, params = read_model(word)
        recipe = configured.get(name, Recipe(name=name, model=name))
        chosen.append(recipe.model_copy(update={"params": {**recipe.params, **params}}) if params else recipe)
    return chosen


def _table(board: "Leaderboard", scores: "list[Scores]") -> list[dict[str, Any]]:
    shown = [name for name in scores[0].per_user if name.startswith(("ndcg", "recall", "map", "hit_rate"))]
    return [
        {
            "model": row.model,
            **{name: row.metrics[name].estimate for name in shown},
            f"{board.metric} interval": f"{row.metrics[board.metric].low:.4f} to {row.metrics[board.metric].high:.4f}",
            f"minus {board.baseline}": ""
            if row.difference is None
            else f"{row.difference.estimate:+.4f} ({row.difference.low:+.4f} to {row.difference.high:+.4f})",
            "p": "" if row.against_baseline is None else f"{row.against_baseline.corrected:.4f}",
            **{name: row.lists[name] for name in row.lists if name.startswith(("coverage", "gini"))},
        }
        for row in board.standings
    ]


def _curve_table(curve: "LearningCurve") -> list[dict[str, Any]]:
    return [
        {
            "model": name,
            **{f"{point.likes} like{'' if point.likes == 1 else 's'}": point.value.estimate for point in points},
            "better from": "" if name == curve.baseline or curve.better_from(name) is None else curve.better_from(name),
        }
        for name, points in curve.models.items()
    ]
