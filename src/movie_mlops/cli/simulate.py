"""``movie-mlops simulate``."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.simulation import Generation, Health, LoopConfig, Measured, PopulationConfig

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def simulate(
    users: Annotated[int, typer.Option("--users", min=2, help="People at any time.")] = 300,
    films: Annotated[int, typer.Option("--films", min=2, help="Films, drawn from the sample's catalogue.")] = 500,
    generations: Annotated[
        int, typer.Option("--generations", min=1, help="How often a model is trained and answers.")
    ] = 24,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME[:PARAM=VALUE,…]", help="The recommender.")
    ] = "ease:regularisation=20",
    k: Annotated[int, typer.Option("--k", min=1, help="Length of the lists.")] = 10,
    exploration: Annotated[
        float, typer.Option("--exploration", min=0, max=1, help="Share of the places that chance fills.")
    ] = 0.1,
    pool: Annotated[
        int | None, typer.Option("--pool", min=1, help="Chance draws from so many best films (default: from all).")
    ] = None,
    debias: Annotated[
        float,
        typer.Option("--debias", min=0, max=1, help="How far training takes out that films were shown more (0 to 1)."),
    ] = 0.5,
    examination: Annotated[
        float, typer.Option("--examination", min=0, help="Place j is looked at with probability j^-EXAMINATION.")
    ] = 0.7,
    drift: Annotated[float, typer.Option("--drift", min=0, max=1, help="How far tastes turn in a generation.")] = 0.02,
    churn: Annotated[
        float, typer.Option("--churn", min=0, max=0.99, help="Share of the people who leave in one.")
    ] = 0.2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same people and choices.")] = 2025,
    alone: Annotated[
        bool, typer.Option("--alone", help="Leave out the same loop without exploration and debiased training.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Where to (default: reports/simulation/simulation.html)."),
    ] = None,
    rival: Annotated[
        str | None,
        typer.Option(
            "--rival",
            metavar="NAME[:PARAM=VALUE,…]",
            help="With --log: another model; the log says how probable its own choices would have been.",
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Write every list as Parquet, for 'evaluate off-policy FILE'."),
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Let generations of made-up people live with a recommender, and see what becomes of them and of the catalogue.

    What everybody really likes is known, so that the true worth of every list is too. The same people live a second
    time with a loop that is not kept from feeding on itself, for comparison. What their ratings, likes, dislikes,
    watches and skips weigh is what config/platform.yaml says.
    """
    from movie_mlops.cli import door, output, progress
    from movie_mlops.cli.recipes import read_model
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.simulation import LoopConfig, PopulationConfig, run, write_report

    if (rival is None) != (log is None):
        raise ConfigurationError(
            "--rival and --log belong together.",
            next_step="Write for example: movie-mlops simulate --exploration 0.5 --films 120 --rival ials --log FILE",
        )
    name, params = read_model(model)
    settings = door.settings(home)
    people = PopulationConfig(
        seed=seed, users=users, films=films, generations=generations, drift=drift, churn=churn
    )  # fmt: skip
    loop = LoopConfig(
        model=name, params=params, k=k, exploration=exploration, pool=pool, debias=debias, examination=examination,
        feedback=door.platform_config(settings).feedback,
    )  # fmt: skip
    listener = progress.listener()
    lived = list(run(people, loop, progress=listener))
    loops: dict[str, list[Measured]] = {"as configured": [each.measured for each in lived]}
    if loop.is_guarded and not alone:
        loops["without a guard"] = [each.measured for each in run(people, loop.unguarded(), progress=listener)]
    path = report or settings.home / "reports" / "simulation" / "simulation.html"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    health = write_report(path, loops=loops, people=people, loop=loop, command=command)
    logged = _write_log(log, lived, loop, rival, seed) if log is not None and rival is not None else None
    if as_json:
        document = _document(people, loop, loops, health)
        output.print_json({**document, "report": str(path), **({"log": logged} if logged else {})})
        return
    output.print_rows(_table(health), as_json=False)
    typer.echo(_verdict(health))
    if logged:
        typer.echo(
            f"The truth: a list of {rival} has {logged['rival_worth']:.4f} films that are watched, one that was shown "
            f"{logged['own_worth']:.4f}. What the log says: movie-mlops evaluate off-policy {log}"
        )
    typer.echo(f"Report: {path}")


def _write_log(path: Path, lived: "list[Generation]", loop: "LoopConfig", rival: str, seed: int) -> dict[str, Any]:
    from movie_mlops.cli.recipes import read_model
    from movie_mlops.evaluation import write_lists
    from movie_mlops.simulation.rival import against

    found = against(lived, loop, *read_model(rival), seed=seed)
    write_lists(path, found.log, found.movie_ids)
    return {
        "path": str(path),
        "lists": found.log.requests,
        "rival_worth": found.rival_worth,
        "own_worth": found.own_worth,
    }


def _verdict(health: "Mapping[str, Health]") -> str:
    own, *others = health.values()
    first, last = own.coverage
    verdict = "keeps its catalogue alive" if own.healthy else "closes in on fewer films"
    other = f"; without a guard it ends at {others[0].coverage[1]:.0%}" if others else ""
    return f"The loop {verdict}: {first:.0%} of the films are recommended at first, {last:.0%} in the end{other}."


def _table(health: "Mapping[str, Health]") -> list[dict[str, Any]]:
    return [
        {
            "loop": name,
            **{
                f"{measure}{when}": getattr(found, measure)[place]
                for measure in ("coverage", "gini", "regret")
                for place, when in enumerate((" at first", " at last"))
            },
        }
        for name, found in health.items()
    ]


def _document(
    people: "PopulationConfig",
    loop: "LoopConfig",
    loops: "Mapping[str, list[Measured]]",
    health: "Mapping[str, Health]",
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "people": asdict(people),
        "loop": asdict(loop),
        "loops": {
            name: {**health[name].to_json(), "generations": [asdict(each) for each in generations]}
            for name, generations in loops.items()
        },
    }
