"""What each arm of a roll-out did on this server, and that this server lives: told to the state database regularly."""

import secrets
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite

from movie_mlops.core import clock
from movie_mlops.serving.exposures import Exposure
from movie_mlops.state import METADATA, Database

COUNTS: Final = Table(
    "rollout_counts",
    METADATA,
    Column("server", String(16), primary_key=True),
    Column("stage_id", Integer, primary_key=True, index=True),
    Column("arm", String(64), primary_key=True),
    Column("answers", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("slow", BigInteger, nullable=False),
    Column("popular", BigInteger, nullable=False),
    Column("agreed", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("lost", BigInteger, nullable=False),
    Column("unable", Text),
    # Microseconds since 1970 UTC.
    Column("at", BigInteger, nullable=False),
)
_KEY: Final = ("server", "stage_id", "arm")


@dataclass
class Tally:
    """What one arm did.

    Attributes:
        answers: How many lists it was asked for.
        errors: How many it could not give.
        slow: How many took too long.
        popular: How many were not personal.
        agreed: Of a shadow: the sum, over its answers, of the share of films that the champion's list had too.
        seconds: How long all of them took together.
    """

    answers: int = 0
    errors: int = 0
    slow: int = 0
    popular: int = 0
    agreed: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Reported:
    """What all servers said of one arm of one stage.

    Attributes:
        tally: Everything together.
        lost: How many answers could not be kept.
        unable: Why servers cannot answer with it, each reason once.
        servers: How many servers there were.
        last: When one was heard of last, in microseconds since 1970; 0 where none was.
    """

    tally: Tally
    lost: int
    unable: tuple[str, ...]
    servers: int
    last: int


class Counting:
    """The tallies of this server since it was started.

    Args:
        database: Where they are told.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._server = secrets.token_hex(8)
        self._tallies: defaultdict[tuple[int, str], Tally] = defaultdict(Tally)
        self._lost_before: dict[int, int] = {}
        self._lock = threading.Lock()

    def count(
        self, exposure: Exposure, *, seconds: float, slow_s: float, popular: bool = False, failed: bool = False
    ) -> None:
        """Count an answer, or one that could not be given."""
        # Answers are given on the loop's own thread, a shadow's on another.
        with self._lock:
            tally = self._tallies[exposure.stage_id, exposure.arm]
            tally.answers += 1
            tally.errors += failed
            tally.slow += seconds > slow_s
            tally.popular += popular and not failed
            tally.seconds += seconds

    def agree(self, exposure: Exposure, share: float) -> None:
        """Note how much of the champion's list a shadow's had too."""
        with self._lock:
            self._tallies[exposure.stage_id, exposure.arm].agreed += share

    def report(self, arms: Sequence[Exposure], *, unable: str | None, lost: int) -> None:
        """Tell what each arm did so far; without any answers it tells that this server lives.

        Args:
            arms: The arms of what goes on.
            unable: Why a bundle cannot be answered with, where that is so.
            lost: How many answers this server could not keep since it was started.

        Raises:
            StateError: The database refuses; the next report says it all.
        """
        if not arms:
            return
        now = clock.microseconds(clock.now())
        rows = []
        with self._lock:
            for exposure in arms:
                before = self._lost_before.setdefault(exposure.stage_id, lost)
                tally = asdict(self._tallies[exposure.stage_id, exposure.arm])
                key = {"server": self._server, "stage_id": exposure.stage_id, "arm": exposure.arm}
                rows.append({**key, **tally, "lost": lost - before, "unable": unable, "at": now})
        with self._database.write() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            statement = dialect.insert(COUNTS)
            changes = {c.name: statement.excluded[c.name] for c in COUNTS.columns if c.name not in _KEY}
            connection.execute(statement.on_conflict_do_update(index_elements=list(_KEY), set_=changes), rows)


def reported(database: Database, stage_id: int) -> dict[str, Reported]:
    """Return what all servers said of each arm of a stage."""
    with database.read() as connection:
        rows = connection.execute(select(COUNTS).where(COUNTS.c.stage_id == stage_id)).all()
    arms = sorted({row.arm for row in rows})
    return {arm: _together([row for row in rows if row.arm == arm]) for arm in arms}


def _together(rows: Sequence[Any]) -> Reported:
    sums = {name: sum(getattr(row, name) for row in rows) for name in asdict(Tally())}
    return Reported(
        tally=Tally(**sums),
        lost=sum(row.lost for row in rows),
        unable=tuple(sorted({row.unable for row in rows if row.unable})),
        servers=len(rows),
        last=max(row.at for row in rows),
    )
