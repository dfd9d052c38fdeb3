"""The second engine: the same folds, dealt out to the workers of a Spark cluster.

Nothing is written twice. A worker reads its files of the lake, which this process names, by the reader that the local
engine uses; rows are brought together by user or by film; and on each group the very code of the local engine runs. So
a feature is the same to the last bit, whatever Spark's own types and functions would make of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple
from zlib import crc32

import polars as pl

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT, KIND, MOVIE_ID, USER_ID, VALUE
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView
from movie_mlops.features.engines.cluster import Cluster
from movie_mlops.features.engines.local import LOCAL
from movie_mlops.features.feedback import feedback, latest_words
from movie_mlops.features.offline import Frames, newest, tables_at
from movie_mlops.features.point_in_time import Knowledge, features_at
from movie_mlops.features.views import VIEWS
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS, Lake, pieces

_GROUP: Final = "group"
_READ: Final = (USER_ID, MOVIE_ID, KIND, VALUE, EVENT_TIME, INGESTED_AT)
"""What a fold looks at."""
_ROWS_OF_A_GROUP: Final = 1_000_000
"""About so many interactions are folded at once: with all that is made of them, some hundred megabytes."""


_PLACE: Final = "place of the row in all"


class _Folding(NamedTuple):
    """What all groups of a view share; a view travels by its names, for its formulas are functions."""

    features: tuple[str, ...]
    films: pl.DataFrame
    config: FeedbackConfig
    at: datetime | None = None
    knowledge: Knowledge = None

    @property
    def view(self) -> FeatureView:
        (view,) = VIEWS.select(self.features)
        return view


class SparkEngine(Cluster):
    """See :class:`FeatureEngine`; Spark starts when there is the first thing to do."""

    def tables(
        self,
        views: Sequence[FeatureView],
        lake: Lake,
        versions: Mapping[str, int],
        config: FeedbackConfig,
        *,
        memory: int | None = None,
    ) -> dict[str, Frames]:
        """See :meth:`FeatureEngine.tables`."""
        parts = pieces(lake, INTERACTIONS, version=versions[INTERACTIONS])
        if not parts or any(len(view.entity.keys) > 1 for view in views):
            # There is nothing to deal out; and what cannot be done is said there.
            return LOCAL.tables(views, lake, versions, config, memory=memory)
        films = lake.scan(MOVIES, version=versions[MOVIES]).collect()
        frames, groups = [frame for frame, _ in parts], self._groups(parts)
        at = newest(pl.concat(self.each(_newest_times, None, frames)))
        found = {}
        for view in views:
            folding = _Folding(_names(view), films, config, at=at)
            folded = self.regroup(partial(_by_key, view.entity.folds, groups), _folded, folding, frames, groups)
            found[view.name] = _whole(pl.concat(folded).sort(view.entity.folds))
        return found

    def rows(
        self,
        view: FeatureView,
        rows: pl.DataFrame,
        lake: Lake,
        versions: Mapping[str, int],
        *,
        config: FeedbackConfig,
        knowledge: Knowledge,
    ) -> pl.DataFrame:
        """See :meth:`FeatureEngine.rows`; a view that asks what everybody did cannot be dealt out, and is done here."""
        parts = pieces(lake, INTERACTIONS, version=versions[INTERACTIONS])
        if view.follows_everybody or not parts or rows.is_empty():
            return LOCAL.rows(view, rows, lake, versions, config=config, knowledge=knowledge)
        films = lake.scan(MOVIES, version=versions[MOVIES]).collect()
        groups = self._groups(parts)
        asked = rows.with_row_index(_PLACE).iter_slices(-(-rows.height // groups))
        dealt: list[pl.LazyFrame | pl.DataFrame] = [*(frame for frame, _ in parts), *asked]
        folding = _Folding(_names(view), films, config, knowledge=knowledge)
        made = self.regroup(partial(_by_key, view.entity.folds, groups), _of_rows, folding, dealt, groups)
        return pl.concat([one for one in made if one is not None]).sort(_PLACE).drop(_PLACE)

    def words(self, lake: Lake, version: int | None, config: FeedbackConfig) -> pl.DataFrame:
        """See :meth:`FeatureEngine.words`."""
        found = self._of_users(_words, lake, version, config)
        return LOCAL.words(lake, version, config) if found is None else found

    def feedback(
        self, lake: Lake, version: int | None, config: FeedbackConfig, *, memory: int | None = None
    ) -> pl.DataFrame:
        """See :meth:`FeatureEngine.feedback`."""
        found = self._of_users(_feedback, lake, version, config)
        return LOCAL.feedback(lake, version, config, memory=memory) if found is None else found

    def _of_users(self, gather: Any, lake: Lake, version: int | None, config: FeedbackConfig) -> pl.DataFrame | None:
        """Return what is made of the words of each user, in order; ``None`` where there is no interaction."""
        parts = pieces(lake, INTERACTIONS, version=version)
        if not parts:
            return None
        groups = self._groups(parts)
        frames = [frame for frame, _ in parts]
        made: list[pl.DataFrame] = self.regroup(partial(_by_key, USER_ID, groups), gather, config, frames, groups)
        return pl.concat(made).sort(USER_ID, MOVIE_ID)

    def _groups(self, parts: Sequence[tuple[pl.LazyFrame, int]]) -> int:
        return max(self.workers, -(-sum(rows for _, rows in parts) // _ROWS_OF_A_GROUP))


def _whole(table: pl.DataFrame) -> Frames:
    return Frames(lambda: [table])


def _names(view: FeatureView) -> tuple[str, ...]:
    return tuple(f"{view.name}:{name}" for name in view.names)


def _newest_times(_shared: None, part: pl.LazyFrame) -> pl.DataFrame:
    return part.select(pl.col(EVENT_TIME, INGESTED_AT).max()).collect()


def _by_key(
    key: str, groups: int, _shared: object, part: pl.LazyFrame | pl.DataFrame
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the rows of a part by the group of their key; those of one key go into one group, wherever it is done.

    Polars' own hash is that of a version and a processor; this one is everybody's.
    """
    rows = part if isinstance(part, pl.DataFrame) else part.select(_READ).collect()
    keys = rows[key].unique()
    numbers = pl.Series(_GROUP, [crc32(str(one).encode()) % groups for one in keys.to_list()], pl.Int32)
    dealt = rows.join(pl.DataFrame([keys, numbers]), on=key, maintain_order="left")
    for (group,), own in dealt.partition_by(_GROUP, as_dict=True, include_key=False, maintain_order=True).items():
        yield int(group), own


def _folded(folding: _Folding, parts: list[pl.DataFrame]) -> pl.DataFrame:
    rows, films = pl.concat(parts).lazy(), folding.films.lazy()
    return pl.concat(tables_at(folding.view, rows, folding.at, config=folding.config, films=films))


def _of_rows(folding: _Folding, parts: list[pl.DataFrame]) -> pl.DataFrame | None:
    """Return the rows of a group with their features; ``None`` where there is no row."""
    asked = [part for part in parts if _PLACE in part.columns]
    if not asked:
        return None
    none = pl.DataFrame(schema={name: SCHEMAS[INTERACTIONS][name] for name in _READ})
    said = pl.concat([none, *(part for part in parts if _PLACE not in part.columns)])
    films = folding.films.lazy()
    return features_at(
        folding.view, pl.concat(asked), said.lazy(), config=folding.config, films=films, knowledge=folding.knowledge
    )


def _words(config: FeedbackConfig, parts: list[pl.DataFrame]) -> pl.DataFrame:
    return latest_words(pl.concat(parts).lazy(), config)


def _feedback(config: FeedbackConfig, parts: list[pl.DataFrame]) -> pl.DataFrame:
    return feedback(pl.concat(parts).lazy(), config)
