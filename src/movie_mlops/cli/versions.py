"""The commands of ``movie-mlops lake`` about versions: compare them, name them, go back to them."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.lake import ColumnChange, Lake, TableDiff

_WIDE: Final = 48
Reference = "a version's number, newest, a tag, or a time such as 2026-01-31T12:00:00Z"


def diff(
    before: Annotated[str, typer.Argument(help=f"The one version: {Reference}.")],
    after: Annotated[str, typer.Argument(help="The other version.")] = "newest",
    table: Annotated[str | None, typer.Option("--table", help="Only this table (default: every one of them).")] = None,
    examples: Annotated[int, typer.Option("--rows", min=0, help="How many rows of each kind to show.")] = 3,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare two versions: rows added, removed and changed, and how the columns' values are spread."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output, progress
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.features import VIEWS
    from movie_mlops.lake import diff as compare
    from movie_mlops.lake import find_version

    lake = door.lake(home, dataset)
    if table is None and any(one.isdecimal() for one in (before, after)):
        raise ConfigurationError(
            "Each table counts its own versions.", next_step="Say which one is meant, for example --table interactions."
        )
    found = []
    for name in [table] if table else _tables_of(lake, before, after):
        versions = [find_version(lake, name, reference) for reference in (before, after)]
        view = next((view for view in VIEWS if view.name == name), None)
        key = view.entity.key_names if view else ()
        found.append(compare(lake, name, *versions, key=key, examples=examples, progress=progress.listener()))
    if as_json:
        output.print_json([asdict(one) for one in found])
        return
    for one in found:
        _tell(one)


def tag(
    name: Annotated[str, typer.Argument(help="Lower-case words joined by '-', such as before-spring.")],
    at: Annotated[str, typer.Option("--at", help="What to tag: newest, or a time.")] = "newest",
    message: Annotated[str, typer.Option("--message", help="Why.")] = "",
    delete: Annotated[bool, typer.Option("--delete", help="Take the tag away.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a name to the versions that all tables have now; a vacuum keeps what they need."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output
    from movie_mlops.lake import find_version, make_tag, remove_tag

    lake = door.lake(home, dataset)
    with door.one_flow(door.workspace(home, dataset)):
        if delete:
            made = remove_tag(lake, name)
        else:
            versions = {table: find_version(lake, table, at) for table in _tables_at(lake, at)}
            made = make_tag(lake, name, versions=versions or None, message=message)
    if as_json:
        output.print_json(asdict(made))
        return
    told = ", ".join(f"{table} {version}" for table, version in made.versions.items())
    typer.echo(f"Tag {name} is gone; it named {told}." if delete else f"Tag {name} names {told}.")


def tags(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List the tags, and the versions that they name."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output
    from movie_mlops.core.clock import to_iso
    from movie_mlops.lake import tags as list_tags

    found = list_tags(door.lake(home, dataset))
    if as_json:
        output.print_json([asdict(one) for one in found])
        return
    rows = [
        {
            "tag": one.name,
            "made": to_iso(one.made_at),
            "versions": ", ".join(f"{table} {version}" for table, version in one.versions.items()),
            "message": one.message,
        }
        for one in found
    ]
    output.print_rows(rows, as_json=False)


def restore(
    reference: Annotated[str, typer.Argument(help=f"What to go back to: {Reference}.")],
    table: Annotated[
        str | None, typer.Option("--table", help="Only this table (default: every one that the tag or the time has).")
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Give tables the rows of an earlier version, as a new version; nothing is forgotten."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.lake import find_version
    from movie_mlops.lake import restore as put_back

    lake = door.lake(home, dataset)
    if table is None and reference.isdecimal():
        raise ConfigurationError(
            "Each table counts its own versions.", next_step="Say which one is meant, for example --table interactions."
        )
    workspace = door.workspace(home, dataset)
    with door.one_flow(workspace), door.journaled("lake restore", workspace, lake):
        # Every version is found and readable before the first table changes.
        wanted = {
            name: find_version(lake, name, reference) for name in ([table] if table else _tables_at(lake, reference))
        }
        done = [put_back(lake, name, version) for name, version in wanted.items()]
    if as_json:
        output.print_json([asdict(one) for one in done])
        return
    for one in done:
        what = "has these rows already" if one.version is None else f"version {one.version} now"
        typer.echo(f"{one.table}: {one.rows:,} rows of version {one.restored}; {what}.")
    if any(one.version is not None for one in done):
        typer.echo("What is served still knows the rows that went: movie-mlops features materialise --all")


def uses(
    table: Annotated[str | None, typer.Argument(help="Only flows that read or made this table.")] = None,
    version: Annotated[int | None, typer.Option("--version", min=0, help="Only this version of it.")] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """List what ran, newest first: which versions it read, and which it made."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output
    from movie_mlops.core.clock import to_iso
    from movie_mlops.flows.journal import flow_runs

    with door.platform(home, dataset) as platform:
        if table is not None:
            platform.lake.require(table)
        found = [run for run in flow_runs(platform.database) if table is None or run.touches(table, version)]
    if as_json:
        output.print_json([asdict(run) for run in found])
        return
    rows = [
        {
            "flow": run.flow,
            "started": to_iso(run.started_at),
            "outcome": run.outcome,
            "read": _versions(run.read),
            "made": _versions(run.written),
            "commit": _commit(run.code_commit),
        }
        for run in found
    ]
    output.print_rows(rows, as_json=False)


def _versions(versions: dict[str, list[int]]) -> str:
    return ", ".join(f"{table} {number}" for table, numbers in sorted(versions.items()) for number in numbers)


def _commit(commit: str | None) -> str:
    """Return the first digits, and a plus where files differed."""
    name, changed, _ = (commit or "-").partition("+")
    return name[:12] + changed


def _tables_of(lake: "Lake", before: str, after: str) -> list[str]:
    """Return the tables that both references name."""
    has = set(_tables_at(lake, after))
    return [table for table in _tables_at(lake, before) if table in has]


def _tables_at(lake: "Lake", reference: str) -> list[str]:
    """Return the tables that a reference names: those of the tag, or those that there were at the time."""
    from movie_mlops.lake import moment_of, read_tag

    if reference == "newest":
        return lake.names()
    moment = moment_of(reference)
    if moment is None:
        return list(read_tag(lake, reference).versions)
    return [table for table in lake.names() if lake.commit(table, 0).time <= moment]


def _tell(one: "TableDiff") -> None:
    from movie_mlops.cli import output

    before, after = one.versions
    typer.echo(f"{one.table}, version {before} to {after}: {one.rows[0]:,} to {one.rows[1]:,} rows.")
    if one.is_empty:
        typer.echo("  the same rows\n")
        return
    typer.echo(f"  {one.added:,} added, {one.removed:,} removed, {one.changed:,} changed")
    for word, names in (("new", one.new_columns), ("lost", one.lost_columns)):
        if names:
            typer.echo(f"  {word} columns: {', '.join(names)}")
    if one.columns:
        typer.echo("")
        output.print_rows([_row(change) for change in one.columns], as_json=False)
    for kind, rows in one.examples.items():
        if rows:
            typer.echo(f"\n{kind}, for example:")
            output.print_rows([{name: _short(value) for name, value in row.items()} for row in rows], as_json=False)
    typer.echo("")


def _row(change: "ColumnChange") -> dict[str, str]:
    """Return a column's change as a row of a table: what is the same is left empty."""
    pairs = {
        "missing": change.nulls,
        "different": change.distinct,
        "least": change.least,
        "largest": change.largest,
        "mean": change.mean,
    }
    told = {
        name: "" if pair is None or pair[0] == pair[1] else " → ".join(map(_short, pair))
        for name, pair in pairs.items()
    }
    return {"column": change.column, **told}


def _short(value: object) -> str:
    """Return a value as it fits into a column."""
    from datetime import datetime

    from movie_mlops.core.clock import to_iso

    if isinstance(value, list):
        return " → ".join(map(_short, value)) if len(value) == 2 else ", ".join(map(_short, value))  # noqa: PLR2004 - a pair
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    told = "-" if value is None else str(value)
    return told if len(told) <= _WIDE else told[: _WIDE - 1] + "…"
