"""The steps that take somebody's data out of its places: all of it, or what is kept for some purposes.

Each may be repeated: what is gone stays gone.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from sqlalchemy import delete

from movie_mlops.core.digests import digest
from movie_mlops.features.online.materialise import STATES
from movie_mlops.features.online.record import ROWS
from movie_mlops.flows.backups import shred
from movie_mlops.flows.carrying import stream_of
from movie_mlops.flows.erasure import files, lake_rows, state_rows
from movie_mlops.flows.materialise import materialise
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, erase_rows, holding
from movie_mlops.security.envelope import DataKeys, facts_of
from movie_mlops.security.erasure import ERASED, Kind
from movie_mlops.security.erasure.places import columns_of
from movie_mlops.security.purposes import Purpose

Step = tuple[str, Callable[[], Any]]
KEYS: Final = frozenset({"back-ups", "facts"})
"""The steps that destroy keys: also of somebody of whom nothing is here, something may lie elsewhere."""


class Taking:
    """Takes somebody's data out.

    Args:
        platform: The stores, with Redis where there is one.
        user_id: Who.
        purposes: What it was kept for; ``None``: whatever for.
    """

    def __init__(self, platform: Platform, user_id: str, purposes: Collection[Purpose] | None = None) -> None:
        self._platform, self._user, self._purposes = platform, user_id, purposes

    def left(self) -> dict[str, Any]:
        """Return what there is, by place."""
        with self._platform.database.read() as connection:
            state = state_rows.count(connection, self._user, self._purposes)
        workspace = self._platform.workspace
        return {
            "lake": self._held(),
            "state": state,
            "files": files.erase(workspace, self._user, self._purposes, dry_run=True),
        }

    def steps(self) -> Iterator[Step]:
        """Yield what is to be done, by name and in this order."""
        yield "state", self._state
        if self._means(Purpose.HISTORY):
            yield "copies", self._copies
        for table in self._platform.lake.names():
            theirs = lake_rows.theirs(self._platform.lake, table, self._user, self._purposes)
            if theirs is not None:
                yield f"lake {table}", partial(self._lake, table, theirs)
        if self._means(Purpose.HISTORY):
            yield "aggregates", self._aggregates
        yield "files", lambda: files.erase(self._platform.workspace, self._user, self._purposes)
        yield "back-ups", self._back_ups
        if self._means(Purpose.PROFILE):
            # The last of the lake: without it nobody finds whom a sealed line is about.
            yield "facts", self._facts
        yield "pages", self._scrub

    def tables(self) -> dict[str, Any]:
        """Return the version of every table of the lake, and what its files are."""
        lake, told = self._platform.lake, {}
        for table in lake.names():
            hashes = {path: lake.storage.digest(f"{table}/{path}") for path in sorted(lake.files(table))}
            told[table] = {"version": lake.version(table), "files": len(hashes), "sha256": digest(hashes)}
        return told

    def _means(self, purpose: Purpose) -> bool:
        return self._purposes is None or purpose in self._purposes

    def _held(self) -> dict[str, dict[str, int]]:
        """Return rows of the newest version, and files of any version, of each table that has something."""
        found, lake = {}, self._platform.lake
        for table in lake.names():
            theirs = lake_rows.theirs(lake, table, self._user, self._purposes)
            if theirs is None or not (held := holding(lake, table, theirs.rows)):
                continue
            rows = lake.scan(table).filter(theirs.rows).collect().height
            found[table] = {"rows": rows, "files": len(held)}
        return found

    def _state(self) -> dict[str, int]:
        with self._platform.database.write() as connection:
            return state_rows.erase(connection, self._user, self._purposes)

    def _copies(self) -> int:
        gone = sum(self._platform.store.forget(view, [self._user]) for view in state_rows.USER_VIEWS)
        if self._platform.redis is not None:
            # Whatever was erased, by its place: what these places held names nobody any more.
            erased = self._platform.events.erased_since(0, self._platform.events.last_offset())
            gone += stream_of(self._platform, self._platform.redis).forget(erased)
        return gone

    def _lake(self, table: str, theirs: lake_rows.Theirs) -> dict[str, Any]:
        why = "an erasure" if self._purposes is None else "a withdrawal"
        report = asdict(erase_rows(self._platform.lake, table, theirs.rows, change=theirs.change, note={"why": why}))
        return {**report, "files": len(report["files"])}

    def _aggregates(self) -> dict[str, Any]:
        """Work out anew what the store knows of films: it counted them."""
        if self._platform.lake.has_rows(INTERACTIONS):
            return {"users": materialise(self._platform, whole=True).users}
        with self._platform.database.write() as connection:
            connection.execute(delete(ROWS))
            connection.execute(delete(STATES))
        return {"users": 0}

    def _back_ups(self) -> dict[str, int]:
        """Destroy the key of theirs in every back-up: what it sealed can never be read again."""
        done = shred(self._platform, self._user)
        return {"keys": int(done.key_id is not None), "places": len(done.places)}

    def _facts(self) -> dict[str, int]:
        """Destroy the key of what the lake knows of them besides what they did, in whatever copy of its files."""
        return {"keys": int(DataKeys(self._platform.database).destroy(facts_of(self._user)) is not None)}

    def _scrub(self) -> bool:
        self._platform.database.scrub([*columns_of(Kind.STATE), ERASED.name])
        return True


def is_left(found: Mapping[str, Any]) -> bool:
    """Return whether anything is there, of what :meth:`Taking.left` told."""
    return any(any(found[place].values()) for place in ("lake", "state", "files"))
