"""All that was aimed at and measured, in one document: what is missed first, and nothing left out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from movie_mlops.bench.errors import BenchError

REFERENCE: Final = "docs/00-overview/benchmarks-reference.md"
RECORDS: Final = "reports/benchmarks"
_LARGE: Final = 1000

_BEGINNING: Final = """\
<!-- Written by 'movie-mlops bench reference' from reports/benchmarks. Measure again, and write it again. -->

# Benchmarks: what was aimed at, and what was measured

Each record in `reports/benchmarks/` was written by the command above its table; nothing here was typed by hand.
Times are of the machine that is named, and a machine may be twice as fast in the next hour: ratios to a rival of the
same run say more. What was measured without an aim is in the records alone.
"""


class _Aim(NamedTuple):
    """One figure that something was aimed at for."""

    record: str
    what: str
    limit: str
    measured: str
    met: bool

    def row(self, *, named: bool) -> str:
        """Return it as a row of a table, with the record's name or with whether it is met."""
        cells = [self.what, self.limit, self.measured]
        cells = [f"`{self.record}`", *cells] if named else [*cells, "met" if self.met else "**missed**"]
        return f"| {' | '.join(cells)} |"


def reference_text(folder: Path) -> str:
    """Return the document.

    Args:
        folder: Where the records are.

    Raises:
        BenchError: There is none, or one cannot be read.
    """
    records = dict(_records(folder))
    if not records:
        raise BenchError(
            f"{folder} holds no record of a benchmark.", next_step="Measure first: movie-mlops bench --help"
        )
    aims = {name: _aims(name, record) for name, record in records.items()}
    every = [aim for some in aims.values() for aim in some]
    missed = [aim for aim in every if not aim.met]
    text = [_BEGINNING, f"Of {len(every)} aims {len(every) - len(missed)} are met.", ""]
    if missed:
        text += ["## What is missed", "", "| record | what | aimed at | measured |", "|---|---|---|---|"]
        text += [*(aim.row(named=True) for aim in missed), ""]
    text += ["## The records", ""]
    for name, record in records.items():
        text += [f"### `{name}`", "", "```bash", str(record["command"]), "```", "", _circumstances(record), ""]
        if aims[name]:
            text += ["| what | aimed at | measured | |", "|---|---|---|---|"]
            text += [*(aim.row(named=False) for aim in aims[name]), ""]
    return "\n".join(text)


def _records(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted(folder.glob("*.json")):
        try:
            record = json.loads(path.read_text("utf-8"))
            _ = record["benchmark"], record["command"], record["at"], record["machine"]["processor"]
        except (ValueError, KeyError, TypeError) as error:
            raise BenchError(
                f"{path} is no record of a benchmark ({error}).", next_step="Measure it again, or take it away."
            ) from error
        yield path.name, record


def _aims(name: str, record: Mapping[str, Any]) -> Sequence[_Aim]:
    return [_aim(name, target) for target in record.get("targets") or ()]


def _aim(name: str, target: Mapping[str, Any]) -> _Aim:
    """Return what a target says.

    Some records say a limit and not on which side of it to be; whether they hold it to be met tells that.
    """
    about = [str(target[part]) for part in ("contender", "run", "what", "rival", "model") if part in target]
    measured = float(target.get("measured", target.get("measured_ms", 0.0)))
    unit = " ms" if "measured_ms" in target else ""
    if "at_least" in target:
        side, limit = "at least", float(target["at_least"])
    elif "at_most" in target:
        side, limit = "at most", float(target["at_most"])
    else:
        limit = float(target.get("limit", target.get("limit_ms", 0.0)))
        side = "at most" if (measured <= limit) == target["met"] else "at least"
    lead = target.get("difference")
    certain, interval = "", ""
    if lead is not None:
        certain, interval = ", ahead for certain", f" ({lead['low']:+.4g} to {lead['high']:+.4g})"
    return _Aim(
        name,
        ", ".join(about).replace("|", "\\|"),
        f"{side} {_number(limit)}{unit}{certain}",
        f"{_number(measured)}{unit}{interval}",
        bool(target["met"]),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() or abs(value) >= _LARGE else f"{value:.4g}"


def _circumstances(record: Mapping[str, Any]) -> str:
    machine = record["machine"]
    busy = machine.get("load_average_before")
    return (
        f"{record['at'][:10]}, {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']:g} GiB, "
        f"{machine['python']}{'' if busy is None else f'; load average before it: {busy:g}'}."
    )
