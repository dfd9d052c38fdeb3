"""``movie-mlops ingest``."""

from typing import Annotated

import typer

from movie_mlops.cli import options, tmdb

app = typer.Typer(
    help="Bring data into the lake, through the contract.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.command("tmdb")(tmdb.tmdb)


@app.command()
def load(
    source: options.SourceName = "sample",
    column: options.Columns = None,
    movies: options.Movies = None,
    movie_column: options.MovieColumns = None,
    scale: options.Scale = None,
    dataset: options.SourceDataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Load a source; what breaks the contract goes to the quarantine with its line and reason."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output, progress
    from movie_mlops.core.nouns import Workspace
    from movie_mlops.ingest import load as load_source

    settings = door.settings(home)
    opened = door.source(
        settings, source, columns=column, movies=movies, movie_columns=movie_column, scale=scale, dataset=dataset
    )
    opened.prepare(progress.listener())
    with door.one_flow(Workspace(settings.home, opened.dataset)) as workspace:
        report = load_source(opened, door.lake_of(settings, workspace), progress=progress.listener())
    if as_json:
        output.print_json(asdict(report))
        return
    typer.echo(
        f"{opened.dataset}: {report.rows_good:,} of {report.rows_read:,} rows are good ({report.rows_new:,} new), "
        f"{report.rows_quarantined:,} quarantined; {report.movies:,} films."
    )
    for reason, count in {**report.reasons, **report.movie_reasons}.items():
        typer.echo(f"  {count:>10,}  {reason}")
    if report.rows_quarantined or report.movies_quarantined:
        typer.echo(f"Look at them: movie-mlops ingest quarantine --dataset {opened.dataset}")


@app.command()
def report(
    open_: Annotated[bool, typer.Option("--open", help="Then show it in the browser.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write an HTML page on what came in: volumes, distributions, the long tail, what is missing, what was refused."""
    import shlex
    import sys
    from dataclasses import asdict

    from movie_mlops.cli import door, output
    from movie_mlops.ingest.report import write_ingest_report

    workspace = door.workspace(home, dataset)
    path = workspace.reports / "ingest.html"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    facts = write_ingest_report(path, door.lake(home, dataset), dataset=workspace.dataset, command=command)
    if as_json:
        output.print_json({**asdict(facts), "report": str(path)})
    else:
        refused = f", {facts.refused:,} refused" if facts.refused else ""
        typer.echo(f"{workspace.dataset}: {facts.interactions:,} interactions of {facts.users:,} users{refused}.")
        typer.echo(f"Report: {path}")
    if open_:
        import webbrowser

        webbrowser.open(path.absolute().as_uri())


@app.command()
def quarantine(
    reason: Annotated[str | None, typer.Option("--reason", help="Only rows refused for this reason.")] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows.")] = 20,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show rows that the contract refused: where they stand, why, and what they say."""
    import polars as pl

    from movie_mlops.cli import door, output
    from movie_mlops.lake import QUARANTINE

    scan = door.lake(home, dataset).scan(QUARANTINE)
    if reason is not None:
        scan = scan.filter(pl.col("reason") == reason)
    frame = scan.sort("file", "line").head(rows).select("file", "line", "reason", "detail", "raw").collect()
    output.print_rows(frame.to_dicts(), as_json=as_json)
