"""What every benchmark's command does alike: measure, keep the record, say it."""

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from movie_mlops.core.progress import Progress

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Where to (default: reports/benchmarks, by the benchmark's name)."),
]
"""Where the record goes."""

Found = Mapping[str, Any]
"""What a benchmark found, as its record holds it."""


class Bench(Protocol):
    """A benchmark with everything but where its record goes."""

    def __call__(self, out: Path, *, command: str, progress: Progress) -> dict[str, Any]:
        """Measure, write the record and return it."""
        ...


def measure(
    name: str, bench: Bench, tell: Callable[[Found], None], *, out: Path | None, home: Path | None, as_json: bool
) -> None:
    """Run a benchmark and say what it found, and on how busy a machine.

    Args:
        name: Under which its record is kept where nobody says otherwise.
        bench: The benchmark.
        tell: Says what it found to a person.
        out: The record's file.
        home: The folder of all state.
        as_json: For programs.
    """
    from movie_mlops.cli import door, output, progress

    file = out or door.settings(home).home / "reports" / "benchmarks" / f"{name}.json"
    command = "movie-mlops " + shlex.join(sys.argv[1:])
    found = bench(file, command=command, progress=progress.listener())
    if as_json:
        output.print_json(found)
        return
    tell(found)
    machine = found["machine"]
    typer.echo(f"\nLoad average {machine['load_average_before']} before, {machine['load_average_after']} after: {file}")


def table(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows under each other."""
    from movie_mlops.cli import output

    output.print_rows([dict(row) for row in rows], as_json=False)


def verdict(target: Found) -> str:
    """Say whether a target is met."""
    return "met" if target["met"] else "missed"


def tell_limits(found: Found) -> None:
    """Say of each figure what it should be at least or at most."""
    for target in found["targets"]:
        limit = f"at least {target['at_least']:g}" if "at_least" in target else f"at most {target['at_most']:g}"
        lead = target.get("difference")
        certain = "" if lead is None else f" and a lead above 0 ({lead['low']:+.4f} to {lead['high']:+.4f})"
        typer.echo(f"{target['what']}: {target['measured']:g}, {limit}{certain}: {verdict(target)}")


def own_python(name: str, given: Path | None, home: Path | None) -> Path | None:
    """Return the Python of a rival's environment: the one that was named, or the one that scripts/setup makes."""
    from movie_mlops.cli import door

    made = door.settings(home).home / ".venv" / name / "bin" / "python"
    return given or (made if made.is_file() else None)
