"""``movie-mlops tune``."""

import re
import shlex
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.flows import PlatformConfig
    from movie_mlops.flows.tune import Tuning, Wanted

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Protocol(StrEnum):
    """Which split judges in the end; settings are chosen inside its training part."""

    AUTO = "auto"
    TIME = "time"
    USER_FOLDS = "user-folds"
    FOLDS = "folds"


@app.command()
def tune(
    model: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL[:PARAM=VALUE,…]",
            help="A recipe or a recommender, such as ease or ials:iterations=10; a parameter that is given is not "
            "searched.",
        ),
    ],
    protocol: Annotated[
        Protocol,
        typer.Option(
            "--protocol",
            help="Whose training part is used, itself split again. time: what came before, by time. user-folds: random "
            "films of each user. folds: given in --path. auto: time where possible.",
        ),
    ] = Protocol.AUTO,
    path: Annotated[
        Path | None,
        typer.Option("--path", help="For --protocol folds: a folder with dataset.parquet and test_0.parquet, …"),
    ] = None,
    fold: Annotated[
        int, typer.Option("--fold", min=0, help="For folds: which one is kept away; its training part is used.")
    ] = 0,
    windows: Annotated[
        int,
        typer.Option(
            "--windows", min=1, help="Of a split by time: judge on so many windows, each before the next, together."
        ),
    ] = 1,
    minutes: Annotated[
        float, typer.Option("--minutes", help="How long to search, for all models together, in equal parts.")
    ] = 10.0,
    trials: Annotated[
        int | None,
        typer.Option("--trials", min=1, help="How many settings of each model, those of earlier runs included."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed tries the same settings.")] = 0,
    metric: Annotated[str, typer.Option("--metric", help="What decides, such as ndcg@10 or recall@50.")] = "ndcg@10",
    study: Annotated[
        str | None,
        typer.Option(
            "--study",
            metavar="NAME",
            help="The study's name; one that is there goes on (default: a name of its own for each question).",
        ),
    ] = None,
    memory_mib: Annotated[
        int | None,
        typer.Option("--memory-mib", min=1, help="The most that a training may take (default: what is free)."),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the best settings in config/tuned.yaml, under their names.")
    ] = False,
    save_as: Annotated[
        str | None, typer.Option("--save-as", metavar="NAME", help="The same under another name; for one model.")
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Search for the settings of models that do best on a validation split inside the training part.

    What is held out to judge models is never looked at. A search that was stopped goes on with the same command.
    """
    from movie_mlops.cli import door, output, progress
    from movie_mlops.flows.features import known_feedback, known_movies
    from movie_mlops.flows.tune import Plan
    from movie_mlops.flows.tune import tune as search
    from movie_mlops.flows.validation import validation_cases

    settings = door.settings(home)
    config = door.platform_config(settings, tuned_needed=False)
    wanted = [_wanted(config, word) for word in model]
    _refuse(wanted, protocol, path, minutes, {"--study": study, "--save-as": save_as})
    if path:
        data, reports = f"{path.resolve().name}-fold-{fold}", settings.home / "reports" / "folds"
    else:
        place = door.workspace(home, dataset)
        data, reports = place.dataset, place.reports
    lake = None if path else door.lake(home, dataset)
    cases = validation_cases(
        None if lake is None else known_feedback(lake, config.feedback),
        config,
        protocol=protocol.value,
        fold=fold,
        folds=path,
        movies=None if lake is None else known_movies(lake),
        windows=windows,
        seed=seed,
    )
    found = search(
        wanted,
        cases,
        config,
        Plan(
            data=data,
            metric=metric,
            seed=seed,
            minutes=minutes,
            trials=trials,
            study=study,
            memory_limit=None if memory_mib is None else memory_mib << 20,
            command="movie-mlops " + shlex.join(sys.argv[1:]),
        ),
        studies=settings.home / "experiments" / "tuning",
        reports=reports,
        progress=progress.listener(),
    )
    file = settings.config / "tuned.yaml"
    if save or save_as:
        _save(file, found, save_as)
    if as_json:
        output.print_json([_summary(one) for one in found])
        return
    output.print_rows([_row(one) for one in found], as_json=False)
    for one in found:
        typer.echo(f"Report: {one.report}")
    if save or save_as:
        typer.echo(f"Kept in {file}; a recipe of config/platform.yaml takes them as 'params: tuned'.")
    given = " ".join(f"--model {_word(one)}" for one in found if "members" not in one.settings.params)
    where = f"--protocol folds --path {shlex.quote(str(path))}" if path else f"--dataset {data}"
    if given:
        typer.echo(f"Judge on what was kept away: movie-mlops evaluate {where} {given}")


def _refuse(
    wanted: "list[Wanted]", protocol: Protocol, path: Path | None, minutes: float, names: Mapping[str, str | None]
) -> None:
    from movie_mlops.core.errors import ConfigurationError

    if (protocol is Protocol.FOLDS) != (path is not None):
        raise ConfigurationError(
            "--protocol folds and --path belong together.",
            next_step="Write for example: movie-mlops tune ease --protocol folds --path DIR",
        )
    if not 0 < minutes < float("inf"):
        raise ConfigurationError(f"--minutes is {minutes:g}.", next_step="Give a number above 0.")
    for option, name in names.items():
        if name is not None and not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{option} {name!r} is no name.", next_step="Use letters, digits, hyphens, points and underscores."
            )
    if len({one.name for one in wanted}) < len(wanted):
        raise ConfigurationError("A model is named twice.", next_step="Tune it once, or one after the other.")
    if names["--save-as"] and len(wanted) > 1:
        raise ConfigurationError("--save-as is for one model.", next_step="Tune them one after the other.")


def _wanted(config: "PlatformConfig", word: str) -> "Wanted":
    from movie_mlops.cli.recipes import read_model
    from movie_mlops.flows import Recipe
    from movie_mlops.flows.tune import Wanted

    name, fixed = read_model(word)
    recipe = next((one for one in config.recipes if one.name == name), Recipe(name=name, model=name))
    return Wanted(name, recipe.model, {**recipe.params, **fixed}, frozenset(fixed))


def _save(file: Path, found: "list[Tuning]", name: str | None) -> None:
    """Keep the settings in a file, and beside it what was tried to find them."""
    from movie_mlops.flows.tuned import write_run, write_tuned
    from movie_mlops.settings import read_tuned

    kept = {}
    for one in found:
        called = name or one.name
        run = Path(file.stem) / f"{called}.json"
        write_run(file.parent / run, one.document)
        settings = one.settings.model_copy(
            update={"found": one.settings.found.model_copy(update={"run": run.as_posix()})}
        )
        kept[called] = settings
    write_tuned(file, {**read_tuned(file), **kept})


def _summary(tuning: "Tuning") -> dict[str, Any]:
    return {
        **{key: value for key, value in tuning.document.items() if key not in {"trials", "packages", "machine"}},
        "report": str(tuning.report),
    }


def _row(tuning: "Tuning") -> dict[str, Any]:
    found, gap = tuning.settings.found, tuning.document["difference"]
    return {
        "model": tuning.name,
        "tried": found.tried,
        found.metric: found.value,
        "interval": f"{found.low:.4f} to {found.high:.4f}",
        "minus before": "" if gap is None else f"{gap['estimate']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})",
        "params": ", ".join(f"{name}={_short(value)}" for name, value in _best(tuning).items()),
    }


def _best(tuning: "Tuning") -> dict[str, Any]:
    """Return what was searched and found."""
    number = tuning.document["best"]["number"]
    return next(dict(one["params"]) for one in tuning.document["trials"] if one["number"] == number)


def _word(tuning: "Tuning") -> str:
    """Return it as 'movie-mlops evaluate' reads it."""
    params = ",".join(f"{name}={_short(value)}" for name, value in tuning.settings.params.items())
    return f"{tuning.settings.model}:{params}"


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
