"""From the lake into the online store: everything, or what changed since the last time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl
from sqlalchemy import BigInteger, Column, Connection, String, Table, Text, delete, insert

from movie_mlops.core import clock
from movie_mlops.core.columns import (
    EVENT_ID,
    EVENT_TIME,
    GENRES,
    INGESTED_AT,
    KIND,
    MOVIE_ID,
    USER_ID,
    YEAR,
)
from movie_mlops.core.digests import canonical_json
from movie_mlops.features.config import FeedbackConfig, MemoryConfig
from movie_mlops.features.definitions import FeatureView, Views
from movie_mlops.features.feedback import RATED, latest_words
from movie_mlops.features.offline import tables_at
from movie_mlops.features.online.histories import HISTORIES, packed_words
from movie_mlops.features.online.neighbours import neighbour_rows, neighbours_of
from movie_mlops.features.online.record import chunks, replace
from movie_mlops.features.online.rows import RowFormat
from movie_mlops.features.online.spool import Spool
from movie_mlops.features.online.states import fold_states
from movie_mlops.features.online.trust import renew
from movie_mlops.features.pieces import pieces
from movie_mlops.state import METADATA, run_for_each

AS_MUCH_AS_FITS: Final = MemoryConfig()

_ROWS_AT_ONCE: Final = 20_000

FILMS: Final = "films"
"""The name under which the store keeps what folds ask of films."""

RATINGS: Final = "ratings"
"""The name under which it keeps ratings that another word on the same film stands above."""

STATES: Final = Table(
    "fold_states",
    METADATA,
    Column("view", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("state", Text, nullable=False),
)

STATES_OF: Final = "SELECT key, state FROM fold_states WHERE view = ? AND key IN ({})"
"""The states of a view, by the name of :func:`states_of`, and of so many keys."""

_PUT_STATE: Final = (
    "INSERT INTO fold_states (view, key, state) VALUES (?, ?, ?)"
    " ON CONFLICT (view, key) DO UPDATE SET state = excluded.state"
)

ORIGINS: Final = Table(
    "online_origins",
    METADATA,
    Column("view", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("versions", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("arrived", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("materialised_at", BigInteger, nullable=False),
)


@dataclass(frozen=True)
class Cut:
    """What a store is made from.

    Attributes:
        interactions: Rows of the lake's table ``interactions``.
        films: Rows of its table ``movies``.
        versions: Of which versions they are.
        position: The place in the event log up to which the lake has everything.
    """

    interactions: pl.LazyFrame
    films: pl.LazyFrame
    versions: Mapping[str, int]
    position: int = 0


@dataclass(frozen=True)
class _View:
    view: FeatureView
    rows: Spool
    states: Spool


@dataclass(frozen=True)
class Prepared:
    """Everything that :func:`write` writes, computed before the write lock is taken, and laid by out of memory.

    Attributes:
        cut: What it was made from.
        at: The time of the newest interaction: what the rows are as of.
        arrived: When the newest of them came into the lake.
        views: Rows and states.
        rows: The other rows, by the name that the store keeps them under.
        touched: The users and films that it is about; ``None`` for all.
        has: Which of some events the lake has.
    """

    cut: Cut
    at: datetime
    arrived: datetime
    views: tuple[_View, ...]
    rows: Mapping[str, Spool]
    touched: tuple[set[str], set[int]] | None
    has: Callable[[list[str]], frozenset[str]]


def prepare(
    cut: Cut,
    views: Views,
    config: FeedbackConfig,
    *,
    touched: tuple[set[str], set[int]] | None = None,
    tables: Mapping[str, pl.LazyFrame] | None = None,
    memory: MemoryConfig = AS_MUCH_AS_FITS,
) -> Prepared | None:
    """Compute what the store is to hold; ``None`` while the lake has no interaction.

    Args:
        cut: What it is made from.
        views: What is computed.
        config: What counts as liking.
        touched: Only these users and films; ``None`` for all.
        tables: Views that were computed already, as of the newest interaction.
        memory: How much is held at once.
    """
    newest = pl.col(EVENT_TIME).max().fill_null(pl.col(INGESTED_AT).max())
    at, arrived = cut.interactions.select(newest, pl.col(INGESTED_AT).max()).collect(engine="streaming").row(0)
    if arrived is None:
        return None
    made = []
    rows = {name: Spool(memory.folder) for name in (HISTORIES, RATINGS, FILMS)}
    for view in views:
        said = cut.interactions
        if view.follows_everybody:
            hoods = neighbour_rows(view, said, clock.now(), config=config, memory=memory.at_once)
            rows[neighbours_of(view)] = Spool(memory.folder).add(hoods)
            continue
        if touched is not None:
            said = said.filter(pl.col(view.entity.folds).is_in(_of(touched, view)))
        known = None if tables is None or touched is not None else tables.get(view.name)
        frames: Iterable[pl.DataFrame] = ()
        if known is not None:
            frames = known.collect_batches(chunk_size=_ROWS_AT_ONCE)
        elif len(view.entity.keys) == 1:
            frames = tables_at(view, said, at, config=config, films=cut.films, memory=memory.at_once)
        states = fold_states(view, said, at=at, config=config, films=cut.films, memory=memory.at_once)
        of_view = _View(view, Spool(memory.folder), Spool(memory.folder))
        for frame in frames:
            of_view.rows.add(_packed(view, frame, at))
        for frame in states:
            of_view.states.add((key, state.encode()) for key, state in frame.iter_rows())
        made.append(of_view)
    said = cut.interactions if touched is None else cut.interactions.filter(pl.col(USER_ID).is_in(list(touched[0])))
    for some in pieces(said, USER_ID, memory=memory.at_once):
        words = latest_words(some, config)
        ratings = latest_words(some.filter(pl.col(KIND).is_in(list(RATED))), config)
        above = words.filter(~pl.col(KIND).is_in(list(RATED)))
        hidden = ratings.join(above, on=[USER_ID, MOVIE_ID], how="semi", maintain_order="left")
        rows[HISTORIES].add(packed_words(words))
        rows[RATINGS].add(packed_words(hidden))
    rows[FILMS].add(_films(cut))
    return Prepared(
        cut=cut,
        at=at,
        arrived=arrived,
        views=tuple(made),
        rows=rows,
        touched=touched,
        has=lambda ids: _known(cut.interactions, ids),
    )


def write(connection: Connection, prepared: Prepared, views: Views) -> None:
    """Write what was prepared, within the caller's transaction; readers see the old until it ends."""
    users = None if prepared.touched is None else sorted(prepared.touched[0])
    stamp = prepared.cut.position
    for name, rows in prepared.rows.items():
        replace(connection, name, _stamped(rows, stamp), keys=users if name in {HISTORIES, RATINGS} else None)
    for made in prepared.views:
        keys = None if prepared.touched is None else [str(key) for key in _of(prepared.touched, made.view)]
        replace(connection, made.view.name, _stamped(made.rows, stamp), keys=keys)
        _replace_states(connection, made, keys)
    connection.execute(delete(ORIGINS))
    connection.execute(insert(ORIGINS), [_origin(prepared, view) for view in views])
    renew(connection)


def _replace_states(connection: Connection, made: "_View", keys: list[str] | None) -> None:
    """Forget the states of some keys, or of all, and write those that were made: who is not in the lake has none."""
    name = states_of(made.view)
    if keys is None:
        connection.execute(delete(STATES).where(STATES.c.view.startswith(f"{made.view.name} ", autoescape=True)))
    for some in chunks(keys or []):
        connection.execute(delete(STATES).where(STATES.c.view == name, STATES.c.key.in_(some)))
    put_states(connection, name, ((key, state.decode()) for key, state in made.states))


def states_of(view: FeatureView) -> str:
    """Return the name under which the states of a view are kept: another definition does not find them."""
    return f"{view.name} {view.digest()[:16]}"


def put_states(connection: Connection, name: str, states: Iterable[tuple[str, ...]]) -> None:
    """Write the states of some keys, within the caller's transaction; ``name`` is that of :func:`states_of`."""
    run_for_each(connection, _PUT_STATE, ((name, key, state) for key, state in states))


def _of(touched: tuple[set[str], set[int]], view: FeatureView) -> list[str] | list[int]:
    return list(touched[0]) if view.entity.folds == USER_ID else list(touched[1])


def _packed(view: FeatureView, frame: pl.DataFrame, at: datetime) -> Iterator[tuple[str, bytes]]:
    keys = frame[view.entity.folds].cast(pl.String).to_list()
    return zip(keys, RowFormat(view).pack_all(frame, at), strict=True)


def _stamped(rows: Spool, stamp: int) -> Iterator[tuple[str, int, bytes]]:
    return ((key, stamp, packed) for key, packed in rows)


def _films(cut: Cut) -> Iterator[tuple[str, bytes]]:
    for movie_id, year, genres in cut.films.select(MOVIE_ID, YEAR, GENRES).collect().iter_rows():
        yield str(movie_id), canonical_json([genres or [], year])


def _known(interactions: pl.LazyFrame, ids: list[str]) -> frozenset[str]:
    return frozenset(interactions.filter(pl.col(EVENT_ID).is_in(ids)).select(EVENT_ID).collect()[EVENT_ID].to_list())


def _origin(prepared: Prepared, view: FeatureView) -> dict[str, str | int]:
    return {
        "view": view.name,
        "digest": view.digest(),
        "versions": canonical_json(dict(prepared.cut.versions)).decode(),
        "position": prepared.cut.position,
        "arrived": clock.microseconds(prepared.arrived),
        "at": clock.microseconds(prepared.at),
        "materialised_at": clock.microseconds(clock.now()),
    }
