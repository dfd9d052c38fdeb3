"""The port: what an engine does with the lake's interactions, beside what every engine does."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import polars as pl

from movie_mlops.core.engine import Engine
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView
from movie_mlops.features.offline import Frames
from movie_mlops.features.point_in_time import Knowledge
from movie_mlops.lake import Lake


class FeatureEngine(Engine, Protocol):
    """An engine that reads the lake."""

    def tables(
        self,
        views: Sequence[FeatureView],
        lake: Lake,
        versions: Mapping[str, int],
        config: FeedbackConfig,
        *,
        memory: int | None = None,
    ) -> dict[str, Frames]:
        """Compute views for every entity that somebody met, as of the newest interaction.

        Args:
            views: Of :data:`~movie_mlops.features.views.VIEWS`, each about one key.
            lake: Where ``interactions`` and ``movies`` are.
            versions: Of both.
            config: What counts as liking.
            memory: About so many bytes are taken at once where this process computes; ``None``: an eighth of what is
                left. The workers of a cluster take what they are given.

        Returns:
            By the view's name what :func:`~movie_mlops.features.offline.snapshots` gives.

        Raises:
            FeatureError: A view has no table.
            LakeError: A table or version is not there.
        """
        ...

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
        """Compute a view for rows, each at its own time.

        Args:
            view: Of :data:`~movie_mlops.features.views.VIEWS`, or some features of one.
            rows: The entity's keys and ``at``.
            lake: Where ``interactions`` and ``movies`` are.
            versions: Of both.
            config: What counts as liking.
            knowledge: What had arrived by when.

        Returns:
            What :func:`~movie_mlops.features.point_in_time.features_at` gives.

        Raises:
            FeatureError: The rows do not fit the view.
            LakeError: A table or version is not there.
        """
        ...

    def words(self, lake: Lake, version: int | None, config: FeedbackConfig) -> pl.DataFrame:
        """Return what :func:`~movie_mlops.features.feedback.latest_words` makes of a version, the newest by default."""
        ...

    def feedback(
        self, lake: Lake, version: int | None, config: FeedbackConfig, *, memory: int | None = None
    ) -> pl.DataFrame:
        """Return what :func:`~movie_mlops.features.feedback.feedback` makes of a version, the newest by default.

        Args:
            lake: Where ``interactions`` are.
            version: Which.
            config: What counts as liking.
            memory: As for :meth:`tables`; what is returned comes on top.
        """
        ...

    def close(self) -> None:
        """Let go of what was started."""
        ...
