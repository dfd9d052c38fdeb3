"""The port of a feature store, and our own store behind it. Feast is the other one: ``features/feast``."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal, Protocol

import polars as pl

from movie_mlops.core.columns import INGESTED_AT
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import Views
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.online import Cut, OnlineFeatures, Row
from movie_mlops.features.online.rows import Key
from movie_mlops.features.point_in_time import AT, Knowledge, features_at
from movie_mlops.state import Database

Arrived = Literal["row", "cut"]
"""What had arrived: by each row's own time, or everything that the cut holds."""


class Capability(StrEnum):
    """What not every backend can do; what a backend lacks it refuses, and never answers wrongly."""

    BITEMPORAL = "bitemporal"
    """Rows see only what had arrived by their own time."""
    DRIFT = "drift"
    """Features that change with time alone, such as days since the last visit."""
    PAIRS = "pairs"
    """Views about a user and a film together."""


class FeatureBackend(Protocol):
    """A feature store: it takes what the lake holds, joins it with rows of the past, and serves it.

    Attributes:
        name: What it is called.
        capabilities: What it can do, of what not every backend can.
    """

    name: str
    capabilities: frozenset[Capability]

    def take(self, cut: Cut) -> None:
        """Answer from what the lake holds, from now on."""
        ...

    def historical(self, references: Sequence[str], rows: pl.DataFrame, *, arrived: Arrived) -> pl.DataFrame:
        """Give rows their features, each as of its own time.

        Args:
            references: Views or features, such as ``user_features`` or ``user_features:streak_days``.
            rows: The entities' keys and ``at`` (aware, not null); other columns are kept.
            arrived: What had arrived.

        Returns:
            ``rows``, in their order, with columns such as ``user_features__streak_days`` beside them.

        Raises:
            FeatureError: Something asked for is not there, or the backend lacks the capability.
        """
        ...

    def materialise(self) -> None:
        """Make what was taken readable online, as of the newest interaction."""
        ...

    def read_many(self, reference: str, keys: Sequence[Key]) -> list[Row]:
        """Return the online rows of keys, in their order.

        Raises:
            FeatureError: Something asked for is not there, or the backend lacks the capability.
        """
        ...


class OwnBackend:
    """Our own store: folds over the lake, rows in the state database.

    Args:
        database: Where rows are served from.
        views: Which.
        config: What counts as liking.
    """

    name = "own"
    capabilities = frozenset(Capability)

    def __init__(self, database: Database, views: Views, config: FeedbackConfig) -> None:
        self._database = database
        self._views = views
        self._config = config
        self._online = OnlineFeatures(database, views, config)
        self._cut: Cut | None = None

    def take(self, cut: Cut) -> None:
        """See :meth:`FeatureBackend.take`."""
        self._cut = cut

    def historical(self, references: Sequence[str], rows: pl.DataFrame, *, arrived: Arrived) -> pl.DataFrame:
        """See :meth:`FeatureBackend.historical`."""
        cut = taken(self._cut)
        # All that arrived had arrived by when the last of it did.
        knowledge: Knowledge = "row"
        if arrived == "cut":
            knowledge = cut.interactions.select(pl.col(INGESTED_AT).max()).collect().item()
        for view in self._views.select(references):
            found = features_at(
                view,
                rows.select(*(name for name in (*view.entity.key_names, AT) if name in rows.columns)),
                cut.interactions,
                config=self._config,
                films=cut.films,
                knowledge=knowledge,
            )
            rows = rows.hstack(found.select(pl.col(view.names).name.prefix(prefix_of(view.name))))
        return rows

    def materialise(self) -> None:
        """See :meth:`FeatureBackend.materialise`."""
        prepared = self._online.prepare(taken(self._cut))
        if prepared is not None:
            with self._database.write() as connection:
                self._online.write(connection, prepared)

    def read_many(self, reference: str, keys: Sequence[Key]) -> list[Row]:
        """See :meth:`FeatureBackend.read_many`."""
        return self._online.read_many(reference, keys)


_BETWEEN: Final = "__"


def prefix_of(view: str) -> str:
    """Return what the columns of a view begin with."""
    return view + _BETWEEN


def taken(cut: Cut | None) -> Cut:
    """Return what a backend took.

    Raises:
        FeatureError: Nothing yet.
    """
    if cut is None:
        raise FeatureError("The feature store has taken nothing from the lake yet.", next_step="Call take() first.")
    return cut
