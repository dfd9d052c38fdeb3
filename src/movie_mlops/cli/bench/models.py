"""How good models are, and how fast they are trained and judged."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.bench.measuring import Found, Out, measure, own_python, table, tell_limits, verdict

if TYPE_CHECKING:
    from movie_mlops.flows import Recipe


def quality(
    folds: Annotated[
        Path | None,
        typer.Option("--folds", metavar="DIR", help="A folder with dataset.parquet and test_0.parquet, …"),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="NAME", help="A data set of the home, split by time; may be repeated."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="Only this recipe, beside the baselines; may be repeated."),
    ] = None,
    patience: Annotated[
        float, typer.Option("--patience", min=1, help="Seconds after which a training is ended and left out.")
    ] = 600.0,
    curves: Annotated[
        bool,
        typer.Option(
            "--curves/--no-curves",
            help="Also: new users after none, one and more likes, and the champion without each member; with drawings.",
        ),
    ] = True,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How good are the lists? On published folds, and on the future of data sets that were brought in."""
    from movie_mlops.bench import QualityBenchConfig, bench_quality
    from movie_mlops.cli import door
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.flows.features import known_feedback, known_movies

    if folds is None and not dataset:
        raise ConfigurationError(
            "There is nothing to judge on.",
            next_step="Give --folds DIR, or --dataset NAME of what 'movie-mlops ingest' brought in.",
        )
    platform = door.platform_config(door.settings(home))
    lakes = {name: door.lake(home, name) for name in dataset or []}
    histories = {name: known_feedback(lake, platform.feedback) for name, lake in lakes.items()}
    films = {name: movies for name, lake in lakes.items() if (movies := known_movies(lake)).height}
    config = QualityBenchConfig(
        folds=folds,
        time_split=platform.time_split,
        patience=patience,
        curves=curves,
        tuned=_tuned(door.settings(home).config, dataset or []),
    )
    bench = partial(bench_quality, config.only(model) if model else config, histories, films=films)
    measure("quality", bench, _tell_lists, out=out, home=home, as_json=as_json)


def newcomers(
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="A data set of the home that tells of its users.")
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How good are the lists of new users after 0 to 10 likes? With their age, gender and occupation, and without."""
    from movie_mlops.bench import NewcomersBenchConfig, bench_newcomers
    from movie_mlops.cli import door
    from movie_mlops.flows.features import known_feedback, known_users

    lake = door.lake(home, dataset)
    feedback = known_feedback(lake, door.platform_config(door.settings(home)).feedback)
    bench = partial(bench_newcomers, NewcomersBenchConfig(), feedback, known_users(lake))
    measure("newcomers", bench, _tell_newcomers, out=out, home=home, as_json=as_json)


def train(
    likes: Annotated[int, typer.Option("--likes", min=1000, help="Made-up likes to train on.")] = 20_000_000,
    users: Annotated[int, typer.Option("--users", min=100, help="Of so many users.")] = 140_000,
    films: Annotated[int, typer.Option("--films", min=50, help="For so many films.")] = 20_000,
    iterations: Annotated[int, typer.Option("--iterations", min=1, help="Of iALS and of implicit.")] = 15,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How often each contender has its turn.")] = 2,
    folds: Annotated[
        Path | None,
        typer.Option(
            "--folds", metavar="DIR", help="A folder of given folds: the models are trained on the first one."
        ),
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How long does training take, and how much memory? Beside LAPACK alone and the library implicit."""
    from movie_mlops.bench import TrainBenchConfig, bench_train

    config = TrainBenchConfig(
        likes=likes,
        users=users,
        films=films,
        judged_users=min(2_000, users // 10),
        iterations=iterations,
        runs=runs,
        folds=folds,
    )
    measure("train", partial(bench_train, config), _tell_trainings, out=out, home=home, as_json=as_json)


def evaluate(
    users: Annotated[int, typer.Option("--users", min=1, help="How many users are judged.")] = 6_000,
    films: Annotated[int, typer.Option("--films", min=200, help="How many films are ranked for each.")] = 27_278,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="How often each is measured.")] = 3,
    rivals_python: Annotated[
        Path | None,
        typer.Option(
            "--rivals-python",
            metavar="FILE",
            help="The Python of an environment that has RecTools and ranx (default: .venv/rivals, by setup_rivals.sh).",
        ),
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How fast are models judged, from all scores to the metrics? Beside RecTools and ranx, with equal figures."""
    from movie_mlops.bench import EvaluateBenchConfig, bench_evaluate

    python = own_python("rivals", rivals_python, home)
    config = EvaluateBenchConfig(users=users, films=films, repeats=repeats, rivals_python=python)
    measure("evaluate", partial(bench_evaluate, config), _tell_rankings, out=out, home=home, as_json=as_json)


def drift(
    rows: Annotated[int, typer.Option("--rows", min=1000, help="Rows on either side.")] = 10_000_000,
    rival_rows: Annotated[int, typer.Option("--rival-rows", min=1000, help="Of them for Evidently.")] = 200_000,
    evidently_python: Annotated[
        Path | None,
        typer.Option(
            "--evidently-python",
            metavar="FILE",
            help="The Python of an environment that has Evidently (default: .venv/evidently, by setup_evidently.sh).",
        ),
    ] = None,
    out: Out = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """How long does the drift of many rows take, and how much memory? Beside Evidently on what it can hold."""
    from movie_mlops.bench import DriftBenchConfig, bench_drift

    python = own_python("evidently", evidently_python, home)
    config = DriftBenchConfig(rows=rows, rival_rows=min(rival_rows, rows), evidently_python=python)
    measure("drift", partial(bench_drift, config), _tell_drift, out=out, home=home, as_json=as_json)


def _tell_drift(found: Found) -> None:
    shown = ("name", "rows", "live_seconds", "peak_memory_mib")
    table({name: run[name] for name in shown} for run in found["runs"])
    for skipped in found["skipped"]:
        typer.echo(f"\n{skipped['name']} was skipped: {skipped['reason']}")
    tell_limits(found)


def _tuned(config: Path, datasets: list[str]) -> "dict[str, list[Recipe]]":
    """Return what searches found inside the training part of each data set, what did best in validation first."""
    from movie_mlops.flows import Recipe
    from movie_mlops.settings import read_tuned

    settings = sorted(read_tuned(config / "tuned.yaml").items(), key=lambda one: -one[1].found.value)
    return {
        data: [
            Recipe(name=name, model=one.model, params=one.params) for name, one in settings if one.found.data == data
        ]
        for data in datasets
    }


def _tell_lists(found: Found) -> None:
    on_folds = [found["folds"]] if "folds" in found else []
    shown = ("mean", "interval", "times_ease", "times_popular-recent", "seconds", "peak_memory_mib", "folds")
    for one in (*on_folds, *found["in time"]):
        typer.echo(f"{one.get('folder') or one.get('dataset')}, {found['metric']}:")
        judged = {name: row for name, row in one["models"].items() if "mean" in row}
        there = [key for key in shown if any(key in row for row in judged.values())]
        table({"recipe": name, **{key: row.get(key, "") for key in there}} for name, row in judged.items())
        if any("unbiased" in row for row in judged.values()):
            typer.echo(f"\n{found['unbiased']}:")
            table(
                {"recipe": name, **{key: row["unbiased"].get(key, "") for key in shown[:4]}}
                for name, row in judged.items()
            )
        for name, row in one["models"].items():
            if "left_out" in row:
                typer.echo(f"{name} is left out: {row['left_out']}.")
        _tell_parts(one)
        typer.echo("")
    tell_limits(found)


def _tell_parts(one: Found) -> None:
    if "learning curve" in one:
        curve = one["learning curve"]
        typer.echo(f"\nAfter so many likes of {curve['judged']:,} new users:")
        table(
            {"recipe": name, **{str(point["likes"]): point["value"]["estimate"] for point in points}}
            for name, points in curve["models"].items()
        )
        typer.echo(curve["verdict"])
    if "ablation" in one:
        typer.echo(f"\nWhat is lost of {one['ablation']['value']} without a part of {one['ablation']['model']}:")
        table(
            {
                "part": row["part"],
                "lost": row["worth"]["estimate"],
                "interval": f"{row['worth']['low']} to {row['worth']['high']}",
                "p": row["test"]["corrected"],
            }
            for row in one["ablation"]["rows"]
        )


def _tell_newcomers(found: Found) -> None:
    table(
        {
            "model": name,
            **{f"{likes} likes": value for likes, value in zip(found["likes"], row["values"], strict=True)},
            "seconds": row["seconds"],
        }
        for name, row in found["models"].items()
    )
    tell_limits(found)


def _tell_trainings(found: Found) -> None:
    shown = ("seconds", "cpu_seconds", "peak_memory_mib", "ndcg@10", "loss_per_user")
    for where in ("made up", "on the fold"):
        trained = {name: row for name, row in found[where].items() if "skipped" not in row}
        table({where: name, **{key: row.get(key, "") for key in shown}} for name, row in trained.items())
        typer.echo("")
    for name, row in found["made up"].items():
        if "skipped" in row:
            typer.echo(f"{name} is left out: {row['skipped']}.")
    tell_limits(found)


def _tell_rankings(found: Found) -> None:
    shown = ("name", "median_seconds", "of_that_ranking")
    table({name: run[name] for name in shown} for run in found["runs"])
    for skipped in found["skipped"]:
        typer.echo(f"\n{skipped['name']} was skipped: {skipped['reason']}")
    for target in found["targets"]:
        typer.echo(
            f"\n{target['measured']} times as fast as {target['rival']} ({target['with_our_lists']} with our lists), "
            f"at least {target['limit']:g}: {verdict(target)}."
        )
