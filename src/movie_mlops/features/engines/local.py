"""The engine of this process: polars and NumPy on its cores."""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from movie_mlops.core.columns import USER_ID
from movie_mlops.core.engine import InThisProcess
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView
from movie_mlops.features.engines.port import FeatureEngine
from movie_mlops.features.feedback import feedback, latest_words
from movie_mlops.features.offline import Frames, snapshots
from movie_mlops.features.pieces import pieces
from movie_mlops.features.point_in_time import Knowledge, features_at
from movie_mlops.lake import INTERACTIONS, MOVIES, Lake


class LocalEngine(InThisProcess):
    """See :class:`FeatureEngine`."""

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
        interactions = lake.scan(INTERACTIONS, version=versions[INTERACTIONS])
        films = lake.scan(MOVIES, version=versions[MOVIES])
        return {
            view.name: snapshots(view, interactions, as_of=None, config=config, films=films, memory=memory)
            for view in views
        }

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
        """See :meth:`FeatureEngine.rows`."""
        interactions = lake.scan(INTERACTIONS, version=versions[INTERACTIONS])
        films = lake.scan(MOVIES, version=versions[MOVIES])
        return features_at(view, rows, interactions, config=config, films=films, knowledge=knowledge)

    def words(self, lake: Lake, version: int | None, config: FeedbackConfig) -> pl.DataFrame:
        """See :meth:`FeatureEngine.words`."""
        return latest_words(lake.scan(INTERACTIONS, version=version), config)

    def feedback(
        self, lake: Lake, version: int | None, config: FeedbackConfig, *, memory: int | None = None
    ) -> pl.DataFrame:
        """See :meth:`FeatureEngine.feedback`."""
        some = pieces(lake.scan(INTERACTIONS, version=version), USER_ID, memory=memory)
        return pl.concat([feedback(said, config) for said in some])

    def close(self) -> None:
        """Nothing was started."""


LOCAL: Final[FeatureEngine] = LocalEngine()
"""The engine where none is named."""
