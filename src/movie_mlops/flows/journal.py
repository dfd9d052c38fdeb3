"""The journal of flows: what ran when, which versions of the lake it read, and which it made."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Integer, String, Table, Text, insert, select, update

from movie_mlops.core import clock
from movie_mlops.core.digests import canonical_json
from movie_mlops.flows.provenance import code_commit
from movie_mlops.lake import Lake, Uses
from movie_mlops.state import METADATA, Database

FLOWS = Table(
    "flows",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("flow", String(64), nullable=False),
    Column("started_at", String(40), nullable=False),
    Column("ended_at", String(40)),
    Column("outcome", String(64), nullable=False),
    Column("read", Text, nullable=False),
    Column("written", Text, nullable=False),
    Column("code_commit", String(64)),
)

_RUNNING = "running"


@dataclass(frozen=True)
class FlowRun:
    """One run of a flow.

    Attributes:
        flow: Its name; a step of the main job is ``run <step>``.
        started_at: When it began.
        ended_at: When it ended; ``None`` while it runs, and for one that was killed.
        outcome: ``done``, ``failed: <error>``, or ``running``.
        read: Table to the versions that it read.
        written: Table to the versions that it made.
        code_commit: The commit of the code that ran, where it ran in a checkout.
    """

    flow: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    read: dict[str, list[int]]
    written: dict[str, list[int]]
    code_commit: str | None

    def touches(self, table: str, version: int | None = None) -> bool:
        """Return whether it read or made this version of the table, or any."""
        versions = {*self.read.get(table, ()), *self.written.get(table, ())}
        return bool(versions) if version is None else version in versions


class FlowJournal:
    """Writes down each flow when it begins and when it ends.

    Args:
        database: Where it is kept.
        lake: The lake that notes what is read and written.
    """

    def __init__(self, database: Database, lake: Lake) -> None:
        self._database = database
        self._lake = lake

    @contextmanager
    def flow(self, name: str) -> Iterator[None]:
        """Journal the block as a flow. What a flow inside another one does counts for both."""
        with self._database.write() as connection:
            row = {"flow": name, "started_at": clock.to_iso(clock.now()), "outcome": _RUNNING}
            made = connection.execute(insert(FLOWS).values(**row, read="{}", written="{}", code_commit=self._commit))
            row_id = made.inserted_primary_key[0] if made.inserted_primary_key else None
        outcome = "failed"
        outer, self._lake.uses = self._lake.uses, Uses()
        try:
            yield
            outcome = "done"
        except BaseException as error:
            outcome = f"failed: {type(error).__name__}"
            raise
        finally:
            uses, self._lake.uses = self._lake.uses, outer
            outer.add(uses)
            told = {
                "ended_at": clock.to_iso(clock.now()),
                "outcome": outcome,
                "read": _plain(uses.read),
                "written": _plain(uses.written),
            }
            with self._database.write() as connection:
                connection.execute(update(FLOWS).where(FLOWS.c.id == row_id).values(**told))

    @cached_property
    def _commit(self) -> str | None:
        return code_commit()


def flow_runs(database: Database) -> list[FlowRun]:
    """Return every flow that was journaled, newest first."""
    with database.read() as connection:
        rows = connection.execute(select(FLOWS).order_by(FLOWS.c.id.desc())).mappings().all()
    return [_from_row(dict(row)) for row in rows]


def _from_row(row: dict[str, Any]) -> FlowRun:
    return FlowRun(
        flow=row["flow"],
        started_at=datetime.fromisoformat(row["started_at"]),
        ended_at=None if row["ended_at"] is None else datetime.fromisoformat(row["ended_at"]),
        outcome=row["outcome"],
        read=json.loads(row["read"]),
        written=json.loads(row["written"]),
        code_commit=row["code_commit"],
    )


def _plain(versions: dict[str, set[int]]) -> str:
    return canonical_json({table: sorted(numbers) for table, numbers in versions.items()}).decode()
