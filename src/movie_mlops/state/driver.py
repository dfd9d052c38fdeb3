"""SQL straight to the driver, within a transaction: a tenth of what building a statement costs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def fetch_rows(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of one SELECT as the driver gives them.

    Args:
        connection: One of :meth:`movie_mlops.state.Database.write` or ``read``.
        sql: The statement, with ``?`` for each parameter and no other question mark.
        parameters: One for each.
    """
    with _cursor(connection, sql) as cursor:
        cursor.execute(_marked(connection, sql), tuple(parameters))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def run_for_each(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement once for each row of parameters.

    Args:
        connection: One of :meth:`movie_mlops.state.Database.write`.
        sql: The statement, with ``?`` for each parameter and no other question mark.
        rows: The parameters.
    """
    if rows:
        with _cursor(connection, sql) as cursor:
            cursor.executemany(_marked(connection, sql), rows)


@contextmanager
def _cursor(connection: Connection, sql: str) -> Iterator[Any]:
    """Open the driver's cursor; what it raises comes as it would from SQLAlchemy."""
    if not connection.in_transaction():
        connection.begin()
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except connection.dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(sql, None, error, connection.dialect.loaded_dbapi.Error) from error
    finally:
        cursor.close()


def _marked(connection: Connection, sql: str) -> str:
    return sql if connection.dialect.paramstyle == "qmark" else sql.replace("?", "%s")
