"""The state of every fold at once, from columns: what :class:`~movie_mlops.features.fold.Fold` goes on from.

The same state as folding one interaction after the other leaves, without the words that count: those are in the
histories already.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import polars as pl

from movie_mlops.core.clock import microseconds
from movie_mlops.core.columns import EVENT_TIME
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView
from movie_mlops.features.lifetimes import BEGINS, ENTITY, film_facts, lifetimes
from movie_mlops.features.measures import Condition, Measure, Source
from movie_mlops.features.parts import Extreme, Faded, Part, Run, Total
from movie_mlops.features.pieces import pieces
from movie_mlops.features.timeline import DAY, NEVER, NO_TIME, Lifetimes

KEY: Final = "key"
STATE: Final = "state"
_TIME: Final = "time"
_NUMBER: Final = "number"
_NOTHING: Final = "0"


def fold_states(
    view: FeatureView,
    interactions: pl.LazyFrame,
    *,
    at: datetime,
    config: FeedbackConfig,
    films: pl.LazyFrame,
    memory: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield the packed state of every entity that interactions are about, as much at once as memory has room for.

    Args:
        view: Whose folds.
        interactions: Rows of the table ``interactions``.
        at: What fell out of every window by then is left out.
        config: What counts as liking.
        films: Rows of the table ``movies``.
        memory: About so many bytes are taken at once; ``None``: an eighth of what is left.

    Returns:
        One row per entity: ``key`` as text, ``state`` as :meth:`Fold.pack` would write it, without words.
    """
    for said in pieces(interactions, view.entity.folds, memory=memory):
        yield _states(view, said, at=at, config=config, films=films)


def _states(
    view: FeatureView, interactions: pl.LazyFrame, *, at: datetime, config: FeedbackConfig, films: pl.LazyFrame
) -> pl.DataFrame:
    by = view.entity.folds
    entities = interactions.select(by).unique().sort(by).collect().with_row_index(ENTITY)
    entities = entities.with_columns(pl.col(ENTITY).cast(pl.Int64))
    said = interactions.join(entities.lazy(), on=by).with_columns(
        # Nothing is read as of an earlier time, so that the undated can begin anywhere before all others.
        pl.col(EVENT_TIME).fill_null(pl.lit(0).cast(pl.Datetime("us", "UTC"))).alias(BEGINS)
    )
    followed = [part.follows for part in view.parts if part.follows is not None]
    conditions: list[Condition] = list({m.condition: None for m in followed if m.condition is not None})
    lives = lifetimes(said, {m.source for m in followed}, conditions, film_facts(films, conditions), config, folds=by)
    counting = {source: _counting(each) for source, each in lives.items()}
    columns = [
        _column(part, counting, at).rename({STATE: f"part {place}"}) if part.follows else None
        for place, part in enumerate(view.parts)
    ]
    frame = entities
    empty = []
    for place, (part, column) in enumerate(zip(view.parts, columns, strict=True)):
        if column is not None:
            frame = frame.join(column, on=ENTITY, how="left", maintain_order="left")
        empty.append(pl.lit(_NOTHING) if column is None else pl.col(f"part {place}").fill_null(_empty(part)))
    words = ",".join(f'"{source.value}":[]' for source in lives if source is not Source.EVENTS)
    body = pl.concat_str(empty, separator=",")
    packed = pl.concat_str(pl.lit('{"parts":['), body, pl.lit('],"words":{' + words + "}}"))
    return frame.select(pl.col(by).cast(pl.String).alias(KEY), packed.alias(STATE))


def _counting(lives: Lifetimes) -> pl.DataFrame:
    """Return the words that no later one has taken the place of."""
    frame = lives.facts.with_columns(
        pl.Series(ENTITY, lives.entity), pl.Series(_TIME, lives.time), pl.Series("ends", lives.ends)
    )
    return frame.filter(pl.col("ends") == NEVER)


def _column(part: Part, counting: dict[Source, pl.DataFrame], at: datetime) -> pl.DataFrame:
    """Return (entity, state) of one part, for the entities that have any."""
    measure = part.follows
    assert measure is not None
    said = _said(measure, counting[measure.source])
    dated = said.filter(pl.col(_TIME) != NO_TIME)
    if isinstance(part, Total):
        amount = (pl.col(_NUMBER) ** part.power).sum() if part.power else pl.len()
        amount = amount.cast(pl.Int64)
        if part.window is None:
            return said.group_by(ENTITY).agg(amount.cast(pl.String).alias(STATE))
        recent = dated.filter(pl.col(_TIME) > microseconds(at) - part.window.starts)
        return _pairs(recent.group_by(ENTITY, _TIME).agg(amount.alias("amount")))
    if isinstance(part, Faded):
        latest = pl.col(_TIME).max()
        total = (pl.col(_NUMBER) * ((pl.col(_TIME) - latest) / part.half_life * pl.lit(2.0).log()).exp()).sum()
        return dated.group_by(ENTITY).agg(pl.format("[{},{}]", total, latest).alias(STATE))
    if isinstance(part, Extreme):
        found = pl.col(_TIME).max() if part.latest else pl.col(_TIME).min()
        return dated.group_by(ENTITY).agg(found.cast(pl.String).alias(STATE))
    assert isinstance(part, Run)
    days = dated.select(ENTITY, (pl.col(_TIME) // DAY).alias(_TIME)).unique()
    return _pairs(days.with_columns(pl.lit(1, pl.Int64).alias("amount")))


def _said(measure: Measure, counting: pl.DataFrame) -> pl.DataFrame:
    """Return (entity, time, number) of each word that a measure counts."""
    if measure.condition is not None:
        counting = counting.filter(pl.col(measure.condition.name))
    return counting.select(ENTITY, _TIME, measure.column.alias(_NUMBER)).drop_nulls(_NUMBER)


def _pairs(frame: pl.DataFrame) -> pl.DataFrame:
    """Return each entity's (time, amount) as the JSON of a list of pairs."""
    pairs = pl.format("[{},{}]", pl.col(_TIME), pl.col("amount"))
    joined = pl.format("[{}]", pairs.str.join(","))
    return (
        frame.filter(pl.col("amount") != 0)
        .sort(ENTITY, _TIME)
        .group_by(ENTITY, maintain_order=True)
        .agg(joined.alias(STATE))
    )


def _empty(part: Part) -> str:
    """Return the state of nothing, as JSON."""
    state = part.empty()
    return "[]" if isinstance(state, dict) else f"[{state[0]},{state[1]}]" if isinstance(state, list) else str(state)
