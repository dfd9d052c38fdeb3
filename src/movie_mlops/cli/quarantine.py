"""``movie-mlops ingest quarantine``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.ingest import ReplayReport

app = typer.Typer(
    help="Rows that the contract refused: list, show, fix, replay.", rich_markup_mode=None, add_completion=False
)

Reason = Annotated[str | None, typer.Option("--reason", help="Only rows refused for this reason.")]
Table = Annotated[str | None, typer.Option("--table", help="Only of this table: interactions or movies.")]
Rows = Annotated[int, typer.Option("--rows", min=1, help="How many rows.")]
Replayed = Annotated[bool, typer.Option("--all", help="Also rows that have been replayed since.")]


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    reason: Reason = None,
    rows: Rows = 20,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Rows that the contract refused: list (the default), show, fix, replay."""
    if context.invoked_subcommand is None:
        list_(reason=reason, rows=rows, dataset=dataset, home=home, as_json=as_json)


@app.command("list")
def list_(
    reason: Reason = None,
    table: Table = None,
    rows: Rows = 20,
    replayed: Replayed = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """List refused rows: where they stand, why, and what they say."""
    from movie_mlops.cli import door, output
    from movie_mlops.ingest import open_rows

    found = open_rows(door.lake(home, dataset), table=table, reason=reason, replayed=replayed).head(rows)
    shown = ["quarantine_id", "file", "line", "reason", "detail", "raw"]
    output.print_rows(found.select(shown).to_dicts(), as_json=as_json)


@app.command()
def show(
    quarantine_id: Annotated[str, typer.Argument(help="The row's id, or how it begins.")],
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show one refused row with everything that is known of it."""
    from movie_mlops.cli import door, output
    from movie_mlops.ingest import SourceError, open_rows

    every = open_rows(door.lake(home, dataset), replayed=True)
    found = every.filter(every["quarantine_id"].str.starts_with(quarantine_id))
    if found.height != 1:
        raise SourceError(
            f"{found.height} refused rows have an id that begins with {quarantine_id!r}.",
            next_step="List them with: movie-mlops ingest quarantine list --all",
        )
    [row] = found.to_dicts()
    if as_json:
        output.print_json(row)
        return
    output.print_rows([{"": name, "value": value} for name, value in row.items()], as_json=False)


@app.command()
def fix(
    export: Annotated[Path | None, typer.Option("--export", metavar="FILE", help="Write open rows to a CSV.")] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Bring in the rows of a CSV that was corrected.")
    ] = None,
    reason: Reason = None,
    table: Table = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Correct refused rows by hand: export a CSV, correct its last columns, replay it. Lines taken out stay open."""
    from movie_mlops.cli import door, output
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.ingest import export as export_rows
    from movie_mlops.ingest import open_rows, read_corrected
    from movie_mlops.ingest import replay as replay_rows

    if (export is None) == (replay is None):
        raise ConfigurationError("fix takes --export FILE or --replay FILE.", next_step="Export first, then replay.")
    lake = door.lake(home, dataset)
    if export is not None:
        rows = open_rows(lake, table=table, reason=reason)
        export_rows(rows, export)
        output.print_json({"rows": rows.height, "file": str(export)}) if as_json else typer.echo(
            f"{rows.height:,} rows are in {export}. Correct their columns, then: "
            f"movie-mlops ingest quarantine fix --replay {export}"
        )
        return
    assert replay is not None
    config = door.contracts(door.settings(home))
    with door.journaled("ingest quarantine fix", door.workspace(home, dataset), lake):
        people = door.people(door.settings(home), door.workspace(home, dataset))
        done = replay_rows(lake, config=config, corrected=read_corrected(replay), people=people)
    _say(done, as_json=as_json)


@app.command()
def replay(
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="OURS=OURS", help="Take our column from another, where they were mixed up."),
    ] = None,
    reason: Reason = None,
    table: Table = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Try refused rows again, after config/contracts.yaml or the table of films has changed."""
    from movie_mlops.cli import door
    from movie_mlops.ingest import open_rows
    from movie_mlops.ingest import replay as replay_rows

    lake, config = door.lake(home, dataset), door.contracts(door.settings(home))
    with door.journaled("ingest quarantine replay", door.workspace(home, dataset), lake):
        rows = open_rows(lake, table=table, reason=reason)
        people = door.people(door.settings(home), door.workspace(home, dataset))
        columns = door.pairs("--column", column)
        done = replay_rows(lake, config=config, rows=rows, columns=columns, people=people)
    _say(done, as_json=as_json)


def _say(report: "ReplayReport", *, as_json: bool) -> None:
    from dataclasses import asdict

    from movie_mlops.cli import output

    if as_json:
        output.print_json(asdict(report))
        return
    typer.echo(
        f"{report.replayed:,} of {report.tried:,} rows keep the contract and are in the lake ({report.new:,} new); "
        f"{report.open:,} are open."
    )
    for reason, count in report.refused.items():
        typer.echo(f"  {count:>10,}  {reason}")
