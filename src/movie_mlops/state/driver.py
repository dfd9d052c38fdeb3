"""SQL straight to the driver, within a transaction: a tenth of what building a statement costs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_AT_ONCE: Final = 1_000
_ROWS: Final = 128
"""So many rows one statement brings at most; a longer one is not quicker."""


@dataclass(frozen=True)
class Insertion:
    """Rows of text for a table; one that it has already changes nothing.

    Attributes:
        table: Its name.
        same: The columns in which all rows say the same.
        own: The other columns.
        key: The column in which no two rows may say the same.
    """

    table: str
    same: tuple[str, ...]
    own: tuple[str, ...]
    key: str


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
        raise as_sqlalchemy(connection, sql, error) from error
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
            raise as_sqlalchemy(connection, sql, error) from error
        finally:
            cursor.close()
    return changed


def insert_texts(
    connection: Connection, into: Insertion, same: Sequence[str | None], own: Sequence[Sequence[str]]
) -> int:
    """Insert many rows by few statements; return how many the table had not got.

    A statement for each row costs the driver more than the database: here it is entered once for many, and while it
    works it holds up no other thread.

    Args:
        connection: One of :meth:`movie_mlops.state.Database.write`.
        into: Where.
        same: What all rows say, column by column.
        own: What each says besides: for each column, a text for each row, in the order in which they are inserted.
    """
    if connection.dialect.paramstyle != "qmark":
        return _run(connection, _of_arrays(into), (*same, *map(list, own)))
    rows, inserted = zip(*own, strict=True), 0
    for size in _sizes(len(own[0])):
        inserted += _run(connection, _of_values(into, size), [*same, *chain.from_iterable(islice(rows, size))])
    return inserted


def run(connection: Connection, sql: str) -> None:
    """Run a statement that has no parameters and gives no rows."""
    _run(connection, sql, ())


def _run(connection: Connection, sql: str, parameters: Sequence[Any]) -> int:
    cursor = _cursor(connection)
    try:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemy(connection, sql, error) from error
    finally:
        cursor.close()


def _sizes(rows: int) -> Iterator[int]:
    """Yield how many rows each statement brings: powers of two, so that few statements are all that are prepared."""
    for _ in range(rows // _ROWS):
        yield _ROWS
    rest = rows % _ROWS
    while rest:
        size = 1 << (rest.bit_length() - 1)
        yield size
        rest -= size


@lru_cache(64)
def _of_values(into: Insertion, rows: int) -> str:
    """Return the statement for SQLite, which binds what all rows say once."""
    same, own = len(into.same), len(into.own)
    first = [f"?{number}" for number in range(1, same + 1)]
    values = (
        ", ".join([*first, *(f"?{same + row * own + number}" for number in range(1, own + 1))]) for row in range(rows)
    )
    return f"{_head(into)} VALUES ({'), ('.join(values)}) {_unless(into)}"


@lru_cache(64)
def _of_arrays(into: Insertion) -> str:
    """Return the statement for PostgreSQL, which takes any number of rows as one array for each column."""
    same = "".join("%s::text, " for _ in into.same)
    own = ", ".join(f'rows."{name}"' for name in into.own)
    arrays = ", ".join("%s::text[]" for _ in into.own)
    names = ", ".join(f'"{name}"' for name in into.own)
    return (
        f"{_head(into)} SELECT {same}{own} FROM unnest({arrays}) WITH ORDINALITY AS rows ({names}, place)"  # noqa: S608 - names of ours
        f" ORDER BY rows.place {_unless(into)}"
    )


def _head(into: Insertion) -> str:
    names = ", ".join(f'"{name}"' for name in (*into.same, *into.own))
    return f"INSERT INTO {into.table} ({names})"


def _unless(into: Insertion) -> str:
    return f"ON CONFLICT ({into.key}) DO NOTHING"


def _cursor(connection: Connection) -> Any:
    """Return a cursor of the driver."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.cursor()


def as_sqlalchemy(connection: Connection, sql: str, error: Exception) -> BaseException:
    """Return what the driver raises as it would come from SQLAlchemy."""
    return DBAPIError.instance(sql, None, error, connection.dialect.loaded_dbapi.Error)


def _marked(connection: Connection, sql: str) -> str:
    return sql if connection.dialect.paramstyle == "qmark" else sql.replace("?", "%s")
