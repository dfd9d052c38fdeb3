"""``movie-mlops features``."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from movie_mlops.cli import online, options

app = typer.Typer(
    help="See what features there are, build training sets, export to Feast.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
for command in (online.catalogue, online.materialise, online.parity, online.read):
    app.command(command.__name__)(command)


class Offline(StrEnum):
    """The engines of Feast's offline store."""

    DUCKDB = "duckdb"
    FILE = "file"


Name = Annotated[str, typer.Argument(help="The training set.")]
Version = Annotated[int | None, typer.Option("--version", min=1, help="Which version (default: the newest).")]


@app.command("list")
def list_views(as_json: options.AsJson = False) -> None:
    """List the views."""
    from movie_mlops.cli import output
    from movie_mlops.features import VIEWS

    rows = [
        {
            "view": view.name,
            "version": view.version,
            "about": view.entity.name,
            "features": len(view.features),
            "owner": view.owner,
            "lives": str(view.time_to_live),
            "description": view.description,
        }
        for view in VIEWS
    ]
    output.print_rows(rows, as_json=as_json)


@app.command()
def show(
    view: Annotated[str, typer.Argument(help="A view, such as user_features.")], as_json: options.AsJson = False
) -> None:
    """Show every feature of a view: its type, how it is made, what it says."""
    from movie_mlops.cli import output
    from movie_mlops.features import VIEWS

    found = VIEWS[view]
    rows = [
        {
            "feature": feature.name,
            "type": str(feature.dtype),
            "made of": feature.aggregation.name,
            "description": feature.description,
        }
        for feature in found.features
    ]
    if as_json:
        output.print_json({"view": found.name, "version": found.version, "digest": found.digest(), "features": rows})
        return
    typer.echo(f"{found.name}, version {found.version}: {found.description}\n")
    output.print_rows(rows, as_json=False)


@app.command("build-training-set")
def build_training_set(
    name: Name,
    feature: Annotated[
        list[str] | None,
        typer.Option("--feature", help="A view, or VIEW:FEATURE; may be repeated (default: every view)."),
    ] = None,
    known: Annotated[
        str,
        typer.Option(
            "--known",
            metavar="WHEN",
            help="What had arrived: by each 'row's time, by a time such as 2024-01-31T00:00:00Z, or 'ever'.",
        ),
    ] = "row",
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Words said then or later.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Words said before.")] = None,
    interactions: Annotated[
        int | None, typer.Option("--interactions-version", min=0, help="Of the table (default: the newest).")
    ] = None,
    movies: Annotated[
        int | None, typer.Option("--movies-version", min=0, help="Of the table (default: the newest).")
    ] = None,
    engine: options.Engine = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a training set: each word that was said, with every feature as it was known just before."""
    from movie_mlops.cli import door, output, progress
    from movie_mlops.features import VIEWS, TrainingSets, TrainingSetSpec

    spec = TrainingSetSpec(
        name=name,
        features=tuple(feature or (view.name for view in VIEWS)),
        knowledge={"row": "row", "ever": None}[known] if known in {"row", "ever"} else _time("--known", known),
        since=None if since is None else _time("--since", since),
        until=None if until is None else _time("--until", until),
    )
    given = {"interactions": interactions, "movies": movies}
    versions = {table: version for table, version in given.items() if version is not None}
    settings = door.settings(home)
    feedback = door.platform_config(settings).feedback
    workspace, lake = door.workspace(home, dataset), door.lake(home, dataset)
    with (
        door.engine(settings, engine) as chosen,
        door.journaled("features build-training-set", workspace, lake),
    ):
        sets = TrainingSets(workspace.training_sets, lake, chosen)
        made = sets.build(spec, feedback, versions=versions, progress=progress.listener())
    if as_json:
        output.print_json(made.manifest)
        return
    typer.echo(f"{name}, version {made.manifest['version']}: {made.manifest['rows']:,} rows in {made.folder}")


@app.command("training-sets")
def training_sets(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List the training sets."""
    from movie_mlops.cli import door, output

    output.print_rows([_row(made.manifest) for made in door.training_sets(home, dataset)], as_json=as_json)


@app.command("verify-training-set")
def verify_training_set(
    name: Name,
    version: Version = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a training set again from the lake's versions in its manifest, and compare."""
    from movie_mlops.cli import door, output, progress

    sets = door.training_sets(home, dataset)
    made = sets.get(name, version)
    same = sets.rebuild(made, progress=progress.listener())
    again = made.manifest["version"]
    if as_json:
        output.print_json({"name": name, "version": again, "same": same})
    else:
        typer.echo(f"{name}, version {again}: {'the same' if same else 'NOT the same'} when made again.")
    raise typer.Exit(0 if same else 1)


@app.command("export-feast")
def export_feast(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to: a folder that is empty or not there yet.")],
    redis: Annotated[
        str | None,
        typer.Option("--redis", metavar="HOST:PORT", help="The online store (default: a SQLite file in DIR)."),
    ] = None,
    offline: Annotated[
        Offline, typer.Option("--offline", help="What joins the feature rows of the past.")
    ] = Offline.DUCKDB,
    project: Annotated[str, typer.Option("--project", help="Feast's name for the repository.")] = "movie_mlops",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a Feast repository: our views as Feast's, and their rows from the lake. Needs no Feast."""
    from movie_mlops.cli import door, output, progress
    from movie_mlops.features import VIEWS
    from movie_mlops.features.feast import RepositoryConfig, export_repository
    from movie_mlops.features.online import Cut
    from movie_mlops.lake import INTERACTIONS, MOVIES

    lake = door.lake(home, dataset)
    versions = {table: lake.delta(table).version() for table in (INTERACTIONS, MOVIES)}
    interactions, films = (lake.scan(table, version=version) for table, version in versions.items())
    made = export_repository(
        folder,
        Cut(interactions, films, versions),
        VIEWS,
        door.platform_config(door.settings(home)).feedback,
        RepositoryConfig(project=project, offline=offline.value, redis=redis),
        progress=progress.listener(),
    )
    if as_json:
        output.print_json({"folder": str(made.folder), **made.manifest})
        return
    for name, facts in made.manifest["views"].items():
        left = (
            f"; left out, for they change with time alone: {', '.join(facts['left_out'])}" if facts["left_out"] else ""
        )
        typer.echo(f"{name}: {facts['rows']:,} rows{left}.")
    typer.echo(f"\nNext, with Feast's environment (scripts/setup/setup_feast.sh makes .venv/feast):\n\n  cd {folder}")
    typer.echo(f"  feast apply\n  feast materialize 1970-01-01T00:00:00 {made.at:%Y-%m-%dT%H:%M:%S.%f}")


def _row(manifest: Any) -> dict[str, Any]:
    return {
        "name": manifest["name"],
        "version": manifest["version"],
        "rows": manifest["rows"],
        "features": len(manifest["features"]),
        "known": manifest["knowledge"] or "ever",
        "from": ", ".join(f"{table} {version}" for table, version in manifest["lake"].items()),
        "built": manifest["built_at"],
        "sha256": manifest["sha256"][:12],
    }


def _time(option: str, given: str) -> datetime:
    from movie_mlops.core.errors import ConfigurationError

    try:
        return datetime.fromisoformat(given)
    except ValueError as error:
        raise ConfigurationError(
            f"{option} {given!r} is not a time.", next_step=f"Write for example {option} 2024-01-31T00:00:00Z"
        ) from error
