"""The API keys of a data set in the state database: what each may, how long, and never the key itself."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
    update,
)

from movie_mlops.core import clock
from movie_mlops.security.api_keys import new_key
from movie_mlops.security.errors import ApiKeyError
from movie_mlops.security.key_secret import KeySecret
from movie_mlops.security.principals import How, Principal, Role
from movie_mlops.state import METADATA, Database

API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    Column("key_id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("user_id", Text),
    Column("scope", String(16), nullable=False),
    Column("per_second", Float),
    Column("per_day", Float),
    # Microseconds since 1970 UTC, as in the ledger.
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("revoked_by", Text),
    Column("follows", String(16)),
    Column("last_used_at", BigInteger),
    # Counts changes: servers ask for what is newer than what they have.
    Column("change", BigInteger, nullable=False, index=True),
)

_LONGEST: Final = 200
SCOPES: Final = ("write", "read")
"""What a key may do: ``write`` everything that its role may, ``read`` what changes nothing."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without what it is.

    Attributes:
        key_id: Its id, which is no secret.
        digest: What is kept of it.
        name: What it is for.
        role: What whoever holds it is.
        user_id: Of a viewer, whose data.
        scope: ``write`` or ``read``.
        per_second: Requests a second, where they are not those of the role.
        per_day: The same for a day.
        created_at: When it was made.
        created_by: By whom.
        expires_at: When it ends; ``None`` for never.
        revoked_at: When it was taken back.
        follows: The key in whose place it was made.
        last_used_at: When it was used, to some minutes.
        change: Grows with each change of a key.
    """

    key_id: str
    digest: str
    name: str
    role: Role
    user_id: str | None
    scope: str
    per_second: float | None
    per_day: float | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    follows: str | None
    last_used_at: datetime | None
    change: int

    def standing(self, now: datetime) -> str:
        """Return whether it holds: ``good``, ``revoked`` or ``expired``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "good"

    def principal(self) -> Principal:
        """Return whoever shows it."""
        return Principal(
            name=f"key:{self.key_id}",
            how=How.KEY,
            roles=frozenset({self.role}),
            user_id=self.user_id,
            writes=self.scope == "write",
            per_second=self.per_second,
            per_day=self.per_day,
        )

    def document(self, now: datetime) -> dict[str, Any]:
        """Return it as plain data, without its digest."""
        return {
            "key_id": self.key_id,
            "name": self.name,
            "role": self.role.value,
            "user_id": self.user_id,
            "scope": self.scope,
            "standing": self.standing(now),
            "created_at": clock.to_iso(self.created_at),
            "created_by": self.created_by,
            "expires_at": None if self.expires_at is None else clock.to_iso(self.expires_at),
            "last_used_at": None if self.last_used_at is None else clock.to_iso(self.last_used_at),
            "follows": self.follows,
            "per_second": self.per_second,
            "per_day": self.per_day,
        }


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be.

    Attributes:
        name: What it is for.
        role: What whoever holds it is.
        by: Who makes it.
        user_id: For a viewer, whose data.
        scope: ``write`` or ``read``.
        lasts: How long; ``None`` for ever.
        per_second: Requests a second; ``None`` for those of the role.
        per_day: Requests a day; ``None`` for those of the role.
    """

    name: str
    role: Role
    by: str
    user_id: str | None = None
    scope: str = "write"
    lasts: timedelta | None = None
    per_second: float | None = None
    per_day: float | None = None


class KeyStore:
    """Makes keys and takes them back; for commands.

    Args:
        database: The state of a data set.
        secret: What keys are hashed with.
    """

    def __init__(self, database: Database, secret: KeySecret) -> None:
        self._database = database
        self._secret = secret

    def create(self, wanted: NewKey) -> tuple[ApiKey, str]:
        """Make a key; return what is kept of it, and the key, which can never be read again.

        Raises:
            ApiKeyError: It cannot be as asked.
        """
        _check(wanted)
        with self._database.write() as connection:
            return self._write(connection, wanted, follows=None)

    def listed(self) -> list[ApiKey]:
        """Return every key, the newest last; also those that hold no more."""
        with self._database.read() as connection:
            return read_keys(connection, since=None)

    def rotate(self, key_id: str, *, overlap: timedelta, lasts: timedelta | None, by: str) -> tuple[ApiKey, str]:
        """Make a key like another one, which ends after the overlap.

        Args:
            key_id: The other one.
            overlap: How long both hold.
            lasts: How long the new one does; ``None`` for as long as the other one was made for.
            by: Who asks.

        Raises:
            ApiKeyError: There is no such key, or it holds no more.
        """
        with self._database.write() as connection:
            old, now = _good(connection, key_id), clock.now()
            if lasts is None and old.expires_at is not None:
                lasts = old.expires_at - old.created_at
            wanted = NewKey(old.name, old.role, by, old.user_id, old.scope, lasts, old.per_second, old.per_day)
            made = self._write(connection, wanted, follows=key_id)
            ends = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
            _change(connection, key_id, expires_at=clock.microseconds(ends))
            return made

    def revoke(self, key_id: str, *, by: str) -> ApiKey:
        """Take a key back: within a second no server takes it any more.

        Raises:
            ApiKeyError: There is no such key, or it holds no more.
        """
        with self._database.write() as connection:
            _good(connection, key_id)
            _change(connection, key_id, revoked_at=clock.microseconds(clock.now()), revoked_by=by)
            return _one(connection, key_id)

    def _write(self, connection: Connection, wanted: NewKey, *, follows: str | None) -> tuple[ApiKey, str]:
        key, key_id, now = new_key(), secrets.token_hex(6), clock.now()
        row = {
            "key_id": key_id,
            "digest": self._secret.digest(key),
            "name": wanted.name.strip(),
            "role": wanted.role.value,
            "user_id": wanted.user_id,
            "scope": wanted.scope,
            "per_second": wanted.per_second,
            "per_day": wanted.per_day,
            "created_at": clock.microseconds(now),
            "created_by": wanted.by,
            "expires_at": None if wanted.lasts is None else clock.microseconds(now + wanted.lasts),
            "follows": follows,
            "change": _next_change(connection),
        }
        connection.execute(insert(API_KEYS), row)
        return _one(connection, key_id), key


def read_keys(connection: Connection, *, since: int | None) -> list[ApiKey]:
    """Return the keys that changed after a change, or all, in the order of their making."""
    query = select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.key_id)
    if since is not None:
        query = query.where(API_KEYS.c.change > since)
    return [_key(row) for row in connection.execute(query)]


def note_uses(database: Database, uses: Sequence[tuple[str, int]]) -> None:
    """Note when keys were used: id and microseconds; it is no change that servers must hear of."""
    if not uses:
        return
    statement = update(API_KEYS).where(API_KEYS.c.key_id == bindparam("of")).values(last_used_at=bindparam("at"))
    with database.write() as connection:
        connection.execute(statement, [{"of": key_id, "at": at} for key_id, at in uses])


def _check(wanted: NewKey) -> None:
    """Refuse what no key can be.

    Raises:
        ApiKeyError: It is that.
    """
    if not wanted.name.strip() or len(wanted.name) > _LONGEST or not wanted.name.isprintable():
        raise ApiKeyError("A key needs a name that can be read.", next_step="Say what it is for: --name shop")
    user = wanted.user_id
    if (wanted.role is Role.VIEWER) != (user is not None):
        if user is None:
            raise ApiKeyError("A viewer's key is for one user.", next_step="Say which: --user ID")
        raise ApiKeyError(f"A key of the role {wanted.role} is for no single user.", next_step="Leave out --user.")
    if user is not None and not (0 < len(user) <= _LONGEST and user.isprintable()):
        raise ApiKeyError("The user's id cannot be read.", next_step="Write it as the API takes it.")
    if wanted.scope not in SCOPES:
        raise ApiKeyError(f"There is no scope {wanted.scope!r}.", next_step=f"Known are {', '.join(SCOPES)}.")


def _good(connection: Connection, key_id: str) -> ApiKey:
    key = _one(connection, key_id)
    standing = key.standing(clock.now())
    if standing != "good":
        raise ApiKeyError(f"The key {key_id} is {standing} already.", next_step="Make a new one: security keys create")
    return key


def _one(connection: Connection, key_id: str) -> ApiKey:
    row = connection.execute(select(API_KEYS).where(API_KEYS.c.key_id == key_id)).one_or_none()
    if row is None:
        raise ApiKeyError(f"There is no key {key_id!r}.", next_step="List them: movie-mlops security keys list")
    return _key(row)


def _change(connection: Connection, key_id: str, **values: Any) -> None:
    statement = update(API_KEYS).where(API_KEYS.c.key_id == key_id)
    connection.execute(statement.values(**values, change=_next_change(connection)))


def _next_change(connection: Connection) -> int:
    # Writers come one after the other, so no two changes have one number.
    return 1 + (connection.execute(select(func.max(API_KEYS.c.change))).scalar() or 0)


def _key(row: Any) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        digest=row.digest,
        name=row.name,
        role=Role(row.role),
        user_id=row.user_id,
        scope=row.scope,
        per_second=row.per_second,
        per_day=row.per_day,
        created_at=clock.from_microseconds(row.created_at),
        created_by=row.created_by,
        expires_at=_moment(row.expires_at),
        revoked_at=_moment(row.revoked_at),
        follows=row.follows,
        last_used_at=_moment(row.last_used_at),
        change=row.change,
    )


def _moment(at: int | None) -> datetime | None:
    return None if at is None else clock.from_microseconds(at)
