"""Read-only SQL over Delta tables, by DuckDB on the tables' Parquet files."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import duckdb
import polars as pl
from arro3.core import Table

from movie_mlops.lake.errors import QueryError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TableFiles = list[str] | pl.LazyFrame
"""The Parquet files of a table, or its rows where DuckDB cannot open files of it."""

_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def answer(query: str, tables: Mapping[str, TableFiles]) -> pl.DataFrame:
    """Answer one reading statement over ``tables``, each given by the files of one version.

    The connection can open the files of these tables and nothing else, and its settings are locked,
    so a query reads no other file, writes none and loads no extension.

    Raises:
        QueryError: The query is wrong, would write, or reaches for anything outside the tables.
    """
    try:
        with duckdb.connect() as connection:
            _only_one_reading(query)
            _open_views(connection, tables, query.lower())
            relation = connection.sql(query)
            # Through arro3, not straight into polars: that would leave DuckDB's stream open at exit.
            return pl.DataFrame(Table.from_arrow(relation))
    except duckdb.Error as error:
        raise QueryError(
            f"The query failed: {_first_sentence(error)}",
            next_step=f"{_known(tables)} See a table's columns with: movie-mlops lake sql 'DESCRIBE <table>'",
        ) from error


def _only_one_reading(query: str) -> None:
    statements = duckdb.extract_statements(query)
    if len(statements) == 1 and statements[0].type in _READING:
        return
    given = ", ".join(statement.type.name for statement in statements) or "nothing"
    raise QueryError(
        f"The lake answers one statement that only reads; this is {given}.",
        next_step="Write one SELECT; tables are changed by movie-mlops ingest, features and events.",
    )


def _open_views(connection: "DuckDBPyConnection", tables: Mapping[str, TableFiles], query: str) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    files = {name: table for name, table in tables.items() if isinstance(table, list)}
    connection.execute(f"SET allowed_paths = {_list(file for many in files.values() for file in many)}")
    connection.execute("SET enable_external_access = false")
    for name, table in tables.items():
        if isinstance(table, pl.LazyFrame):
            # A table that the query does not mention is not fetched; it is there with its columns only.
            rows = table if name.lower() in query else table.clear()
            connection.register(name, Table.from_arrow(rows.collect()))
            continue
        quoted = '"' + name.replace('"', '""') + '"'
        source = f"read_parquet({_list(files[name])}, union_by_name = true)"
        connection.execute(f"CREATE VIEW {quoted} AS SELECT * FROM {source}")  # noqa: S608 - names of our own files
    connection.execute("SET lock_configuration = true")


def _list(texts: Iterable[str]) -> str:
    """Return an SQL list of string literals."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]::VARCHAR[]"


def _first_sentence(error: duckdb.Error) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") + "."


def _known(tables: Mapping[str, TableFiles]) -> str:
    return f"The tables are: {', '.join(tables)}." if tables else "The lake is empty: ingest first."
