"""The commands of ``movie-mlops features`` that look at what is served."""

from typing import Annotated

import typer

from movie_mlops.cli import options


def materialise(
    whole: Annotated[bool, typer.Option("--all", help="Everything anew, not only what changed in the lake.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Bring the online store up to the lake: what changed since the last time, or everything."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output
    from movie_mlops.flows.materialise import materialise as make

    with (
        door.platform(home, dataset) as platform,
        door.one_flow(platform.workspace),
        door.journaled("features materialise", platform.workspace, platform.lake),
    ):
        made = make(platform, whole=whole)
    if as_json:
        output.print_json(asdict(made))
    elif made.whole:
        typer.echo(f"Everything was made anew: {made.histories:,} users.")
    else:
        typer.echo(f"{made.users:,} users and {made.films:,} films were made anew; {made.histories:,} users in all.")


def read(
    reference: Annotated[str, typer.Argument(help="A view, or VIEW:FEATURE.")],
    keys: Annotated[list[str], typer.Argument(help="Users or films; USER,FILM for a view of both.")],
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show rows as serving reads them, and how old they are."""
    from movie_mlops.cli import door, output
    from movie_mlops.core import clock

    with door.platform(home, dataset, as_served=True) as platform:
        view = platform.features.views[reference.partition(":")[0]]
        parsed = [door.entity_key(view, key) for key in keys]
        rows = platform.features.read_many(reference, parsed)
    shown = [
        {
            **dict(zip(view.entity.key_names, row.key if isinstance(row.key, tuple) else (row.key,), strict=True)),
            "condition": row.condition,
            "at": None if row.at is None else clock.to_iso(row.at),
            **(row.to_dict() or dict.fromkeys(row.names)),
        }
        for row in rows
    ]
    if as_json or len(shown) > 1 or len(rows[0].names) == 1:
        output.print_rows(shown, as_json=as_json)
    else:
        output.print_rows([{"": name, "value": value} for name, value in shown[0].items()], as_json=False)
    if any(row.condition != "fresh" for row in rows):
        raise typer.Exit(1)


def parity(
    bound: Annotated[
        float, typer.Option("--bound", min=0.0, max=1.0, help="The largest share of values that may differ.")
    ] = 0.001,
    most: Annotated[int, typer.Option("--sample", min=1, help="How many answers at most, the newest.")] = 200,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Compute again what a sample of answers was made from; exit code 1 where too much of it differs."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.parity import parity as compare

    with (
        door.platform(home, dataset) as platform,
        door.journaled("features parity", platform.workspace, platform.lake),
    ):
        found = compare(platform, most=most, bound=bound)
    if as_json:
        output.print_json(found.to_json())
    else:
        typer.echo(found.sentence)
    raise typer.Exit(0 if found.passed else 1)


def catalogue(
    open_: Annotated[bool, typer.Option("--open", help="Then show it in the browser.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write an HTML page on every feature: meaning, owner, where it comes from, how fresh it is, how it is spread."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.catalogue import write_catalogue

    with (
        door.platform(home, dataset) as platform,
        door.journaled("features catalogue", platform.workspace, platform.lake),
    ):
        path = write_catalogue(platform, command="movie-mlops features catalogue")
        views = [view.name for view in platform.features.views]
    if as_json:
        output.print_json({"catalogue": str(path), "views": views})
    else:
        typer.echo(f"Catalogue: {path}")
    if open_:
        import webbrowser

        webbrowser.open(path.absolute().as_uri())
