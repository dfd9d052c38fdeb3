"""Films that come in, joined with the films that the lake knows."""

from collections.abc import Mapping

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.ingest.commits import ATTEMPTS, again
from movie_mlops.lake import MOVIES, SCHEMAS, Lake


def merge_films(lake: Lake, films: pl.DataFrame, *, placeholder: bool, note: Mapping[str, str]) -> int:
    """Write the films that are new or different, in one commit; return how many.

    A film that comes again takes the place of the one in the lake, but what the new one does not know (null, or an
    empty list) stays as it was. New films alone are appended; the table is written anew only where a film changed.

    Args:
        lake: Where to.
        films: Rows of table ``movies``, one per film.
        placeholder: The films are made up from ids: they are written only where the lake has no such film.
        note: What to leave with the commit.

    Raises:
        ConflictError: Other writers were faster every time.
        LakeError: The lake cannot be written.
    """
    return again(lambda: _merge(lake, films, placeholder=placeholder, note=note), attempts=ATTEMPTS)


def _merge(lake: Lake, films: pl.DataFrame, *, placeholder: bool, note: Mapping[str, str]) -> int:
    version = lake.version(MOVIES)
    if version is None:
        lake.append(MOVIES, films, note=note, after=None)
        return films.height
    if films.is_empty():
        return 0
    held = lake.scan(MOVIES, version=version).collect()
    new = films.join(held, on=c.MOVIE_ID, how="anti", maintain_order="left")
    changed = films.clear() if placeholder else _changed(films, held)
    if not changed.is_empty():
        rest = held.join(changed, on=c.MOVIE_ID, how="anti", maintain_order="left")
        lake.overwrite(MOVIES, pl.concat([rest, changed, new]).sort(c.MOVIE_ID), note=note, after=version)
    elif not new.is_empty():
        lake.append(MOVIES, new, note=note, after=version)
    return new.height + changed.height


def _changed(films: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Return the films that the lake has differently, completed by what it knows."""
    both = films.join(held, on=c.MOVIE_ID, how="inner", suffix=":held", maintain_order="left")
    facts = [name for name in SCHEMAS[MOVIES] if name != c.MOVIE_ID]
    completed = both.with_columns(
        pl.coalesce(_known(name, SCHEMAS[MOVIES][name]), pl.col(f"{name}:held")).alias(name) for name in facts
    )
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}:held")) for name in facts)
    return completed.filter(differs).select(list(SCHEMAS[MOVIES]))


def _known(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    return pl.when(column.list.len() > 0).then(column) if isinstance(dtype, pl.List) else column
