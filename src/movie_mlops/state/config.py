"""Where the state lives."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from pydantic import SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from movie_mlops.core.nouns import Workspace
from movie_mlops.state.errors import StateError

_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_PLAIN_NAME: Final = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_LONGEST_NAME: Final = 35


@dataclass(frozen=True)
class StateConfig:
    """Settings of the state database.

    Attributes:
        url: Its address: ``sqlite:///<path>`` or ``postgresql://user:password@host:port/database``. A secret, for it
            may hold a password.
        schema: On PostgreSQL, the schema that holds everything; made when missing.
        busy_timeout_seconds: How long a writer waits for another's write to end.
        statement_timeout_seconds: On PostgreSQL, how long one statement of a flow may take.
        answer_timeout_seconds: On PostgreSQL, how long a connection may take to open, and a quick read to be answered.
        pool_size: On PostgreSQL, how many connections a process keeps open for transactions; twice as many in a rush.
        quick_connections: On PostgreSQL, how many connections a process opens at most for quick reads.
    """

    url: SecretStr | str
    schema: str = "movie_mlops"
    busy_timeout_seconds: float = 30.0
    statement_timeout_seconds: float = 300.0
    answer_timeout_seconds: float = 2.0
    pool_size: int = 5
    quick_connections: int = 8

    def __post_init__(self) -> None:
        if isinstance(self.url, str):
            object.__setattr__(self, "url", SecretStr(self.url))

    @classmethod
    def of(cls, workspace: Workspace, server: SecretStr | None) -> Self:
        """Return where the state of a data set is: on a PostgreSQL server, or in a file of the workspace.

        Args:
            workspace: The data set.
            server: The server's address; empty or ``None`` for the file.

        Raises:
            StateError: ``server`` is the address of something else.
        """
        if server is None or not server.get_secret_value():
            return cls(workspace.state_url)
        config = cls(server, schema=schema_of(workspace.dataset))
        if config.address().get_backend_name() == "sqlite":
            raise StateError(
                "MOVIE_MLOPS_STATE_URL names a file, but the files of the data sets lie in the home.",
                next_step="Leave it empty for those, or name a server: postgresql://user:password@host:5432/database",
            )
        return config

    def address(self) -> URL:
        """Return the address in its parts; it shows no password.

        Raises:
            StateError: It is none.
        """
        assert isinstance(self.url, SecretStr)
        try:
            url = make_url(self.url.get_secret_value())
            return url.set(drivername=_DRIVERS[url.drivername])
        except (ArgumentError, KeyError, ValueError):
            # Without its cause, which may quote a part of a password.
            raise StateError(
                "The address of the state database is none of SQLite or PostgreSQL.",
                next_step="Write it as postgresql://user:password@host:5432/database, with special characters of the"
                " password as %XX.",
            ) from None


def schema_of(dataset: str) -> str:
    """Return the name of a data set's schema: plain enough to need no quotes, and no other data set's."""
    if _PLAIN_NAME.fullmatch(dataset) and len(dataset) <= _LONGEST_NAME:
        return f"movie_mlops_{dataset}"
    plain = "_".join(re.findall(r"[a-z0-9]+", dataset.lower()))[:_LONGEST_NAME].rstrip("_")
    # Two underscores are in no plain name, so that this is never the name of another data set.
    return f"movie_mlops_{plain}__{sha256(dataset.encode()).hexdigest()[:12]}"
