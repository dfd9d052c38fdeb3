"""The runs of the loop: what was proposed, why, and what became of it, step by step."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Column, Connection, Float, Integer, Row, String, Table, Text, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from movie_mlops.core import clock
from movie_mlops.core.digests import canonical_json
from movie_mlops.events.triggers.errors import TriggerError
from movie_mlops.state import METADATA, Database

LOOP_RUNS: Final = Table(
    "loop_runs",
    METADATA,
    Column("run_id", Integer, primary_key=True, autoincrement=True),
    Column("trigger", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("stage", String(32), nullable=False),
    # 1 while it goes on, null afterwards: the database itself lets no second one begin.
    Column("going", Integer, unique=True),
    Column("champion", String(128), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("bundle_id", String(128)),
    Column("canary", String(128)),
    Column("attempts", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("began_at", String(40), nullable=False),
    Column("ended_at", String(40)),
    Column("steps", Text, nullable=False),
)


class Stage(StrEnum):
    """How far a run is."""

    PROPOSED = "proposed"
    CANARY = "canary"
    PROMOTED = "promoted"
    KEPT = "kept"
    REFUSED = "refused"
    WITHHELD = "withheld"
    TAKEN_BACK = "taken back"
    STOPPED = "stopped"
    FAILED = "failed"


CAME_TO_NOTHING: Final = frozenset({Stage.REFUSED, Stage.WITHHELD, Stage.TAKEN_BACK, Stage.FAILED})
"""The ends after which it is waited longer."""

_GOING: Final = frozenset({Stage.PROPOSED, Stage.CANARY})


@dataclass(frozen=True)
class Step:
    """One thing that happened in a run.

    Attributes:
        at: When.
        what: What, in a word or two.
        sentence: And why.
    """

    at: datetime
    what: str
    sentence: str


@dataclass(frozen=True)
class LoopRun:
    """A run of the loop.

    Attributes:
        run_id: Its number, from 1.
        trigger: The rule that proposed it, or ``manual``.
        reason: Why, in words.
        facts: What the rule found, and who asked.
        stage: How far it is.
        champion: The bundle that served when it began.
        rows: How many interactions there were then: what it learns from.
        bundle_id: What it made.
        canary: What its roll-out is called.
        attempts: How often it was begun.
        seconds: How long it has worked, in all attempts.
        began_at: When it was proposed.
        ended_at: When it ended; ``None`` while it goes on.
        steps: What happened, in order.
    """

    run_id: int
    trigger: str
    reason: str
    facts: Mapping[str, Any]
    stage: Stage
    champion: str
    rows: int
    bundle_id: str | None
    canary: str | None
    attempts: int
    seconds: float
    began_at: datetime
    ended_at: datetime | None
    steps: tuple[Step, ...]

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.stage in _GOING

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data; times are RFC 3339."""
        return {
            "run_id": self.run_id,
            "trigger": self.trigger,
            "reason": self.reason,
            "facts": dict(self.facts),
            "stage": self.stage.value,
            "champion": self.champion,
            "rows": self.rows,
            "bundle_id": self.bundle_id,
            "canary": self.canary,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 3),
            "began_at": clock.to_iso(self.began_at),
            "ended_at": None if self.ended_at is None else clock.to_iso(self.ended_at),
            "steps": [
                {"at": clock.to_iso(step.at), "what": step.what, "sentence": step.sentence} for step in self.steps
            ],
        }


class LoopRuns:
    """Keeps the runs; one goes on at a time.

    Args:
        database: The state database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, trigger: str, reason: str, facts: Mapping[str, Any], *, champion: str, rows: int, now: datetime
    ) -> LoopRun | None:
        """Begin a run; ``None`` where another goes on, begun by somebody else meanwhile.

        Raises:
            TriggerError: There is no reason.
        """
        if not reason.strip():
            raise TriggerError("A run was asked for without a reason.", next_step="Say why, with --reason.")
        first = _plain([Step(now, "proposed", reason)])
        values = {
            "trigger": trigger, "reason": reason, "facts": canonical_json(dict(facts)).decode(),
            "stage": Stage.PROPOSED.value, "going": 1, "champion": champion, "rows": rows, "attempts": 0,
            "seconds": 0.0, "began_at": clock.to_iso(now), "steps": first,
        }  # fmt: skip
        try:
            with self._database.write() as connection:
                made = connection.execute(insert(LOOP_RUNS).values(**values)).inserted_primary_key
                assert made is not None
                return _one(connection, made[0])
        except IntegrityError:
            return None

    def attempt(self, run: LoopRun) -> LoopRun:
        """Count another attempt at a run."""
        with self._database.write() as connection:
            here = LOOP_RUNS.c.run_id == run.run_id
            connection.execute(update(LOOP_RUNS).where(here).values(attempts=LOOP_RUNS.c.attempts + 1))
            return _one(connection, run.run_id)

    def move(
        self,
        run: LoopRun,
        stage: Stage,
        sentence: str,
        *,
        now: datetime,
        seconds: float = 0.0,
        bundle_id: str | None = None,
        canary: str | None = None,
    ) -> LoopRun | None:
        """Bring a run to another stage; ``None`` where somebody else has moved it meanwhile, and nothing was done.

        Args:
            run: As the caller saw it.
            stage: To where.
            sentence: Why.
            now: The time.
            seconds: So much longer it has worked.
            bundle_id: What it made.
            canary: What its roll-out is called.
        """
        ended = stage not in _GOING
        values: dict[str, Any] = {
            "stage": stage.value,
            "going": None if ended else 1,
            "ended_at": clock.to_iso(now) if ended else None,
            "seconds": LOOP_RUNS.c.seconds + seconds,
            "bundle_id": bundle_id or run.bundle_id,
            "canary": canary or run.canary,
            "steps": _plain([*run.steps, Step(now, stage.value, sentence)]),
        }
        unmoved = (LOOP_RUNS.c.run_id == run.run_id) & (LOOP_RUNS.c.stage == run.stage.value)
        with self._database.write() as connection:
            if not connection.execute(update(LOOP_RUNS).where(unmoved).values(**values)).rowcount:
                return None
            return _one(connection, run.run_id)

    def going(self) -> LoopRun | None:
        """Return the run that goes on."""
        with self._database.read() as connection:
            row = connection.execute(select(LOOP_RUNS).where(LOOP_RUNS.c.going == 1)).one_or_none()
        return None if row is None else _of(row)

    def newest(self, count: int = 20) -> list[LoopRun]:
        """Return so many runs, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(LOOP_RUNS).order_by(LOOP_RUNS.c.run_id.desc()).limit(count)).all()
        return [_of(row) for row in rows]

    def by_stage(self) -> dict[Stage, int]:
        """Return how many runs there are of each stage, none of them left out."""
        counted = select(LOOP_RUNS.c.stage, func.count().label("runs")).group_by(LOOP_RUNS.c.stage)
        with self._database.read() as connection:
            found = {row.stage: row.runs for row in connection.execute(counted)}
        return {stage: found.get(stage.value, 0) for stage in Stage}

    def since(self, moment: datetime) -> list[LoopRun]:
        """Return the runs that began since a time, and the newest before them, the newest first."""
        found: list[LoopRun] = []
        for run in self.newest(1000):
            found.append(run)
            if run.began_at < moment:
                break
        return found


def lately(now: datetime) -> datetime:
    """Return since when runs count against the budget."""
    return now - timedelta(days=1)


def _one(connection: Connection, run_id: int) -> LoopRun:
    return _of(connection.execute(select(LOOP_RUNS).where(LOOP_RUNS.c.run_id == run_id)).one())


def _of(row: Row[Any]) -> LoopRun:
    told = row._asdict()
    told.pop("going")
    steps = (Step(datetime.fromisoformat(at), what, sentence) for at, what, sentence in json.loads(told["steps"]))
    ended = told["ended_at"]
    return LoopRun(
        **{
            **told,
            "facts": json.loads(told["facts"]),
            "stage": Stage(told["stage"]),
            "began_at": datetime.fromisoformat(told["began_at"]),
            "ended_at": None if ended is None else datetime.fromisoformat(ended),
            "steps": tuple(steps),
        }
    )


def _plain(steps: list[Step]) -> str:
    return canonical_json([[clock.to_iso(step.at), step.what, step.sentence] for step in steps]).decode()
