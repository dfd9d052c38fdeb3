"""Steps that are skipped when nothing that they depend on has changed.

A step is named, has inputs (plain data that say what it depends on) and a result (plain data that say what it made).
Its fingerprint is the digest of its inputs and of the source code that it runs. When the fingerprint of the last run is
the same and what it made is still there, the step is skipped and gives the old result.
"""

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Column, String, Table, Text, delete, insert, select

from movie_mlops.core import clock
from movie_mlops.core.digests import Plain, canonical_json, digest
from movie_mlops.core.memory import peak_memory_mib, reset_peak_memory
from movie_mlops.flows.errors import BusyError, FlowError
from movie_mlops.flows.journal import FlowJournal
from movie_mlops.flows.provenance import code_digest
from movie_mlops.state import METADATA, Database

Result = dict[str, Any]

STEPS = Table(
    "steps",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("result", Text, nullable=False),
    Column("finished_at", String(40), nullable=False),
)


@dataclass(frozen=True)
class StepReport:
    """What became of one step.

    Attributes:
        name: The step.
        status: Whether it ran or was skipped because its inputs had not changed.
        seconds: Wall time.
        peak_memory_mib: Highest resident memory of the process during the step, in MiB.
        result: What it made, as plain data.
    """

    name: str
    status: Literal["done", "skipped"]
    seconds: float
    peak_memory_mib: float
    result: Result

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return asdict(self)


class Enough(Exception):  # noqa: N818 - it is no error: what was asked for is done
    """The one step that was asked for has ended."""


class Steps:
    """Runs steps, remembers them in the state database and tells a listener.

    Args:
        database: Where the fingerprints are kept.
        journal: Where each step that runs is written down.
        only: The one step to run: those before it must be done, and give what they made; ``None`` runs all.
        on_start: Called with a step's name when it is about to run.
        on_end: Called with its report when it has ended or was skipped.
    """

    def __init__(
        self,
        database: Database,
        journal: FlowJournal,
        *,
        only: str | None = None,
        on_start: Callable[[str], None] = lambda _name: None,
        on_end: Callable[[StepReport], None] = lambda _report: None,
    ) -> None:
        self._database = database
        self._journal = journal
        self._only = only
        self._on_start = on_start
        self._on_end = on_end
        self.reports: list[StepReport] = []

    def run(
        self,
        name: str,
        *,
        inputs: Plain,
        rooms: Sequence[str],
        work: Callable[[], Result],
        still_there: Callable[[Result], bool],
        from_outside: bool = False,
    ) -> Result:
        """Run ``work``, or skip it.

        Args:
            name: The step's name.
            inputs: Everything that the outcome depends on, as plain data.
            rooms: The rooms whose code it runs: a change of their source runs it again.
            work: Does it and returns plain data.
            still_there: Whether what an earlier run made is still there, given its result.
            from_outside: Whether its inputs change by themselves: a later step that runs alone then goes on from what
                this one made, whatever came in since.

        Raises:
            FlowError: Another step is to run alone, and this one, which it builds on, is not done.
            Enough: This was the one step to run.
        """
        started = time.perf_counter()
        if self._only not in {None, name} and from_outside and (made := previous(self._database, name)) is not None:
            return self._report(name, "skipped", started, made)
        fingerprint = digest({"inputs": inputs, "code": code_digest(rooms)})
        earlier = self._earlier(name, fingerprint)
        if earlier is not None and still_there(earlier):
            return self._report(name, "skipped", started, earlier)
        if self._only not in {None, name}:
            raise FlowError(
                f"The step {self._only!r} builds on {name!r}, which is not done with what there is now.",
                next_step=f"Run it first, with --only {name} and the same source, or leave --only out.",
            )
        self._on_start(name)
        reset_peak_memory()
        # Forgotten first: a step that dies half-way must not look finished.
        with self._database.write() as connection:
            connection.execute(delete(STEPS).where(STEPS.c.name == name))
        with self._journal.flow(f"run {name}"):
            result = json.loads(canonical_json(work()))
        with self._database.write() as connection:
            row = {"name": name, "fingerprint": fingerprint, "result": json.dumps(result)}
            connection.execute(insert(STEPS).values(**row, finished_at=clock.to_iso(clock.now())))
        return self._report(name, "done", started, result)

    def _earlier(self, name: str, fingerprint: str) -> Result | None:
        query = select(STEPS.c.result).where(STEPS.c.name == name, STEPS.c.fingerprint == fingerprint)
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else json.loads(found)

    def _report(self, name: str, status: Literal["done", "skipped"], started: float, result: Result) -> Result:
        report = StepReport(name, status, round(time.perf_counter() - started, 3), peak_memory_mib(), result)
        self.reports.append(report)
        if self._only in {None, name}:
            self._on_end(report)
        if self._only == name:
            raise Enough
        return result


def previous(database: Database, name: str) -> Result | None:
    """Return what a step made when it last ended, whatever its inputs were."""
    with database.read() as connection:
        found = connection.execute(select(STEPS.c.result).where(STEPS.c.name == name)).scalar_one_or_none()
    return None if found is None else json.loads(found)


@contextmanager
def one_at_a_time(lock: Path, what: str = "a flow on this data set") -> Iterator[None]:
    """Hold ``lock`` while the block runs, so that two flows never write the same data set.

    Args:
        lock: The file.
        what: What is done under it, for the error.

    Raises:
        BusyError: Another process holds it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"Another process is already running {what} (it holds {lock}).",
                next_step="Wait until it has ended, or use another folder with --home.",
            ) from error
        yield
