"""``movie-mlops lineage``."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def lineage(
    thing: Annotated[
        str,
        typer.Argument(
            help="The id of a recommendation, a release's number, a bundle, TABLE@VERSION, or a training set's name."
        ),
    ],
    svg: Annotated[Path | None, typer.Option("--svg", help="Draw it into this file.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Draw it and show it in the browser.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what is behind a thing, back to the source's fingerprint, and what came of it, forward to what it served."""
    import webbrowser

    # The answers' table is declared by serving: it must be there before the state is opened.
    from movie_mlops.cli import door, output
    from movie_mlops.flows.lineage import Lineage
    from movie_mlops.release import draw

    with door.platform(home, dataset) as platform:
        graph = Lineage(platform).of(thing)
        drawn = svg or (platform.workspace.reports / "lineage.svg" if open_ else None)
    if drawn is not None:
        drawn.parent.mkdir(parents=True, exist_ok=True)
        drawn.write_text(draw(graph), encoding="utf-8")
    if as_json:
        output.print_json(graph.to_json())
    else:
        for line in graph.lines():
            typer.echo(line)
        if drawn is not None:
            typer.echo(f"Drawn: {drawn}")
    if open_ and drawn is not None:
        webbrowser.open(drawn.absolute().as_uri())
