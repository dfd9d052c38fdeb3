"""``movie-mlops reproduce``."""

from typing import Annotated

import typer

from movie_mlops.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def reproduce(
    bundle: Annotated[str, typer.Argument(help="A bundle's id, such as edlae-0123456789ab.")],
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a bundle again in a clean process, from the inputs that it names, and compare every byte.

    Ends with 0 where it is equal, with 1 where it differs (and says what) or cannot be tried (and says why).
    """
    from movie_mlops.cli import door, output, progress
    from movie_mlops.flows.reproduce import reproduce

    workspace = door.workspace(home, dataset)
    bundle = door.bundle(workspace, bundle)
    lake, trust = door.lakes(door.settings(home)).of(workspace.dataset), door.keys(home).trust
    seals = door.lake(home, dataset).seals
    made = reproduce(workspace.models / bundle, lake, trust=trust, seals=seals, progress=progress.listener())
    if as_json:
        output.print_json(made.to_json())
    else:
        for sentence in made.sentences():
            typer.echo(sentence)
        typer.echo(f"({made.seconds:.1f} s)")
    if not made.equal:
        raise typer.Exit(1)
