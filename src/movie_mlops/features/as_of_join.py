"""The join of rows with rows of features that were computed elsewhere, by both of their times.

For features that come with a history of their own, such as those of another system, there is nothing to fold: a row
takes the newest one that had happened and had arrived.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.lookups import Segments, latest_above
from movie_mlops.features.point_in_time import AT, KNOWN_AT

_ENTITY = "entity"
_TIME = pl.Datetime("us", "UTC")


def join_as_of(rows: pl.DataFrame, features: pl.DataFrame, *, by: Sequence[str]) -> pl.DataFrame:
    """Give each row the newest feature row that it may see.

    A row at time t with knowledge k sees the feature rows of its entity that happened by t and had arrived by k; of
    those it takes the latest by ``event_time``, then by ``ingested_at``: a correction of a feature row is one with the
    same ``event_time`` that arrived later.

    Args:
        rows: The columns of ``by``, ``at``, and where knowledge differs from it ``known_at``; others are kept.
        features: The columns of ``by``, ``event_time``, ``ingested_at``, and the features.
        by: The entity's keys.

    Returns:
        ``rows``, all of them, in their order, with the features beside them; null where nothing was known.

    Raises:
        FeatureError: A column is missing.
    """
    _check(rows, features, by)
    entities = features.select(by).unique().with_row_index(_ENTITY)
    ordered = (
        features.join(entities, on=by, maintain_order="none")
        .with_columns(pl.col(EVENT_TIME, INGESTED_AT).cast(_TIME).to_physical())
        .sort(_ENTITY, EVENT_TIME, INGESTED_AT)
    )
    entity = rows.select(by).join(entities, on=by, how="left", maintain_order="left")[_ENTITY]
    times = rows.select(pl.col(AT, *([KNOWN_AT] if KNOWN_AT in rows.columns else [])).cast(_TIME).to_physical())
    at, known_at = times[AT].to_numpy(), times[KNOWN_AT if KNOWN_AT in rows.columns else AT].to_numpy()
    segments = Segments(ordered[_ENTITY].cast(pl.Int64).to_numpy(), ordered[EVENT_TIME].to_numpy(), entities.height + 1)
    whose = entity.cast(pl.Int64).fill_null(entities.height).to_numpy()
    places = segments.positions(whose, at) - 1
    starts = segments.starts[whose]
    # The greatest of the negated arrivals are the earliest.
    found = latest_above(-ordered[INGESTED_AT].to_numpy(), places, -known_at - 1, starts)
    taken = pl.Series(np.maximum(found, 0)).set(pl.Series(found < starts), None)
    names = [name for name in features.columns if name not in {*by, EVENT_TIME, INGESTED_AT}]
    return rows.hstack(ordered.select(pl.col(names).gather(taken)))


def _check(rows: pl.DataFrame, features: pl.DataFrame, by: Sequence[str]) -> None:
    for what, frame, needed in (
        ("rows", rows, [*by, AT]),
        ("feature rows", features, [*by, EVENT_TIME, INGESTED_AT]),
    ):
        if missing := [name for name in needed if name not in frame.columns]:
            raise FeatureError(
                f"The {what} have no {', '.join(missing)}.",
                next_step=f"Give them with the columns {', '.join(needed)}.",
            )
