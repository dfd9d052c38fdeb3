"""The state on a PostgreSQL server: shared by processes of several machines."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.schema import CreateSchema

from movie_mlops.state.config import StateConfig
from movie_mlops.state.errors import StateError
from movie_mlops.state.postgres_quick import QuickReader

# All writers of a schema take turns, as they do on SQLite. The rooms read before they write (a champion to compare
# with, the last offset of the log), and whoever follows the log must never see an offset appear behind one that it has
# read. SERIALIZABLE would need a retry around every caller's block, and promises nothing about the order in which
# offsets become visible; one lock gives both, and the log has one order anyway. It goes with the transaction, so a
# writer that dies cannot keep it; its holder's commit is visible before the next one gets it; and readers never ask
# for it. A server that was told to acknowledge before it has written is told to write first.
_TAKE_TURN: Final = text(
    "SELECT pg_advisory_xact_lock(:key), set_config('synchronous_commit',"
    " replace(current_setting('synchronous_commit'), 'off', 'on'), true)"
)
_SECRETS: Final = ("password", "passfile", "sslpassword", "sslkey", "options")


class PostgresBackend:
    """One schema of a PostgreSQL database.

    Args:
        url: Its address.
        config: Schema, time-outs, numbers of connections.
    """

    quick_errors: tuple[type[Exception], ...] = (psycopg.Error,)
    next_step = (
        "Check that PostgreSQL runs, that MOVIE_MLOPS_STATE_URL names it, and that its user may use (or make) the"
        " schema; then try again."
    )

    def __init__(self, url: URL, config: StateConfig) -> None:
        self._schema = config.schema
        self._name = f"{url.difference_update_query(_SECRETS).render_as_string()} (schema {config.schema})"
        self._key = int.from_bytes(sha256(config.schema.encode()).digest()[:8], signed=True)
        self._turn = threading.Lock()
        self._patience = config.busy_timeout_seconds
        # READ COMMITTED, whatever the server's default: each statement of a writer sees all that was committed before
        # it, so what follows the wait for the lock sees the writers before. A snapshot would be older than the wait.
        self._engine = create_engine(
            url,
            connect_args=_arguments(url, config),
            isolation_level="READ COMMITTED",
            # A connection is tried before it is used: after a restart of the server nobody sees those of before.
            pool_pre_ping=True,
            pool_size=config.pool_size,
            max_overflow=config.pool_size,
            pool_timeout=config.busy_timeout_seconds,
        )
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        _, arguments = self._engine.dialect.create_connect_args(url)
        self._quick = QuickReader(
            {**arguments, **_arguments(url, config, quick=True)},
            most=config.quick_connections,
            timeout_seconds=config.answer_timeout_seconds,
        )

    def name(self) -> str:
        """Return its address, without secrets."""
        return self._name

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that holds the schema's write lock from its start."""
        # Threads wait here, so that a rush of them takes no connection from those who read.
        if not self._turn.acquire(timeout=self._patience):
            raise PoolTimeoutError
        try:
            with self._engine.connect() as connection, connection.begin():
                connection.execute(_TAKE_TURN, {"key": self._key})
                yield connection
        finally:
            self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction on one snapshot."""
        with self._reading.connect() as connection:
            yield connection

    def fetch(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of one SELECT."""
        return self._quick.fetch(sql, parameters)

    def make_place(self, connection: Connection) -> None:
        """Make the schema.

        Raises:
            StateError: The database cannot hold every text.
        """
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise StateError(
                f"The state database {self._name} has the encoding {encoding}, which cannot hold every text.",
                next_step="Make one with: createdb --encoding=UTF8 --template=template0 movie_mlops",
            )
        known = text("SELECT count(*) FROM pg_namespace WHERE nspname = :name")
        # Looked up first, because making a schema asks for a right even where it is there.
        if not connection.execute(known, {"name": self._schema}).scalar_one():
            connection.execute(CreateSchema(self._schema))

    def refuses(self, error: DBAPIError) -> bool:
        """Return whether the server is in trouble or a table is gone; a broken constraint is none of its."""
        return not isinstance(error, IntegrityError | DataError)

    def scrub(self, tables: Sequence[str]) -> None:
        """Write these tables anew, without what was removed; each is locked for as long as that takes."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in tables:
                connection.execute(text(f'VACUUM (FULL) "{self._schema}"."{table}"'))

    def close(self) -> None:
        """Close every connection."""
        self._quick.close()
        self._engine.dispose()


def _arguments(url: URL, config: StateConfig, *, quick: bool = False) -> dict[str, Any]:
    """Return what libpq is told beside the address; what the address says itself stands."""
    milliseconds = {
        "lock_timeout": config.busy_timeout_seconds,
        "statement_timeout": config.answer_timeout_seconds if quick else config.statement_timeout_seconds,
        # A writer that was frozen in its block must not hold the lock for ever.
        "idle_in_transaction_session_timeout": config.statement_timeout_seconds,
    }
    options = [f"-c {name}={int(seconds * 1000)}" for name, seconds in milliseconds.items()]
    if quick:
        options.append("-c default_transaction_read_only=on")
    told = url.query.get("options", "")
    options += [told] if isinstance(told, str) else told
    arguments = {
        "connect_timeout": max(2, round(config.answer_timeout_seconds)),
        "fallback_application_name": "movie-mlops",
        "client_encoding": "utf8",
        # A peer that vanished without a word is noticed within half a minute, not within hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
    }
    kept = {name: value for name, value in arguments.items() if name not in url.query}
    return {**kept, "options": " ".join([*filter(None, options), f"-c search_path={config.schema}"])}
