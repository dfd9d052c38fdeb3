"""Columns that a table has gained since it was first made: a database from before gets them when it is opened."""

from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, inspect, text

_GAINED: Final = "gained"


def gained(name: str, kind: Any) -> Column[Any]:
    """Return a column that older databases lack; it may be empty, for nobody knows what it would have held."""
    return Column(name, kind, nullable=True, info={_GAINED: True})


def add_gained(connection: Connection, metadata: MetaData) -> None:
    """Add what is missing to tables that are there."""
    for table in metadata.tables.values():
        columns = [column for column in table.columns if column.info.get(_GAINED)]
        if not columns:
            continue
        present = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in columns:
            if column.name not in present:
                kind = column.type.compile(connection.dialect)
                connection.execute(text(f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {kind}'))
