"""The neighbourhoods of a period as the online store keeps them: a row for each film, made anew with the store."""

import struct
import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from movie_mlops.core.clock import microseconds
from movie_mlops.features.closeness import Closeness
from movie_mlops.features.co_watch import NO_NEIGHBOURS, Neighbours
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView
from movie_mlops.features.neighbourhoods import Likes, Neighbourhoods, slabs
from movie_mlops.features.online.rows import CHECK, RESIDUE, Unread
from movie_mlops.features.pieces import pieces
from movie_mlops.features.point_in_time import AT, timeline_of

PERIOD: Final = "period"
"""The key of a row that is no film's: it says which period the others are of."""

_HEADER: Final = struct.Struct("<8sq")
_RECORD: Final = np.dtype([("film", "<i8"), ("users", "<i8"), ("nearness", "<f8")])


def neighbours_of(view: FeatureView) -> str:
    """Return the name under which the store keeps the neighbourhoods of a view."""
    return f"{view.name} neighbours"


def neighbour_rows(
    view: FeatureView, interactions: pl.LazyFrame, now: datetime, *, config: FeedbackConfig, memory: int | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (key, row) of each film that has neighbours at the start of the present period.

    Args:
        view: One that follows everybody.
        interactions: Rows of the table ``interactions``.
        now: The present.
        config: What counts as liking.
        memory: About so many bytes are taken at once to find out who likes what; ``None``: an eighth of what is left.
            The last likes of everybody are held besides, sixteen bytes each.
    """
    [part] = view.parts
    assert isinstance(part, Closeness)
    period = part.model.starts(microseconds(now))
    nobody = pl.DataFrame(schema={**dict(view.entity.keys), AT: pl.Datetime("us", "UTC")})
    found = []
    for some in pieces(interactions, view.entity.folds, memory=memory):
        timeline, _ = timeline_of(view, nobody, some, config=config, knowledge=None)
        found.append(timeline.likes(part.measure).last(period, part.model.window))
    likes = Likes.together(found)
    yield PERIOD, _pack(view, period, NO_NEIGHBOURS)
    for films in slabs(np.unique(likes.film), likes):
        hoods = Neighbourhoods(part.model, likes, films)
        hoods.move(period)
        for film, near in hoods:
            yield str(film), _pack(view, period, near)


def unpack(view: FeatureView, packed: bytes) -> tuple[int, Neighbours] | Unread:
    """Return when the period started that neighbours are of, and the neighbours, or why they cannot be read."""
    if len(packed) < _HEADER.size or zlib.crc32(packed) != RESIDUE:
        return "corrupt"
    mark, period = _HEADER.unpack_from(packed)
    if mark != _mark(view):
        return "outdated"
    records = np.frombuffer(packed[_HEADER.size : -CHECK.size], _RECORD)
    return period, Neighbours(records["film"].copy(), records["users"].copy(), records["nearness"].copy())


def _pack(view: FeatureView, period: int, near: Neighbours) -> bytes:
    records = np.empty(len(near.films), _RECORD)
    records["film"], records["users"], records["nearness"] = near
    body = _HEADER.pack(_mark(view), period) + records.tobytes()
    return body + CHECK.pack(zlib.crc32(body))


def _mark(view: FeatureView) -> bytes:
    return bytes.fromhex(view.digest())[:8]
