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
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView, Views
from movie_mlops.features.feedback import RATED, latest_words
from movie_mlops.features.offline import table_at
from movie_mlops.features.online.histories import HISTORIES, packed_words
from movie_mlops.features.online.neighbours import neighbour_rows, neighbours_of
from movie_mlops.features.online.record import chunks, replace
from movie_mlops.features.online.rows import RowFormat
from movie_mlops.features.online.states import fold_states
from movie_mlops.features.online.trust import renew
from movie_mlops.features.pieces import pieces
from movie_mlops.state import METADATA, run_for_each

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
    rows: list[tuple[str, int, bytes]]
    states: pl.DataFrame


@dataclass(frozen=True)
class Prepared:
    """Everything that :func:`write` writes, computed before the write lock is taken.

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
    rows: Mapping[str, list[tuple[str, int, bytes]]]
    touched: tuple[set[str], set[int]] | None
    has: Callable[[list[str]], frozenset[str]]


def prepare(
    cut: Cut,
    views: Views,
    config: FeedbackConfig,
    *,
    touched: tuple[set[str], set[int]] | None = None,
    tables: Mapping[str, pl.DataFrame] | None = None,
) -> Prepared | None:
    """Compute what the store is to hold; ``None`` while the lake has no interaction.

    Args:
        cut: What it is made from.
        views: What is computed.
        config: What counts as liking.
        touched: Only these users and films; ``None`` for all.
        tables: Views that were computed already, as of the newest interaction.
    """
    newest = pl.col(EVENT_TIME).max().fill_null(pl.col(INGESTED_AT).max())
    at, arrived = cut.interactions.select(newest, pl.col(INGESTED_AT).max()).collect().row(0)
    if arrived is None:
        return None
    made = []
    neighbours: dict[str, list[tuple[str, int, bytes]]] = {}
    for view in views:
        said = cut.interactions
        if view.follows_everybody:
            hoods = neighbour_rows(view, said, clock.now(), config=config)
            neighbours[neighbours_of(view)] = [(key, cut.position, packed) for key, packed in hoods]
            continue
        if touched is not None:
            said = said.filter(pl.col(view.entity.folds).is_in(_of(touched, view)))
        rows: list[tuple[str, int, bytes]] = []
        if len(view.entity.keys) == 1:
            frame = None if tables is None or touched is not None else tables.get(view.name)
            if frame is None:
                frame = table_at(view, said, at, config=config, films=cut.films)
            keys = frame[view.entity.folds].cast(pl.String).to_list()
            packed = RowFormat(view).pack_all(frame, at)
            rows = [(key, cut.position, row) for key, row in zip(keys, packed, strict=True)]
        made.append(_View(view, rows, fold_states(view, said, at=at, config=config, films=cut.films)))
    said = cut.interactions if touched is None else cut.interactions.filter(pl.col(USER_ID).is_in(list(touched[0])))
    histories: list[tuple[str, int, bytes]] = []
    below: list[tuple[str, int, bytes]] = []
    for some in pieces(said, USER_ID):
        words = latest_words(some, config)
        ratings = latest_words(some.filter(pl.col(KIND).is_in(list(RATED))), config)
        above = words.filter(~pl.col(KIND).is_in(list(RATED)))
        hidden = ratings.join(above, on=[USER_ID, MOVIE_ID], how="semi", maintain_order="left")
        histories += [(user, cut.position, packed) for user, packed in packed_words(words)]
        below += [(user, cut.position, packed) for user, packed in packed_words(hidden)]
    return Prepared(
        cut=cut,
        at=at,
        arrived=arrived,
        views=tuple(made),
        rows={
            HISTORIES: histories,
            RATINGS: below,
            FILMS: list(_films(cut)),
            **neighbours,
        },
        touched=touched,
        has=lambda ids: _known(cut.interactions, ids),
    )


def write(connection: Connection, prepared: Prepared, views: Views) -> None:
    """Write what was prepared, within the caller's transaction; readers see the old until it ends."""
    users = None if prepared.touched is None else sorted(prepared.touched[0])
    for name, rows in prepared.rows.items():
        replace(connection, name, rows, keys=users if name in {HISTORIES, RATINGS} else None)
    for made in prepared.views:
        keys = None if prepared.touched is None else [str(key) for key in _of(prepared.touched, made.view)]
        replace(connection, made.view.name, made.rows, keys=keys)
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
    put_states(connection, name, made.states.iter_rows())


def states_of(view: FeatureView) -> str:
    """Return the name under which the states of a view are kept: another definition does not find them."""
    return f"{view.name} {view.digest()[:16]}"


def put_states(connection: Connection, name: str, states: Iterable[tuple[str, ...]]) -> None:
    """Write the states of some keys, within the caller's transaction; ``name`` is that of :func:`states_of`."""
    run_for_each(connection, _PUT_STATE, [(name, key, state) for key, state in states])


def _of(touched: tuple[set[str], set[int]], view: FeatureView) -> list[str] | list[int]:
    return list(touched[0]) if view.entity.folds == USER_ID else list(touched[1])


def _films(cut: Cut) -> Iterator[tuple[str, int, bytes]]:
    for movie_id, year, genres in cut.films.select(MOVIE_ID, YEAR, GENRES).collect().iter_rows():
        yield str(movie_id), cut.position, canonical_json([genres or [], year])


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
