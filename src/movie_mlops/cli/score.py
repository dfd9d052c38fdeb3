"""``movie-mlops score``."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def score(
    k: Annotated[int, typer.Option("--k", min=1, help="Films for each user at most.")] = 10,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write them to this Parquet file as well.")
    ] = None,
    engine: options.Engine = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Put the best films of every user, by the model that serves, into the lake's table 'recommendations'.

    Everybody has a list, made as the API makes one that is asked for without any wish: by config/rules.yaml, and of
    what is popular where the model draws nothing from a history; the column 'source' says which. Where the table was
    made of the same model, data and rules, nothing is done.
    """
    from dataclasses import asdict

    from movie_mlops.cli import door, output, progress
    from movie_mlops.flows.score import score as score_all
    from movie_mlops.settings import read_rules

    settings = door.settings(home)
    rules = read_rules(settings.config / "rules.yaml")
    with (
        door.engine(settings, engine) as chosen,
        door.platform(home, dataset, engine=chosen) as platform,
        door.one_flow(platform.workspace),
    ):
        made = score_all(platform, k=k, rules=rules, parquet=parquet, progress=progress.listener())
    if as_json:
        output.print_json(asdict(made))
        return
    how = "were there already" if made.skipped else "are there now"
    typer.echo(
        f"{made.rows:,} recommendations of {made.bundle} for {made.users:,} users {how} (version {made.version});"
        f" {made.users - made.personal:,} of them get what is popular."
    )
    if parquet is not None:
        typer.echo(f"They are in {parquet} as well.")
    if not made.skipped:
        typer.echo("Look at them: movie-mlops lake sql 'select * from recommendations limit 10'")
