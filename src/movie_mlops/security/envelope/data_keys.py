"""The keys of persons, wrapped: one each, in the state database. A key that is destroyed is gone for good.

A back-up takes no copy of this table. What is restored without its key stays closed.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, Connection, LargeBinary, String, Table, Text, insert, select, update

from movie_mlops.core import clock
from movie_mlops.security.envelope.errors import EnvelopeError, TamperedError
from movie_mlops.state import METADATA, Database, fetch_rows, run_for_each

DATA_KEYS: Final = Table(
    "data_keys",
    METADATA,
    Column("key_id", String(32), primary_key=True),
    Column("owner", Text, nullable=False, unique=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("master_id", String(16), nullable=False, index=True),
    Column("made_at", String(32), nullable=False),
)
GENERAL: Final = ""
"""The owner of what is nobody's: its key is never destroyed."""

_AT_ONCE: Final = 500
# No user is called so: nobody knows a key's random name before it is made.
_UNKNOWN: Final = "\x01unknown "
_GONE: Final = "\x01destroyed "
_FACTS: Final = "\x01facts "
_IS_THERE: Final = DATA_KEYS.c.master_id != ""
# Straight to the driver: a load asks for the keys of everybody.
_SOME: Final = "SELECT key_id, owner, wrapped, master_id FROM data_keys WHERE master_id <> '' AND {} IN ({})"
_ADD: Final = "INSERT INTO data_keys (key_id, owner, wrapped, master_id, made_at) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class DataKey:
    """A wrapped key.

    Attributes:
        key_id: A random name, which tells nothing of the owner.
        owner: The user; empty for what is nobody's.
        wrapped: The key, encrypted by a master key.
        master_id: By which.
    """

    key_id: str
    owner: str
    wrapped: bytes
    master_id: str


class DataKeys:
    """The table of keys.

    Args:
        database: The state.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, owners: Sequence[str]) -> dict[str, DataKey]:
        """Return the keys of those owners who have one."""
        with self._database.read() as connection:
            return {key.owner: key for key in _where(connection, "owner", owners)}

    def named(self, key_ids: Sequence[str]) -> dict[str, DataKey]:
        """Return the keys of these names, as far as they are there."""
        with self._database.read() as connection:
            return {key.key_id: key for key in _where(connection, "key_id", key_ids)}

    def for_copies(self) -> list[DataKey]:
        """Return every key but those of facts in the lake, which seal nothing that is kept elsewhere."""
        meant = _IS_THERE & ~DATA_KEYS.c.owner.startswith(_FACTS, autoescape=True)
        with self._database.read() as connection:
            return [
                _key(row) for row in connection.execute(select(DATA_KEYS).where(meant).order_by(DATA_KEYS.c.key_id))
            ]

    def wrapped_by_others(self, master_id: str) -> list[DataKey]:
        """Return the keys that another master key wraps."""
        statement = select(DATA_KEYS).where(DATA_KEYS.c.master_id != master_id, _IS_THERE)
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(statement)]

    def add(self, keys: Iterable[DataKey]) -> dict[str, DataKey]:
        """Keep new keys; an owner who has one by now keeps that. Return the keys that the owners have now."""
        now = clock.to_iso(clock.now())
        new = {key.owner: key for key in keys}
        with self._database.write() as connection:
            had = {key.owner: key for key in _where(connection, "owner", list(new))}
            rows = [(k.key_id, k.owner, k.wrapped, k.master_id, now) for k in new.values() if k.owner not in had]
            run_for_each(connection, _ADD, rows)
        return {**new, **had}

    def rewrap(self, keys: Iterable[tuple[DataKey, DataKey]]) -> int:
        """Put keys in the place of the same keys wrapped otherwise; return how many were still there."""
        changed = 0
        with self._database.write() as connection:
            for old, new in keys:
                statement = (
                    update(DATA_KEYS)
                    .where(DATA_KEYS.c.key_id == old.key_id, DATA_KEYS.c.master_id == old.master_id)
                    .values(wrapped=new.wrapped, master_id=new.master_id)
                )
                changed += connection.execute(statement).rowcount
        return changed

    def bring(self, keys: Iterable[tuple[str, bytes, str]]) -> None:
        """Take in keys from a copy (name, wrapped, master's name) whose owner is not known yet; known ones stay.

        A key that was destroyed here stays so, however old the copy is.
        """
        now = clock.to_iso(clock.now())
        with self._database.write() as connection:
            known = set(connection.execute(select(DATA_KEYS.c.key_id)).scalars())
            rows = [
                {"key_id": name, "owner": f"{_UNKNOWN}{name}", "wrapped": wrapped, "master_id": master, "made_at": now}
                for name, wrapped, master in keys
                if name not in known
            ]
            if rows:
                connection.execute(insert(DATA_KEYS), rows)

    def own(self, owners: Iterable[tuple[str, str]]) -> None:
        """Note whose the keys are (name, owner) that came without one.

        Raises:
            TamperedError: The owner has another key, or the key another owner.
        """
        with self._database.write() as connection:
            for key_id, owner in owners:
                found = connection.execute(select(DATA_KEYS.c.owner).where(DATA_KEYS.c.key_id == key_id)).scalar()
                if found == f"{_UNKNOWN}{key_id}":
                    taken = connection.execute(select(DATA_KEYS.c.key_id).where(DATA_KEYS.c.owner == owner)).scalar()
                    if taken is None:
                        row = DATA_KEYS.c.key_id == key_id
                        connection.execute(update(DATA_KEYS).where(row).values(owner=owner))
                        continue
                if found != owner:
                    raise TamperedError(
                        f"The key {key_id} is not that of whose data it sealed.",
                        next_step="Use another copy of the back-up, and of its keys.",
                    )

    def destroy(self, owner: str) -> str | None:
        """Overwrite an owner's key for good, and return what it was called; ``None`` where there was none.

        Its name stays, so that no copy brings it back here.

        Raises:
            EnvelopeError: That is the key of what is nobody's.
        """
        if owner == GENERAL:
            raise EnvelopeError("The general key is nobody's.", next_step="Name a user.")
        with self._database.write() as connection:
            statement = select(DATA_KEYS.c.key_id, DATA_KEYS.c.wrapped).where(DATA_KEYS.c.owner == owner)
            found = connection.execute(statement).first()
            if found is None:
                return None
            _overwrite(connection, found.key_id, found.wrapped)
            return str(found.key_id)

    def give_up(self, masters: Collection[str]) -> int:
        """Overwrite for good every key that none of some master keys wraps; return how many those were.

        Args:
            masters: The short names of the master keys that there are.
        """
        statement = select(DATA_KEYS.c.key_id, DATA_KEYS.c.wrapped).where(
            DATA_KEYS.c.master_id.not_in(list(masters)), _IS_THERE
        )
        with self._database.write() as connection:
            lost = connection.execute(statement).all()
            for found in lost:
                _overwrite(connection, found.key_id, found.wrapped)
        return len(lost)


def facts_of(user_id: str) -> str:
    """Return the owner of the key that seals facts of somebody in the lake; of nobody, where the id is empty.

    Their back-ups are sealed by another key, so that either can be destroyed by itself.
    """
    return f"{_FACTS}{user_id}"


def _overwrite(connection: Connection, key_id: str, wrapped: bytes) -> None:
    gone = {"wrapped": bytes(len(wrapped)), "owner": f"{_GONE}{key_id}", "master_id": ""}
    connection.execute(update(DATA_KEYS).where(DATA_KEYS.c.key_id == key_id).values(gone))


def _where(connection: Connection, column: str, values: Sequence[str]) -> Iterator[DataKey]:
    for start in range(0, len(values), _AT_ONCE):
        some = values[start : start + _AT_ONCE]
        for row in fetch_rows(connection, _SOME.format(column, ",".join("?" * len(some))), some):
            yield DataKey(row[0], row[1], bytes(row[2]), row[3])


def _key(row: object) -> DataKey:
    return DataKey(row.key_id, row.owner, bytes(row.wrapped), row.master_id)  # type: ignore[attr-defined]
