"""Accounts of the console: a name, a role and a password of somebody who has neither a key nor an identity provider."""

import re
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, String, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from movie_mlops.core import clock
from movie_mlops.security.errors import AccountError
from movie_mlops.security.key_secret import KeySecret
from movie_mlops.security.passwords import Argon2Cost, check_password, hashed, is_cheaper, is_password
from movie_mlops.security.principals import How, Principal, Role
from movie_mlops.state import METADATA, Database

CONSOLE_ACCOUNTS: Final = Table(
    "console_accounts",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password", Text, nullable=False),
    # Microseconds since 1970 UTC, as in the ledger.
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)
ROLES: Final = (Role.ANALYST, Role.OPERATOR, Role.ADMIN)
"""Who may open the console."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{1,31}")


@dataclass(frozen=True, slots=True)
class Account:
    """An account.

    Attributes:
        name: Its name.
        role: What whoever knows the password is.
        password: What is kept of it.
        created_at: When it was made.
        created_by: By whom.
        changed_at: When the password was last set.
    """

    name: str
    role: Role
    password: str
    created_at: datetime
    created_by: str
    changed_at: datetime

    def principal(self) -> Principal:
        """Return whoever has signed in with it."""
        return Principal(f"account:{self.name}", How.ACCOUNT, frozenset({self.role}))

    def document(self) -> dict[str, Any]:
        """Return it as plain data, without what is kept of the password."""
        return {
            "name": self.name,
            "role": self.role.value,
            "created_at": clock.to_iso(self.created_at),
            "created_by": self.created_by,
            "changed_at": clock.to_iso(self.changed_at),
        }


class AccountStore:
    """Makes accounts and takes them away; for commands.

    Args:
        database: The state of a data set.
        secret: What passwords are hashed with besides; whoever can only write into the database makes no account.
        cost: What one guess costs.
    """

    def __init__(self, database: Database, secret: KeySecret, *, cost: Argon2Cost | None = None) -> None:
        self._database = database
        self._secret = secret
        self._cost = cost or Argon2Cost()

    def add(self, name: str, role: Role, password: str, *, by: str) -> Account:
        """Make an account.

        Raises:
            AccountError: There is one of that name, or it cannot be as asked.
        """
        if not _NAME.fullmatch(name):
            raise AccountError(
                f"{name!r} is no name of an account.",
                next_step="Write 2 to 32 small letters, digits, '-' or '_', beginning with a letter.",
            )
        if role not in ROLES:
            raise AccountError(
                f"The console is not for a {role}.", next_step=f"Choose {', '.join(ROLES)}, or make a key."
            )
        now = clock.microseconds(clock.now())
        row = {"name": name, "role": role.value, "created_at": now, "created_by": by, "changed_at": now}
        row["password"] = self._hash(name, role, password)
        try:
            with self._database.write() as connection:
                connection.execute(insert(CONSOLE_ACCOUNTS), row)
        except IntegrityError as error:
            raise AccountError(
                f"There is an account {name!r} already.", next_step="Choose another name, or set its password anew."
            ) from error
        return self._one(name)

    def listed(self) -> list[Account]:
        """Return every account, by name."""
        return read_accounts(self._database)

    def change_password(self, name: str, password: str) -> Account:
        """Set a password anew; whoever is signed in has to sign in again.

        Raises:
            AccountError: There is no such account, or the password would be guessed.
        """
        kept, now = self._hash(name, self._one(name).role, password), clock.microseconds(clock.now())
        with self._database.write() as connection:
            mine = CONSOLE_ACCOUNTS.c.name == name
            connection.execute(update(CONSOLE_ACCOUNTS).where(mine).values(password=kept, changed_at=now))
        return self._one(name)

    def remove(self, name: str) -> None:
        """Take an account away; whoever is signed in is out within a second.

        Raises:
            AccountError: There is no such account.
        """
        self._one(name)
        with self._database.write() as connection:
            connection.execute(delete(CONSOLE_ACCOUNTS).where(CONSOLE_ACCOUNTS.c.name == name))

    def _hash(self, name: str, role: Role, password: str) -> str:
        check_password(password, name)
        return hashed(password, self._cost, self._secret.pepper(name, role))

    def _one(self, name: str) -> Account:
        for account in self.listed():
            if account.name == name:
                return account
        raise AccountError(f"There is no account {name!r}.", next_step="List them: movie-mlops security account list")


class Accounts:
    """The accounts as a server knows them, in memory.

    Args:
        database: Where they are.
        secret: What passwords are hashed with besides.
        stale_seconds: How long they are believed while the database does not answer.
        cost: What one guess costs by now.
    """

    def __init__(
        self, database: Database, secret: KeySecret, *, stale_seconds: float, cost: Argon2Cost | None = None
    ) -> None:
        self._database = database
        self._secret = secret
        self._stale_seconds = stale_seconds
        self._cost = cost or Argon2Cost()
        self._accounts: dict[str, Account] = {}
        self._read_at: float | None = None
        self._nobody = self._cost.nobody()

    @property
    def is_empty(self) -> bool:
        """Whether there is no account at all."""
        return not self._accounts

    def refresh(self) -> None:
        """Ask the database for all of them; called every half second, by a thread of its own.

        Raises:
            StateError: It refuses; what is known goes on, for a while.
        """
        self._accounts = {account.name: account for account in read_accounts(self._database)}
        self._read_at = time.monotonic()

    def sign_in(self, name: str, password: str) -> Principal | None:
        """Return who has this name and password; ``None`` for nobody, after as long a time.

        A password that was kept more cheaply than it would be now is kept anew. It takes a tenth of a second and
        64 MiB: called in a thread, one at a time.

        Raises:
            StateError: It could not be kept anew.
        """
        account = self._known(name)
        kept, role = (self._nobody, "") if account is None else (account.password, account.role)
        pepper = self._secret.pepper(name, role)
        if not is_password(password, kept, pepper) or account is None:
            return None
        if is_cheaper(kept, self._cost):
            anew = hashed(password, self._cost, pepper)
            with self._database.write() as connection:
                mine = (CONSOLE_ACCOUNTS.c.name == name) & (CONSOLE_ACCOUNTS.c.password == kept)
                connection.execute(update(CONSOLE_ACCOUNTS).where(mine).values(password=anew))
            self.refresh()
        return account.principal()

    def by_name(self, name: str) -> tuple[Principal, str] | None:
        """Return whose account it is, and what signs its sessions: it changes with the password."""
        account = self._known(name)
        if account is None:
            return None
        return account.principal(), self._secret.session(f"{name} {account.role} {account.password}")

    def _known(self, name: str) -> Account | None:
        stale = self._read_at is None or time.monotonic() - self._read_at > self._stale_seconds
        return None if stale else self._accounts.get(name)


def read_accounts(database: Database) -> list[Account]:
    """Return every account, by name."""
    with database.read() as connection:
        rows = connection.execute(select(CONSOLE_ACCOUNTS).order_by(CONSOLE_ACCOUNTS.c.name)).all()
    return [
        Account(
            name=row.name,
            role=Role(row.role),
            password=row.password,
            created_at=clock.from_microseconds(row.created_at),
            created_by=row.created_by,
            changed_at=clock.from_microseconds(row.changed_at),
        )
        for row in rows
    ]
