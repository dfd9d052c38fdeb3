"""``movie-mlops lake``."""

from typing import Annotated

import typer

from movie_mlops.cli import options

app = typer.Typer(
    help="Look at the tables: list, history, rows, SQL.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Table = Annotated[str, typer.Argument(help="A table, such as interactions.")]
Version = Annotated[int | None, typer.Option("--version", min=0, help="As of this version (default: the newest).")]


@app.command()
def tables(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List the tables."""
    from movie_mlops.cli import door, output
    from movie_mlops.core.clock import to_iso

    rows = [
        {"table": t.name, "version": t.version, "rows": t.rows, "bytes": t.bytes, "modified": to_iso(t.modified)}
        for t in door.lake(home, dataset).tables()
    ]
    output.print_rows(rows, as_json=as_json)


@app.command()
def history(
    table: Table, dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False
) -> None:
    """Show the commits of a table, newest first."""
    from movie_mlops.cli import door, output
    from movie_mlops.core.clock import to_iso

    rows = [
        {
            "version": commit.version,
            "time": to_iso(commit.time),
            "operation": commit.operation,
            "rows": commit.rows,
            "note": ", ".join(f"{name}={value}" for name, value in commit.note.items()),
        }
        for commit in door.lake(home, dataset).history(table)
    ]
    output.print_rows(rows, as_json=as_json)


@app.command()
def show(
    table: Table,
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows.")] = 10,
    version: Version = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show rows of a table, at any version."""
    from movie_mlops.cli import door, output

    frame = door.lake(home, dataset).scan(table, version=version).head(rows).collect()
    output.print_rows(frame.to_dicts(), as_json=as_json)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the tables, such as 'select count(*) from movies'.")],
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Ask the tables in SQL; nothing can be changed."""
    from movie_mlops.cli import door, output

    output.print_rows(door.lake(home, dataset).sql(query).to_dicts(), as_json=as_json)
