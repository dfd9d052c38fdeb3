"""How results are printed: JSON for programs, a table for people."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer

_WIDE: Final = 400


def print_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print rows as a table, or as a JSON list."""
    if as_json:
        print_json([dict(row) for row in rows])
        return
    if not rows:
        typer.echo("Nothing here yet.")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, value in rows[0].items():
        table.add_column(name, justify="right" if isinstance(value, int | float) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    # A pipe has no width: a row stays on its line there.
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    console.print(table)


def size(number: float | None) -> str:
    """Return bytes as people read them."""
    if number is None:
        return "-"
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:  # noqa: PLR2004 - as the units say
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} GiB"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return str(value)
