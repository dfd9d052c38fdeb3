"""Features of rows, each as they were known at its own time: the columnar form of every view.

An interaction has two times: when it **happened** (``event_time``) and when it **arrived** (``ingested_at``). A row at
time t with knowledge k sees it when it happened by t and had arrived by k; where it is unknown when it happened, it
happened, at the latest, when it arrived. Of two words on one film the row sees only those, so that a correction that
came later changes nothing in what was known before.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT, MOVIE_ID
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import Feature, FeatureView
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.lifetimes import BEGINS, ENTITY, film_facts, lifetimes, with_facts
from movie_mlops.features.measures import Condition
from movie_mlops.features.parts import Holds, Part
from movie_mlops.features.timeline import NO_TIME, Timeline

AT: Final = "at"
"""The column of a row's time."""

KNOWN_AT: Final = "known_at"
"""The column of a row's knowledge."""

Knowledge = Literal["row", "column"] | datetime | None
"""What had arrived by when: each row's own time, its column ``known_at``, or one time for all. ``None`` stands for all
that the table has, the undated before everything else."""

_PLACE: Final = "place of the row"
_BEFORE_ALL: Final = datetime(1, 1, 1, tzinfo=UTC)


def features_at(
    view: FeatureView,
    rows: pl.DataFrame,
    interactions: pl.LazyFrame,
    *,
    config: FeedbackConfig,
    films: pl.LazyFrame | None = None,
    knowledge: Knowledge = "row",
) -> pl.DataFrame:
    """Compute a view for rows, each at its own time.

    Args:
        view: What is computed.
        rows: The entity's keys and ``at`` (aware, not null); other columns are kept.
        interactions: Rows of the table ``interactions``.
        config: What counts as liking.
        films: Rows of the table ``movies``; ``None`` knows nothing of any film.
        knowledge: What had arrived by when; with ``"column"`` the work grows with the different times that a key has,
            or, for a view that asks what everybody did, with all different times.

    Returns:
        ``rows``, in their order, with the view's features beside them.

    Raises:
        FeatureError: A column is missing, or a time has no zone or is not there.
    """
    _check(view, rows, knowledge)
    if view.follows_everybody and knowledge == "column":
        return _by_knowledge(view, rows, interactions, config=config, films=films)
    timeline, order = timeline_of(view, rows, interactions, config=config, films=films, knowledge=knowledge)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return rows.with_columns(pl.DataFrame(_columns(view, timeline))[back])


def timeline_of(
    view: FeatureView,
    rows: pl.DataFrame,
    interactions: pl.LazyFrame,
    *,
    config: FeedbackConfig,
    films: pl.LazyFrame | None = None,
    knowledge: Knowledge = "row",
) -> tuple[Timeline, NDArray[np.int64]]:
    """Return rows over everything that they may see, in another order, and that order; see :func:`features_at`."""
    conditions = _conditions(view.parts)
    facts = None if films is None else film_facts(films, conditions)
    by = [view.entity.folds, *([KNOWN_AT] if knowledge == "column" else [])]
    entities = rows.select(by)
    if view.follows_everybody:
        entities = pl.concat([entities, interactions.select(by).unique().collect()])
    entities = entities.unique().with_row_index(ENTITY).with_columns(pl.col(ENTITY).cast(pl.Int64))
    said = _known(interactions.join(entities.lazy(), on=view.entity.folds), knowledge)
    followed = {part.follows for part in view.parts if part.follows is not None}
    entity = rows.select(by).join(entities, on=by, how="left", maintain_order="left")[ENTITY].to_numpy()
    # Rows of one entity side by side look things up in the same memory.
    order = np.argsort(entity, kind="stable")
    timeline = Timeline(
        entity=entity[order],
        at=rows[AT].cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()[order],
        lifetimes=lifetimes(
            said,
            {measure.source for measure in followed},
            {measure.condition for measure in followed if measure.condition is not None},
            facts,
            config,
            folds=view.entity.folds,
        ),
        entities=entities.height,
        films=with_facts(rows.select(MOVIE_ID)[order], facts, conditions) if view.entity.has_film else None,
    )
    return timeline, order


def _by_knowledge(
    view: FeatureView,
    rows: pl.DataFrame,
    interactions: pl.LazyFrame,
    *,
    config: FeedbackConfig,
    films: pl.LazyFrame | None,
) -> pl.DataFrame:
    """Compute a view for each knowledge by itself: what others did is known differently in each."""
    numbered = rows.with_row_index(_PLACE)
    parts = [
        features_at(view, part, interactions, config=config, films=films, knowledge=part[KNOWN_AT][0])
        for part in numbered.partition_by(KNOWN_AT)
    ]
    empty = features_at(view, numbered.clear(), interactions, config=config, films=films)
    return pl.concat([empty, *parts]).sort(_PLACE).drop(_PLACE)


def _known(interactions: pl.LazyFrame, knowledge: Knowledge) -> pl.LazyFrame:
    """Keep what had ever arrived, with the time from which on a row may see it."""
    if knowledge is None:
        return interactions.with_columns(pl.col(EVENT_TIME).fill_null(_BEFORE_ALL).alias(BEGINS))
    happened = pl.coalesce(EVENT_TIME, INGESTED_AT)
    if knowledge == "row":
        return interactions.with_columns(pl.max_horizontal(happened, INGESTED_AT).alias(BEGINS))
    if knowledge == "column":
        interactions = interactions.filter(pl.col(INGESTED_AT) <= pl.col(KNOWN_AT))
    else:
        interactions = interactions.filter(pl.col(INGESTED_AT) <= knowledge)
    return interactions.with_columns(happened.alias(BEGINS))


def _columns(view: FeatureView, timeline: Timeline) -> list[pl.Series]:
    values: dict[Part, NDArray[Any]] = {part: part.over(timeline) for part in view.parts}
    return [
        _series(feature, feature.aggregation.finish(*(values[part] for part in feature.aggregation.parts)))
        for feature in view.features
    ]


def _series(feature: Feature, values: NDArray[Any]) -> pl.Series:
    if feature.dtype.is_temporal():
        times = pl.Series(feature.name, values)
        return times.set(times == NO_TIME, None).cast(feature.dtype)
    if feature.dtype.is_float():
        return pl.Series(feature.name, np.asarray(values, np.float64), nan_to_null=True)
    return pl.Series(feature.name, values, dtype=feature.dtype)


def _conditions(parts: Sequence[Part]) -> list[Condition]:
    """Return everything that is asked of a film, each once."""
    followed = [part.follows.condition for part in parts if part.follows is not None]
    asked = [part.condition for part in parts if isinstance(part, Holds)]
    return list(dict.fromkeys(condition for condition in [*followed, *asked] if condition is not None))


def _check(view: FeatureView, rows: pl.DataFrame, knowledge: Knowledge) -> None:
    needed = [*view.entity.key_names, AT, *([KNOWN_AT] if knowledge == "column" else [])]
    if missing := [name for name in needed if name not in rows.columns]:
        raise FeatureError(
            f"The view {view.name!r} is about a {view.entity.name}; the rows have no {', '.join(missing)}.",
            next_step=f"Give rows with the columns {', '.join(needed)}.",
        )
    for name in (AT, KNOWN_AT) if knowledge == "column" else (AT,):
        dtype = rows.schema[name]
        if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
            raise FeatureError(
                f"The column {name!r} of the rows is {dtype}, not a time with a zone.",
                next_step="Give it with one, such as 2024-01-31T00:00:00Z.",
            )
    for name in needed:
        if nulls := rows[name].null_count():
            raise FeatureError(f"{nulls} rows have no {name}.", next_step="Leave them out, or fill it in.")
    if taken := [name for name in view.names if name in rows.columns]:
        raise FeatureError(
            f"The rows have columns of the view {view.name!r} already: {', '.join(taken)}.",
            next_step="Rename them, or take the features out of the view with its 'only'.",
        )
    if isinstance(knowledge, datetime) and knowledge.tzinfo is None:
        raise FeatureError(
            f"The time {knowledge.isoformat()} has no time zone.",
            next_step="Give it with one, such as 2024-01-31T00:00:00Z.",
        )
