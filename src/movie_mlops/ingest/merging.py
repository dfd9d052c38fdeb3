"""Films and users that come in, joined with those that the lake knows."""

from collections.abc import Mapping

import polars as pl

from movie_mlops.ingest.commits import ATTEMPTS, again
from movie_mlops.lake import KEYS, SCHEMAS, Lake


def merge(lake: Lake, table: str, rows: pl.DataFrame, *, placeholder: bool = False, note: Mapping[str, str]) -> int:
    """Write the rows that are new or different, in one commit; return how many.

    A film or a user that comes again takes the place of the one in the lake, but what the new one does not know (null,
    or an empty list) stays as it was. New rows alone are appended; the table is written anew only where one changed.

    Args:
        lake: Where to.
        table: ``movies`` or ``users``.
        rows: Rows of the table, one per film or user.
        placeholder: They are written only where the lake has no such row.
        note: What to leave with the commit.

    Raises:
        ConflictError: Other writers were faster every time.
        LakeError: The lake cannot be written.
    """
    return again(lambda: _merge(lake, table, rows, placeholder=placeholder, note=note), attempts=ATTEMPTS)


def _merge(lake: Lake, table: str, rows: pl.DataFrame, *, placeholder: bool, note: Mapping[str, str]) -> int:
    version, [key] = lake.version(table), KEYS[table]
    if version is None:
        lake.append(table, rows, note=note, after=None)
        return rows.height
    if rows.is_empty():
        return 0
    held = lake.scan(table, version=version).collect()
    new = rows.join(held, on=key, how="anti", maintain_order="left")
    changed = rows.clear() if placeholder else _changed(table, rows, held)
    if not changed.is_empty():
        rest = held.join(changed, on=key, how="anti", maintain_order="left")
        lake.overwrite(table, pl.concat([rest, changed, new]).sort(key), note=note, after=version)
    elif not new.is_empty():
        lake.append(table, new, note=note, after=version)
    return new.height + changed.height


def _changed(table: str, rows: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that the lake has differently, completed by what it knows."""
    schema, [key] = SCHEMAS[table], KEYS[table]
    both = rows.join(held, on=key, how="inner", suffix=":held", maintain_order="left")
    facts = [name for name in schema if name != key]
    completed = both.with_columns(
        pl.coalesce(_known(name, schema[name]), pl.col(f"{name}:held")).alias(name) for name in facts
    )
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}:held")) for name in facts)
    return completed.filter(differs).select(list(schema))


def _known(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column.list.len() > 0).then(column) if isinstance(dtype, pl.List) else column
