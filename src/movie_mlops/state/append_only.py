"""Tables whose rows the database itself refuses to change or remove, whoever asks."""

from typing import Final

from sqlalchemy import DDL, Table, event

_SQLITE: Final = (
    "CREATE TRIGGER {table}_refuse_{name} BEFORE {change} ON {table}"
    " BEGIN SELECT RAISE(ABORT, '{table} is only ever appended to'); END"
)
_POSTGRESQL: Final = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
    " '%% is only ever appended to', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$;"
    " CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def append_only(table: Table) -> None:
    """Have the database refuse every change of the table's rows; an attempt is an integrity error."""
    for change in ("UPDATE", "DELETE"):
        _refuse(table, "sqlite", _SQLITE.format(table=table.name, name=change.lower(), change=change))
    _refuse(table, "postgresql", _POSTGRESQL.format(table=table.name))


def _refuse(table: Table, dialect: str, statement: str) -> None:
    refusal = DDL(statement)  # type: ignore[no-untyped-call] # SQLAlchemy gives its constructor no types
    event.listen(table, "after_create", refusal.execute_if(dialect=dialect))
