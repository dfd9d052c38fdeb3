"""Every answer is kept: written in batches by a thread of its own, so that no request waits for the disk.

A row is made by the request whose answer it is. The thread that writes would make hundreds one after the other, and no
request is answered while it does.
"""

import logging
import queue
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import BigInteger, Column, Connection, Integer, Row, String, Table, Text, select
from sqlalchemy.exc import SQLAlchemyError

from movie_mlops.core import clock
from movie_mlops.release import Release
from movie_mlops.security.people import People, Purpose
from movie_mlops.serving.exposures import Exposure, exposures_of, keep_exposures
from movie_mlops.serving.served import Served, keep
from movie_mlops.state import METADATA, Database, StateError, gained, run_for_each

_LOG: Final = logging.getLogger("movie_mlops.serving.impressions")
_RETRY_SECONDS: Final = 0.5
_FINAL_TRIES: Final = 3

IMPRESSIONS: Final = Table(
    "impressions",
    METADATA,
    Column("recommendation_id", String(32), primary_key=True),
    Column("at", String(32), nullable=False, index=True),
    Column("user_id", Text, index=True),
    Column("release_id", Integer, index=True),
    Column("source", String(16), nullable=False),
    Column("items", Text, nullable=False),
    Column("request", Text, nullable=False),
    gained("bundle_id", Text()),
    gained("stamp", BigInteger()),
    gained("propensities", Text()),
    gained("policy", Text()),
)

# A commit whose answer was lost is repeated, and must not be refused the second time. The driver is given the rows as
# they are: while they are made ready for it, no request is answered.
_PUT: Final = (
    f"INSERT INTO impressions ({', '.join(IMPRESSIONS.columns.keys())})"  # noqa: S608 - the table's own names
    f" VALUES ({', '.join('?' * len(IMPRESSIONS.columns))}) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Impression:
    """One answer as it was given.

    Attributes:
        recommendation_id: Its id.
        at: When (aware UTC).
        user_id: To whom; ``None`` for somebody without an account.
        release_id: The release that was in force; ``None`` where none was loaded.
        source: ``personalised`` or ``popular``.
        items: The films in order, each with its score.
        request: What was asked, as plain data.
        served: What it was made from, where it is one of the sample.
        bundle_id: Which bundle answered: the release's own, or that of an arm of a roll-out.
        stamp: The version of the features behind it: the place in the event log up to which the history had everything.
        exposures: The arms of roll-outs that its user had.
        propensities: How probable the choice of each place was, given those above it; ``None``: nothing was left to
            chance.
        policy: By which rule chance had a part in it, and what it chose from.
    """

    recommendation_id: str
    at: datetime
    user_id: str | None
    release_id: int | None
    source: str
    items: Sequence[tuple[int, float]]
    request: Mapping[str, Any]
    served: Served | None = None
    bundle_id: str | None = None
    stamp: int | None = None
    exposures: tuple[Exposure, ...] = ()
    propensities: tuple[float, ...] | None = None
    policy: Mapping[str, Any] | None = None

    def release(self, releases: Iterable[Release]) -> Release | None:
        """Return the release that answered, of those in the ledger: the one in force, with the bundle that did."""
        found = next((release for release in releases if release.release_id == self.release_id), None)
        if found is None or self.bundle_id in {None, found.bundle_id}:
            return found
        assert self.bundle_id is not None
        return found.with_bundle(self.bundle_id)

    def document(self) -> dict[str, Any]:
        """Return the impression as plain data."""
        return {
            "recommendation_id": self.recommendation_id,
            "at": clock.to_iso(self.at),
            "user_id": self.user_id,
            "source": self.source,
            "items": [{"movie_id": movie_id, "score": score} for movie_id, score in self.items],
            "request": dict(self.request),
            "bundle_id": self.bundle_id,
            "stamp": self.stamp,
            "experiments": [exposure.document() for exposure in self.exposures],
            "propensities": self.propensities,
            "policy": self.policy,
        }


class _Waiting(NamedTuple):
    """An answer that waits to be written: its row, whom it was given to or was about, and what goes with it."""

    row: tuple[Any, ...]
    people: frozenset[str]
    served: Served | None
    exposures: Sequence[tuple[str, str, int, Exposure]]


class Impressions:
    """The answers that were given.

    The queue is bounded. When it is full — the database has been refusing for long — an answer is still given and its
    id is real, but it is not kept: it is counted in ``dropped``, and its passport will not be found.

    Args:
        database: Where they are kept.
        capacity: How many may wait.
        batch: How many one transaction writes at most.
        delay_seconds: How long the first of a batch waits for company.
        people: Whose answers are not kept.
    """

    def __init__(
        self,
        database: Database,
        *,
        capacity: int = 10_000,
        batch: int = 200,
        delay_seconds: float = 0.25,
        people: People | None = None,
    ) -> None:
        self._database = database
        self._people = people
        self._batch = batch
        self._delay_seconds = delay_seconds
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._capacity = capacity
        self._writing = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="impressions", daemon=True)
        self._unwritten: list[_Waiting] = []
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How many answers are not written yet."""
        return self._waiting.qsize() + len(self._unwritten)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def keep(self, impression: Impression) -> bool:
        """Have an answer written soon; return whether it will be."""
        if self.waiting >= self._capacity:
            self.dropped += 1
            return False
        self._waiting.put(_Waiting(_row(impression), people_of(impression), impression.served, _exposures(impression)))
        return True

    def find(self, recommendation_id: str) -> Impression | None:
        """Return an answer that was given, also one given just now.

        Raises:
            StateError: The database refuses.
        """
        statement = select(IMPRESSIONS).where(IMPRESSIONS.c.recommendation_id == recommendation_id)
        for write_first in (False, True):
            if write_first:
                self.flush()
            with self._database.read() as connection:
                row = connection.execute(statement).one_or_none()
                if row is not None:
                    return replace(read(row), exposures=exposures_of(connection, recommendation_id))
        return None

    def flush(self) -> None:
        """Write what waits.

        Raises:
            StateError: The database refuses; what waits goes on waiting.
        """
        while self._write_batch():
            pass

    def stop(self) -> None:
        """Write what waits, then stop; what the database refuses to the end is counted as dropped."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()
        for _ in range(_FINAL_TRIES):
            try:
                self.flush()
            except (SQLAlchemyError, StateError) as error:
                _LOG.warning("answers cannot be written: %s", error)
            else:
                return
        self.dropped += self.waiting
        _LOG.error("%d answers were given but not kept", self.waiting)

    def _work(self) -> None:
        while not self._stopped.is_set():
            # A pause between batches gives company to the first of the next one.
            pause = self._delay_seconds
            try:
                while self._write_batch() == self._batch:
                    pass
            except (SQLAlchemyError, StateError) as error:
                _LOG.warning("answers cannot be written, they wait: %s", error)
                pause = _RETRY_SECONDS
            self._stopped.wait(pause)

    def _write_batch(self) -> int:
        """Write one batch; return how many answers it held."""
        with self._writing:
            while len(self._unwritten) < self._batch:
                try:
                    self._unwritten.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            written = len(self._unwritten)
            if written:
                with self._database.write() as connection:
                    kept = self._may_be_kept(connection)
                    run_for_each(connection, _PUT, [each.row for each in kept])
                    keep(connection, [each.served for each in kept if each.served is not None])
                    keep_exposures(connection, [exposure for each in kept for exposure in each.exposures])
                self._unwritten.clear()
            return written

    def _may_be_kept(self, connection: Connection) -> list[_Waiting]:
        """Return what waits but for answers to people of whom none may be kept, or about them."""
        if self._people is None:
            return self._unwritten
        asked = frozenset().union(*(each.people for each in self._unwritten))
        gone = self._people.left_out(asked, Purpose.ANSWERS, connection).all
        return [each for each in self._unwritten if gone.isdisjoint(each.people)] if gone else self._unwritten


def people_of(impression: Impression) -> frozenset[str]:
    """Return whom an answer was given to or was about: a list for a group is about each of its members."""
    members = (member.get("user_id") for member in impression.request.get("members", ()))
    return frozenset(user for user in (impression.user_id, *members) if user is not None)


def read(row: Row[Any]) -> Impression:
    """Return what a row of :data:`IMPRESSIONS` says."""
    return Impression(
        recommendation_id=row.recommendation_id,
        at=datetime.fromisoformat(row.at),
        user_id=row.user_id,
        release_id=row.release_id,
        source=row.source,
        items=[(movie_id, score) for movie_id, score in orjson.loads(row.items)],
        request=orjson.loads(row.request),
        bundle_id=row.bundle_id,
        stamp=row.stamp,
        propensities=None if row.propensities is None else tuple(orjson.loads(row.propensities)),
        policy=None if row.policy is None else orjson.loads(row.policy),
    )


def _row(impression: Impression) -> tuple[Any, ...]:
    """Return an impression in the order of the table's columns."""
    return (
        impression.recommendation_id,
        clock.to_iso(impression.at),
        impression.user_id,
        impression.release_id,
        impression.source,
        orjson.dumps(list(impression.items)).decode(),
        orjson.dumps(impression.request).decode(),
        impression.bundle_id,
        impression.stamp,
        None if impression.propensities is None else orjson.dumps(impression.propensities).decode(),
        None if impression.policy is None else orjson.dumps(impression.policy).decode(),
    )


def _exposures(impression: Impression) -> Sequence[tuple[str, str, int, Exposure]]:
    """Return the arms that its user had, each with the answer, the user and when."""
    if impression.user_id is None or not impression.exposures:
        return ()
    at = clock.microseconds(impression.at)
    return [(impression.recommendation_id, impression.user_id, at, exposure) for exposure in impression.exposures]
