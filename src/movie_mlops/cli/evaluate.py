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
    from movie_mlops.evaluation import Leaderboard, Scores
    from movie_mlops.flows import PlatformConfig, Recipe
    from movie_mlops.flows.config import Protocol as SplitProtocol

app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.command("off-policy")(off_policy)


class Protocol(StrEnum):
    """How what is known is split from what is to be found."""

    AUTO = "auto"
    TIME = "time"
    USER_FOLDS = "user-folds"
    STRONG_GENERALISATION = "strong-generalisation"
    FOLDS = "folds"


@app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    protocol: Annotated[
        Protocol,
        typer.Option(
            "--protocol",
            help="time: learn from the past, predict the future. user-folds: random films of each user. "
            "strong-generalisation: users no model has seen. folds: given in --path. auto: time where possible.",
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
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Train models on what is known, judge them on what is held out, and write a report with plots."""
    if context.invoked_subcommand is not None:
        return
    from movie_mlops.cli import door, output, progress
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.flows.evaluate import study
    from movie_mlops.flows.features import known_feedback, known_movies

    if (protocol is Protocol.FOLDS) != (path is not None):
        raise ConfigurationError(
            "--protocol folds and --path belong together.",
            next_step="Write for example: movie-mlops evaluate --protocol folds --path DIR",
        )
    settings = door.settings(home)
    config = _with_cutoffs(door.platform_config(settings), cutoff)
    place = settings.home / "reports" / "folds" if path else door.workspace(home, dataset).reports
    report = place / f"evaluation-{protocol}.html"
    lake = None if path else door.lake(home, dataset)
    board, scores = study(
        None if lake is None else known_feedback(lake, config.feedback),
        _recipes(config, model),
        config,
        movies=None if lake is None else known_movies(lake),
        protocol=cast("SplitProtocol", "auto" if path else protocol.value),
        folds=path,
        report=report,
        title=f"Models on {path.name if path else door.workspace(home, dataset).dataset}",
        command="movie-mlops " + shlex.join(sys.argv[1:]),
        progress=progress.listener(),
    )
    if as_json:
        output.print_json({**board.to_json(), "report": str(report)})
        return
    output.print_rows(_table(board, scores), as_json=False)
    typer.echo(f"{board.judged:,} users judged on {board.case}. {board.verdict}")
    typer.echo(f"Report: {report}")


def _with_cutoffs(config: "PlatformConfig", cutoffs: list[int] | None) -> "PlatformConfig":
    if not cutoffs:
        return config
    from dataclasses import replace

    lengths = tuple(sorted({*cutoffs, 10}))
    return config.model_copy(update={"evaluation": replace(config.evaluation, cutoffs=lengths)})


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
            **{name: row.lists[name] for name in row.lists if name.startswith(("coverage", "gini"))},
        }
        for row in board.standings
    ]
