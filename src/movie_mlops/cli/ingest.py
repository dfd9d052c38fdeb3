"""``movie-mlops ingest``."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options, quarantine, tmdb

if TYPE_CHECKING:
    from movie_mlops.ingest import IngestConfig, TableValidation, Window
    from movie_mlops.lake import Lake

app = typer.Typer(
    help="Bring data into the lake, through the contract.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.command("tmdb")(tmdb.tmdb)


app.add_typer(quarantine.app, name="quarantine")

_DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@app.command()
def load(
    source: options.SourceName = "sample",
    column: options.Columns = None,
    movies: options.Movies = None,
    movie_column: options.MovieColumns = None,
    users: options.Users = None,
    user_column: options.UserColumns = None,
    scale: options.Scale = None,
    since: Annotated[datetime | None, typer.Option("--since", formats=_DAYS, help="Only from this day on.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", formats=_DAYS, help="Only before this day.")] = None,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Only what is newer than the last load, less the overlap.")
    ] = False,
    dataset: options.SourceDataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Load a source; what breaks the contract goes to the quarantine with its line and reason.

    --since and --until fill back a range of days (the second is not in it); other loads may run at the same time.
    """
    from dataclasses import asdict

    from movie_mlops.cli import door, output, progress
    from movie_mlops.core.nouns import Workspace
    from movie_mlops.ingest import load as load_source

    settings = door.settings(home)
    opened = door.source(
        settings,
        source,
        columns=column,
        movies=movies,
        movie_columns=movie_column,
        users=users,
        user_columns=user_column,
        scale=scale,
        dataset=dataset,
    )
    opened.prepare(progress.listener())
    workspace = Workspace(settings.home, opened.dataset)
    lake, config = door.lake_of(settings, workspace), door.contracts(settings)
    window = _window(lake, opened.dataset, config, since=since, until=until, incremental=incremental)
    with door.journaled("ingest load", workspace, lake):
        report = load_source(
            opened,
            lake,
            config=config,
            window=window,
            people=door.people(settings, workspace),
            progress=progress.listener(),
        )
    if as_json:
        output.print_json(asdict(report))
        return
    outside = f", {report.rows_outside:,} left out" if report.rows_outside else ""
    typer.echo(
        f"{opened.dataset}: {report.rows_good:,} of {report.rows_read:,} rows are good ({report.rows_new:,} new), "
        f"{report.rows_quarantined:,} quarantined{outside}; {report.movies:,} films"
        + (f", {report.users:,} users described." if report.users else ".")
    )
    for reason, count in {**report.reasons, **report.movie_reasons, **report.user_reasons}.items():
        typer.echo(f"  {count:>10,}  {reason}")
    for reason, count in report.warnings.items():
        typer.echo(f"  {count:>10,}  {reason} (let pass)")
    for change in report.changes:
        typer.echo(f"  {change}")
    if report.rows_quarantined or report.movies_quarantined or report.users_quarantined:
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
        refused += f", {facts.replayed:,} replayed since" if facts.replayed else ""
        typer.echo(f"{workspace.dataset}: {facts.interactions:,} interactions of {facts.users:,} users{refused}.")
        typer.echo(f"Report: {path}")
    if open_:
        import webbrowser

        webbrowser.open(path.absolute().as_uri())


@app.command()
def validate(
    source: options.SourceName = "sample",
    column: options.Columns = None,
    movies: options.Movies = None,
    movie_column: options.MovieColumns = None,
    users: options.Users = None,
    user_column: options.UserColumns = None,
    scale: options.Scale = None,
    dataset: options.SourceDataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what a load would do, and why, without writing anything. Exit code 1: it would be refused whole."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output, progress
    from movie_mlops.core.nouns import Workspace
    from movie_mlops.ingest import validate as validate_source

    settings = door.settings(home)
    opened = door.source(
        settings,
        source,
        columns=column,
        movies=movies,
        movie_columns=movie_column,
        users=users,
        user_columns=user_column,
        scale=scale,
        dataset=dataset,
    )
    lake = door.lake_of(settings, Workspace(settings.home, opened.dataset))
    tables = validate_source(opened, lake, config=door.contracts(settings), progress=progress.listener())
    if as_json:
        output.print_json({name: asdict(table) for name, table in tables.items()})
    else:
        for name, table in tables.items():
            _say_table(name, table)
    if any(table.refusal for table in tables.values()):
        raise typer.Exit(1)


def _say_table(name: str, table: "TableValidation") -> None:
    from movie_mlops.cli import output

    if table.refusal:
        typer.echo(f"{name}: nothing would be written. {table.refusal}")
        return
    refused = sum(table.reasons.values())
    typer.echo(
        f"{name}: of {table.read:,} rows {table.good:,} are good ({table.new:,} new), {refused:,} would be refused."
    )
    for change in table.changes:
        typer.echo(f"  {change}")
    for reason, count in table.warnings.items():
        typer.echo(f"  {count:>10,}  {reason} (let pass)")
    for reason, count in table.reasons.items():
        typer.echo(f"  {count:>10,}  {reason}")
    if table.examples:
        output.print_rows(table.examples, as_json=False)


def _window(
    lake: "Lake",
    dataset: str,
    config: "IngestConfig",
    *,
    since: datetime | None,
    until: datetime | None,
    incremental: bool,
) -> "Window":
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.ingest import ALL, Window, since_cursor

    if since is None and until is None:
        return since_cursor(lake, dataset, config) if incremental else ALL
    if incremental:
        raise ConfigurationError(
            "--incremental finds out by itself where to begin.", next_step="Leave --since and --until out, or it."
        )
    start, end = (None if day is None else day.replace(tzinfo=UTC) for day in (since, until))
    if start is not None and end is not None and start >= end:
        raise ConfigurationError(f"The range {since} to {until} is empty.", next_step="Name the earlier day first.")
    return Window(start, end, moves_cursor=False)
