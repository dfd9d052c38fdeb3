"""The audit log itself: written, searched, held against its seals."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, cast, insert, select

from movie_mlops.core import clock
from movie_mlops.core.digests import canonical_json
from movie_mlops.security.audit.entries import ENTRIES, SEALS, Entry, Outcome
from movie_mlops.security.audit.pseudonyms import Pseudonyms
from movie_mlops.state import FIRST, NOTHING, Break, Database, Link, first_break, seal_of

_AT_ONCE: Final = 1000
# As text: a row that somebody spoilt must be found, not stumbled over.
_AS_TEXT: Final = tuple(
    cast(column, Text).label(column.name) if column is ENTRIES.c.facts else column for column in ENTRIES.c
)


@dataclass(frozen=True)
class Verified:
    """What the seals say of the audit log.

    Attributes:
        entries: How many there are.
        head: The newest seal; ``None`` where nothing was written yet.
        broken: Where it is broken first; ``None`` where it is whole.
        has_noted: Whether a seal that was noted before is there; ``None`` where none was given.
    """

    entries: int
    head: str | None
    broken: Break | None
    has_noted: bool | None

    @property
    def whole(self) -> bool:
        """Whether every entry is what was written, and a noted seal is there."""
        return self.broken is None and self.has_noted is not False

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        broken = None if self.broken is None else vars(self.broken)
        return {"whole": self.whole, "entries": self.entries, "head": self.head, "broken": broken}


class AuditLog:
    """Takes entries and never changes them; safe to share between threads and processes.

    Args:
        database: The state database.
        pseudonyms: What nobody shall read is told by.
    """

    def __init__(self, database: Database, pseudonyms: Pseudonyms) -> None:
        self._database = database
        self.pseudonyms = pseudonyms

    def note(
        self,
        action: str,
        *,
        who: str,
        outcome: Outcome,
        target: str = "",
        origin: str = "",
        request_id: str = "",
        facts: Mapping[str, Any] | None = None,
    ) -> int:
        """Add an entry; it is on disk when this returns.

        Every text goes through the redaction of the logs; a user must be told by :meth:`Pseudonyms.user`.

        Args:
            action: What was asked for, such as ``release.promote``.
            who: Who asked.
            outcome: How it ended.
            target: On what.
            origin: From where.
            request_id: Of the HTTP request.
            facts: What else is worth knowing, plain data.

        Returns:
            The number of the entry.

        Raises:
            StateError: The database refuses.
        """
        clean = self.pseudonyms.words
        values = {
            "action": action,
            "who": clean(who),
            "target": clean(target),
            "origin": origin,
            "outcome": outcome.value,
            "request_id": request_id,
            "facts": json.loads(canonical_json(clean(dict(facts or {})))),
        }
        with self._database.write() as connection:
            return _append(connection, values)

    def search(
        self,
        *,
        action: str | None = None,
        who: str | None = None,
        target: str | None = None,
        outcome: Outcome | None = None,
        request_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> list[Entry]:
        """Return entries, the newest first.

        Args:
            action: Only those whose action begins so.
            who: Only what they asked for.
            target: Only those on it.
            outcome: Only those that ended so.
            request_id: Only those of a request.
            since: Only from then on.
            until: Only before then.
            limit: So many at most.
        """
        wanted: list[ColumnElement[bool]] = []
        for column, value in (
            (ENTRIES.c.who, who),
            (ENTRIES.c.target, target),
            (ENTRIES.c.outcome, None if outcome is None else outcome.value),
            (ENTRIES.c.request_id, request_id),
        ):
            if value is not None:
                wanted.append(column == value)
        if action is not None:
            wanted.append(ENTRIES.c.action.startswith(action, autoescape=True))
        if since is not None:
            wanted.append(ENTRIES.c.at >= clock.microseconds(since))
        if until is not None:
            wanted.append(ENTRIES.c.at < clock.microseconds(until))
        found = select(ENTRIES).where(*wanted).order_by(ENTRIES.c.entry_id.desc()).limit(limit)
        with self._database.read() as connection:
            return [Entry.of(row) for row in connection.execute(found)]

    def export(self) -> Iterator[dict[str, Any]]:
        """Return every entry with its seal, the oldest first, as plain data; not all of them are held in memory."""
        after = FIRST
        joined = select(ENTRIES, SEALS.c.before, SEALS.c.sha256).join(SEALS, SEALS.c.entry_id == ENTRIES.c.entry_id)
        while True:
            part = joined.where(ENTRIES.c.entry_id > after).order_by(ENTRIES.c.entry_id).limit(_AT_ONCE)
            with self._database.read() as connection:
                rows = connection.execute(part).all()
            for row in rows:
                yield {**Entry.of(row).to_json(), "before": row.before, "sha256": row.sha256}
            if len(rows) < _AT_ONCE:
                return
            after = rows[-1].entry_id

    def verify(self, noted: str | None = None) -> Verified:
        """Hold every entry against its seal; what is broken is named in the answer.

        Args:
            noted: A seal that was noted before: it must still be there.
        """
        joined: Select[Any] = select(*_AS_TEXT, SEALS.c.before, SEALS.c.sha256).select_from(
            ENTRIES.outerjoin(SEALS, SEALS.c.entry_id == ENTRIES.c.entry_id)
        )
        with self._database.read() as connection:
            links = [_link(row) for row in connection.execute(joined.order_by(ENTRIES.c.entry_id))]
            seals = connection.execute(select(SEALS.c.entry_id, SEALS.c.sha256).order_by(SEALS.c.entry_id)).all()
        # Without any seal nothing would be missed: entries without one were put there by somebody else.
        sealed = [row.entry_id for row in seals] or ([FIRST] if links else [])
        return Verified(
            entries=len(links),
            head=seals[-1].sha256 if seals else None,
            broken=first_break("entry", links, sealed),
            has_noted=None if noted is None else noted in {row.sha256 for row in seals},
        )


def _append(connection: Connection, values: dict[str, Any]) -> int:
    last = connection.execute(
        select(ENTRIES.c.entry_id, ENTRIES.c.at).order_by(ENTRIES.c.entry_id.desc()).limit(1)
    ).one_or_none()
    before = connection.execute(select(SEALS.c.sha256).order_by(SEALS.c.entry_id.desc()).limit(1)).scalar() or NOTHING
    # A clock that was set back must not turn the order round.
    at = max(clock.microseconds(clock.now()), FIRST if last is None else last.at + 1)
    said = {**values, "at": at, "previous_entry_id": FIRST if last is None else last.entry_id}
    entry_id: int = connection.execute(insert(ENTRIES).values(said).returning(ENTRIES.c.entry_id)).scalar_one()
    sha256 = seal_of("entry", {**said, "entry_id": entry_id}, before)
    connection.execute(insert(SEALS).values(entry_id=entry_id, before=before, sha256=sha256))
    return entry_id


def _link(row: Row[Any]) -> Link:
    said = {column.name: getattr(row, column.name) for column in ENTRIES.c}
    now = seal_of("entry", said | {"facts": _read(row.facts)}, row.before or NOTHING)
    return Link(row.entry_id, row.previous_entry_id, row.before, row.sha256, now)


def _read(facts: str) -> Any:
    """Return the facts of a row; what is no JSON is told as what no seal is of."""
    try:
        return json.loads(facts)
    except (TypeError, ValueError):
        return b""
