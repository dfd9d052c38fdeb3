"""SQL straight to the driver, within a transaction: a tenth of what building a statement costs."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_AT_ONCE: Final = 1_000


def fetch_rows(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of one SELECT as the driver gives them.

    Args:
        connection: One of :meth:`movie_mlops.state.Database.write` or ``read``.
        sql: The statement, with ``?`` for each parameter and no other question mark.
        parameters: One for each.
    """
    cursor = _cursor(connection)
    try:
        cursor.execute(_marked(connection, sql), tuple(parameters))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy(connection, sql, error) from error
    finally:
        cursor.close()
    return rows


def run_for_each(connection: Connection, sql: str, rows: Iterable[tuple[Any, ...]]) -> int:
    """Run a statement once for each row of parameters; return how many rows of the table all of them changed.

    No more than some of the rows are held, so that they may be made while they are written.

    Args:
        connection: One of :meth:`movie_mlops.state.Database.write`.
        sql: The statement, with ``?`` for each parameter and no other question mark.
        rows: The parameters.
    """
    left, changed = iter(rows), 0
    while some := list(islice(left, _AT_ONCE)):
        cursor = _cursor(connection)
        try:
            cursor.executemany(_marked(connection, sql), some)
            changed += int(cursor.rowcount)
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(connection, sql, error) from error
        finally:
            cursor.close()
    return changed


def _cursor(connection: Connection) -> Any:
    """Return a cursor of the driver."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.cursor()


def _as_sqlalchemy(connection: Connection, sql: str, error: Exception) -> BaseException:
    """Return what the driver raises as it would come from SQLAlchemy."""
    return DBAPIError.instance(sql, None, error, connection.dialect.loaded_dbapi.Error)


def _marked(connection: Connection, sql: str) -> str:
    return sql if connection.dialect.paramstyle == "qmark" else sql.replace("?", "%s")
