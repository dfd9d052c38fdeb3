"""From interactions to lifetimes: from when on each word is known, and when a later word takes its place."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core.columns import EVENT_TIME, GENRES, INGESTED_AT, KIND, MOVIE_ID, USER_ID, VALUE, WEIGHT, YEAR
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.feedback import RATED, rank_columns, weight_expression
from movie_mlops.features.measures import Condition, Source
from movie_mlops.features.timeline import NEVER, NO_TIME, Lifetimes

ENTITY: Final = "entity"
BEGINS: Final = "begins"
_ENDS: Final = "ends"
_RANK: Final = "rank"
_PLACE: Final = "place"


def lifetimes(
    said: pl.LazyFrame,
    sources: Iterable[Source],
    conditions: Iterable[Condition],
    films: pl.DataFrame | None,
    config: FeedbackConfig,
    *,
    folds: str,
) -> dict[Source, Lifetimes]:
    """Return what each source says.

    Args:
        said: Rows of the table ``interactions`` with two more columns: ``entity`` (Int64 from 0) and ``begins``
            (from when on the row is known, a time).
        sources: Which are asked for.
        conditions: What is asked of films.
        films: The result of :func:`film_facts`; a film that is not there fulfils nothing.
        config: What counts as liking.
        folds: The key that an entity stands for: user_id or movie_id.

    Returns:
        The lifetimes of each source.
    """
    conditions, wanted = list(conditions), set(sources)
    other = USER_ID if folds == MOVIE_ID else MOVIE_ID
    ranked = [other, INGESTED_AT] if wanted - {Source.EVENTS} else []
    weight = weight_expression(config).alias(WEIGHT)
    columns = dict.fromkeys([ENTITY, BEGINS, EVENT_TIME, KIND, VALUE, MOVIE_ID, *ranked])
    known = said.select(*columns, weight).sort(ENTITY, BEGINS).collect()
    if conditions:
        known = with_facts(known, films, conditions)
    names = [condition.name for condition in conditions]
    rated = known.filter(pl.col(KIND).is_in(list(RATED))) if Source.RATINGS in wanted else known
    found = {}
    if Source.EVENTS in wanted:
        found[Source.EVENTS] = _lifetimes(known, np.full(known.height, NEVER), names)
    if Source.WORDS in wanted:
        found[Source.WORDS] = _lifetimes(*_reigns(known, other), names)
    if Source.RATINGS in wanted:
        # Where all that was ever said is ratings, given and withdrawn, the word that counts is the rating that counts.
        same = Source.WORDS in found and rated.height == known.height
        found[Source.RATINGS] = found[Source.WORDS] if same else _lifetimes(*_reigns(rated, other), names)
    return found


def film_facts(films: pl.LazyFrame, conditions: Iterable[Condition]) -> pl.DataFrame:
    """Return movie_id, year and a true or false column for each condition."""
    columns = [condition.column.alias(condition.name) for condition in conditions]
    return films.select(MOVIE_ID, YEAR, GENRES).select(MOVIE_ID, YEAR, *columns).collect()


def with_facts(rows: pl.DataFrame, films: pl.DataFrame | None, conditions: Iterable[Condition]) -> pl.DataFrame:
    """Return ``rows`` with the facts of their films beside them; unknown films fulfil no condition."""
    if films is None:
        empty = {MOVIE_ID: rows.schema[MOVIE_ID], YEAR: pl.Int32(), **{c.name: pl.Boolean() for c in conditions}}
        films = pl.DataFrame(schema=empty)
    joined = rows.join(films, on=MOVIE_ID, how="left", maintain_order="left")
    return joined.with_columns(pl.col(condition.name).fill_null(value=False) for condition in conditions)


def _reigns(words: pl.DataFrame, other: str) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Keep the words that count at some time; return them, in their order, and when a later one takes their place."""
    pair = (ENTITY, other)
    repeated = words.select(pl.struct(pair).is_duplicated().alias("repeated"))["repeated"]
    ends = np.full(words.height, NEVER)
    if not repeated.any():
        return words, ends
    contested = (
        words.with_row_index(_PLACE)
        .filter(repeated)
        .sort(rank_columns(), nulls_last=False)
        .with_row_index(_RANK)
        .sort(*pair, BEGINS, _RANK)
        # Who comes later but ranks lower never counts; of those who come at once only the highest does.
        .filter(pl.col(_RANK) == pl.col(_RANK).cum_max().over(pair))
        .with_columns(pl.col(BEGINS).to_physical().shift(-1).over(pair).fill_null(NEVER).alias(_ENDS))
        .filter(pl.col(BEGINS).to_physical() < pl.col(_ENDS))
    )
    counts = ~repeated.to_numpy()
    counts[contested[_PLACE].to_numpy()] = True
    ends[contested[_PLACE].to_numpy()] = contested[_ENDS].to_numpy()
    return words.filter(pl.Series(counts)), ends[counts]


def _lifetimes(words: pl.DataFrame, ends: NDArray[np.int64], names: list[str]) -> Lifetimes:
    return Lifetimes(
        entity=words[ENTITY].to_numpy(),
        begins=words[BEGINS].to_physical().to_numpy(),
        ends=ends,
        time=words[EVENT_TIME].to_physical().fill_null(NO_TIME).to_numpy(),
        facts=words.select(MOVIE_ID, KIND, VALUE, WEIGHT, *names),
    )
