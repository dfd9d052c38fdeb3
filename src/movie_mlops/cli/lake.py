"""``movie-mlops lake``."""

from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options, versions

if TYPE_CHECKING:
    from movie_mlops.lake import Verification

app = typer.Typer(
    help="Look at the tables, compare and restore their versions, and take care of them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
for command in (versions.diff, versions.restore, versions.tag, versions.tags, versions.uses):
    app.command(command.__name__)(command)

Table = Annotated[str, typer.Argument(help="A table, such as interactions.")]
OneTable = Annotated[str | None, typer.Argument(help="A table (default: all of them).")]
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

    lake = door.lake(home, dataset)
    commits, given_up = lake.history(table), lake.given_up(table)
    rows = [
        {
            "version": commit.version,
            "time": to_iso(commit.time),
            "operation": commit.operation,
            "rows": commit.rows,
            "readable": "no" if commit.version in given_up else "yes",
            "note": ", ".join(f"{name}={value}" for name, value in commit.note.items()),
        }
        for commit in commits
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


@app.command()
def compact(
    table: OneTable = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Join small files and put rows that are read together side by side; no row changes."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output, progress
    from movie_mlops.lake import compact as compact_table

    lake, workspace = door.lake(home, dataset), door.workspace(home, dataset)
    with door.one_flow(workspace), door.journaled("lake compact", workspace, lake):
        reports = [
            compact_table(lake, name, progress=progress.listener()) for name in ([table] if table else lake.names())
        ]
    if as_json:
        output.print_json([asdict(report) for report in reports])
        return
    for report in reports:
        size = f"{report.files_after:,} files, {output.size(report.bytes_after)}"
        if report.version is None:
            typer.echo(f"{report.table}: nothing to join ({size}).")
            continue
        before = f"{report.files_before:,} files, {output.size(report.bytes_before)}"
        typer.echo(f"{report.table}: {before} are now {size}; the same {report.rows:,} rows, version {report.version}.")


@app.command()
def vacuum(
    table: OneTable = None,
    keep_days: Annotated[
        float, typer.Option("--keep-days", min=0, help="Versions of the last so many days stay readable.")
    ] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Remove files that only old versions need; those that are tagged or a bundle was trained on stay."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output, progress
    from movie_mlops.flows.lake_care import kept_versions
    from movie_mlops.lake import vacuum as vacuum_table

    lake, workspace = door.lake(home, dataset), door.workspace(home, dataset)
    with door.one_flow(workspace):
        kept = kept_versions(lake, workspace.models)
        reports = [
            vacuum_table(
                lake,
                name,
                keep_days=keep_days,
                kept=kept.get(name, ()),
                dry_run=dry_run,
                progress=progress.listener(),
            )
            for name in ([table] if table else lake.names())
        ]
    if as_json:
        output.print_json([asdict(report) for report in reports])
        return
    for report in reports:
        verb = "would free" if dry_run else "freed"
        gone = f", giving up {_versions(report.given_up)}" if report.given_up else ""
        typer.echo(f"{report.table}: {verb} {output.size(report.bytes)} in {len(report.files):,} files{gone}.")


@app.command()
def verify(
    table: OneTable = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Read every file of every version and compare it with the log and with its hash; exit code 1 on any defect."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output, progress
    from movie_mlops.lake import verify as verify_table

    lake = door.lake(home, dataset)
    found = [verify_table(lake, name, progress=progress.listener()) for name in ([table] if table else lake.names())]
    if as_json:
        output.print_json([asdict(one) for one in found])
    else:
        for one in found:
            _tell_verification(one)
    if any(one.defects for one in found):
        raise typer.Exit(1)


def _tell_verification(one: "Verification") -> None:
    from movie_mlops.cli import output

    for defect in one.defects:
        typer.echo(str(defect))
    if not one.defects:
        typer.echo(f"{one.table}: whole; {one.files:,} files of {one.versions:,} versions, {output.size(one.bytes)}.")
    if one.without_hash:
        typer.echo(
            f"{one.table}: {len(one.without_hash):,} files have no recorded hash; their bytes were not compared."
        )


def _versions(numbers: tuple[int, ...]) -> str:
    """Return version numbers as people write them: runs from their first to their last."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
    return f"{'version' if len(numbers) == 1 else 'versions'} {told}"
