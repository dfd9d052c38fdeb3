"""Who was erased: a list that knows them again and names nobody.

Each is on it by a keyed hash of the data set and the id (HMAC-SHA-256, RFC 2104). The key lies with the signing key,
not in the database. The list is kept twice: in the database, within whose transactions it is asked, and in a file
beside the key, by which a database from an older back-up is recognised.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, String, Table, Text, insert, select, update

from movie_mlops.core import clock
from movie_mlops.security.errors import ErasureError
from movie_mlops.security.key_files import make_once, replace
from movie_mlops.state import METADATA, Database, fetch_rows

ERASED: Final = Table(
    "erased_people",
    METADATA,
    Column("pseudonym", String(64), primary_key=True),
    Column("key_check", String(16), nullable=False),
    Column("requested_at", String(40), nullable=False),
    Column("finished_at", String(40)),
    Column("by", Text, nullable=False),
    # What each step did, by its name: what a killed erasure goes on from.
    Column("done", Text, nullable=False),
)

_KEY_BYTES: Final = 32
_CHECK: Final = b"the key of the erased"
_ANY: Final = "SELECT key_check FROM erased_people LIMIT 1"
_SOME: Final = "SELECT pseudonym FROM erased_people WHERE pseudonym IN ({})"
_ALL: Final = "SELECT pseudonym FROM erased_people"
_FEW: Final = 200


@dataclass(frozen=True)
class Erasure:
    """One erasure, as far as it has come.

    Attributes:
        pseudonym: Whose.
        requested_at: When it was asked for (aware UTC).
        finished_at: When it was done; ``None``: it was interrupted, and the same command goes on with it.
        by: Who asked.
        done: What each step did, by its name.
    """

    pseudonym: str
    requested_at: datetime
    finished_at: datetime | None
    by: str
    done: dict[str, Any]


class Erased:
    """The list of one data set.

    Args:
        database: Where it is kept.
        keys: The folder of keys.
        dataset: The data set: the same id in another one is somebody else.
    """

    def __init__(self, database: Database, keys: Path, dataset: str) -> None:
        self._database = database
        self._key_file = keys / "erasure.key"
        self._copy = keys / f"erased-{dataset}.json"
        self._dataset = dataset

    def pseudonym(self, user_id: str) -> str:
        """Return the pseudonym of somebody; the key is made on first need.

        Raises:
            ErasureError: The key is gone, and with it the list means nothing.
        """
        return self._hash(self._key(make=True), user_id)

    def among(self, users: Iterable[str], connection: Connection | None = None) -> set[str]:
        """Return those of some users who were erased.

        Args:
            users: Their ids.
            connection: A transaction to ask within, so that what it writes cannot overtake an erasure.

        Raises:
            ErasureError: The key is gone, or another.
        """
        known = self._ask(connection, _ANY)
        if not known:
            return set()
        key = self._key(make=False)
        if known[0][0] != _check_of(key):
            raise self._lost("is not the one that the list was made with")
        names = {self._hash(key, user): user for user in set(users)}
        if len(names) <= _FEW:
            found = self._ask(connection, _SOME.format(",".join("?" * len(names))), tuple(names)) if names else []
        else:
            found = self._ask(connection, _ALL)
        return {names[pseudonym] for (pseudonym,) in found if pseudonym in names}

    def all(self) -> list[Erasure]:
        """Return every erasure, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(ERASED).order_by(ERASED.c.requested_at)).all()
        return [_erasure(row) for row in rows]

    def find(self, user_id: str) -> Erasure | None:
        """Return what is known of somebody's erasure."""
        if not self.all():
            return None
        with self._database.read() as connection:
            row = connection.execute(select(ERASED).where(ERASED.c.pseudonym == self.pseudonym(user_id))).one_or_none()
        return None if row is None else _erasure(row)

    def enter(self, user_id: str, *, by: str) -> Erasure:
        """Put somebody on the list: from now on nothing of theirs comes in. One who is on it and not done goes on."""
        key = self._key(make=True)
        pseudonym = self._hash(key, user_id)
        # The copy first: a database that lacks somebody of the copy is known to be older.
        self._write_copy(sorted({*self.copied(), pseudonym}))
        fresh = {
            "requested_at": clock.to_iso(clock.now()),
            "finished_at": None,
            "by": by,
            "done": "{}",
        }
        mine = ERASED.c.pseudonym == pseudonym
        with self._database.write() as connection:
            row = connection.execute(select(ERASED).where(mine)).one_or_none()
            if row is None:
                connection.execute(insert(ERASED).values(pseudonym=pseudonym, key_check=_check_of(key), **fresh))
            elif row.finished_at is not None:
                # Somebody put something of theirs back, past the list: it is taken out again.
                connection.execute(update(ERASED).where(mine).values(**fresh))
            return _erasure(connection.execute(select(ERASED).where(mine)).one())

    def note(self, pseudonym: str, step: str, told: Any) -> None:
        """Keep what a step did."""
        with self._database.write() as connection:
            mine = ERASED.c.pseudonym == pseudonym
            done = json.loads(connection.execute(select(ERASED.c.done).where(mine)).scalar_one())
            connection.execute(update(ERASED).where(mine).values(done=json.dumps({**done, step: told})))

    def finish(self, pseudonym: str, at: datetime) -> None:
        """Keep that everything is done."""
        with self._database.write() as connection:
            row = {"finished_at": clock.to_iso(at)}
            connection.execute(update(ERASED).where(ERASED.c.pseudonym == pseudonym).values(**row))

    def copied(self) -> set[str]:
        """Return the pseudonyms in the file beside the key.

        Raises:
            ErasureError: The file is damaged.
        """
        try:
            return {str(each) for each in json.loads(self._copy.read_bytes())}
        except FileNotFoundError:
            return set()
        except ValueError as error:
            raise ErasureError(
                f"The list of the erased in {self._copy} is damaged.", next_step="Put it back from a back-up."
            ) from error

    def missing(self) -> set[str]:
        """Return those whom the file knows and the database does not: it is from before their erasure."""
        return self.copied() - {pseudonym for (pseudonym,) in self._ask(None, _ALL)}

    def take_up(self) -> None:
        """Have the database know everybody whom the file knows; what it still holds of them is not done yet."""
        missing = sorted(self.missing())
        if missing:
            check, now = _check_of(self._key(make=False)), clock.to_iso(clock.now())
            same = {"key_check": check, "requested_at": now, "by": "the list beside the key", "done": "{}"}
            with self._database.write() as connection:
                connection.execute(insert(ERASED), [{"pseudonym": each, **same} for each in missing])

    def _ask(self, connection: Connection | None, sql: str, given: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
        return self._database.fetch(sql, given) if connection is None else fetch_rows(connection, sql, given)

    def _hash(self, key: bytes, user_id: str) -> str:
        return hmac.new(key, f"{self._dataset}\0{user_id}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _key(self, *, make: bool) -> bytes:
        try:
            return self._key_file.read_bytes()
        except FileNotFoundError:
            if not make or self._ask(None, _ANY) or self.copied():
                raise self._lost("is gone") from None
        make_once(self._key_file, secrets.token_bytes(_KEY_BYTES))
        return self._key_file.read_bytes()

    def _write_copy(self, pseudonyms: list[str]) -> None:
        replace(self._copy, (json.dumps(pseudonyms, indent=1) + "\n").encode())

    def _lost(self, why: str) -> ErasureError:
        return ErasureError(
            f"The key of the list of erased people ({self._key_file}) {why}, so nobody on it would be known again.",
            next_step="Put the file back from a back-up of the keys.",
        )


def _check_of(key: bytes) -> str:
    """Return what tells one key from another without giving either away."""
    return hmac.new(key, _CHECK, hashlib.sha256).hexdigest()[:16]


def _erasure(row: Row[Any]) -> Erasure:
    finished = None if row.finished_at is None else datetime.fromisoformat(row.finished_at)
    return Erasure(row.pseudonym, datetime.fromisoformat(row.requested_at), finished, row.by, json.loads(row.done))
