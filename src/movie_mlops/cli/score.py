"""``movie-mlops score``."""

from typing import Annotated

import typer

from movie_mlops.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def score(
    k: Annotated[int, typer.Option("--k", min=1, help="Films for each user at most.")] = 10,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Put the best films of every user, by the model that serves, into the lake's table 'recommendations'.

    Where that table was made of the same model and the same data, nothing is done.
    """
    from dataclasses import asdict

    from movie_mlops.cli import door, output, progress
    from movie_mlops.flows.score import score as score_all

    with door.platform(home, dataset) as platform, door.one_flow(platform.workspace):
        made = score_all(platform, k=k, progress=progress.listener())
    if as_json:
        output.print_json(asdict(made))
        return
    how = "were there already" if made.skipped else "are there now"
    typer.echo(
        f"{made.rows:,} recommendations of {made.bundle} for {made.users:,} users {how} (version {made.version})."
    )
    if not made.skipped:
        typer.echo("Look at them: movie-mlops lake sql 'select * from recommendations limit 10'")
