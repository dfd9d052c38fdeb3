"""The feature store's views for models: of the likes that a model learns from, each as it was known at its moment.

The trees of a model look at views in training and when it answers. In training they are computed here, from the likes
of the training and from nothing else, by the same definitions as the store's rows; so a feature that is not made of
likes cannot be read. What answers reads the rows of the online store, which hold the same numbers, as parity tests say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT, KIND, MOVIE_ID, USER_ID, VALUE
from movie_mlops.core.nouns import Kind
from movie_mlops.evaluation import EvaluationCase
from movie_mlops.evaluation.case import Scorer
from movie_mlops.features import AT, VIEWS, FeatureError, FeatureView, FeedbackConfig, features_at
from movie_mlops.features.measures import LIKES
from movie_mlops.recommenders import Recommender

_TIME: Final = pl.Datetime("us", "UTC")
_SECOND: Final = 1_000_000
_UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where nothing has a time everything is asked about at this one, which counts for nothing but the films' ages."""
_NOT_DATED: Final = -1

Likes = sparse.csr_matrix | sparse.csr_array[Any, tuple[int, int]]


def views_of(references: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return version and digest of each view that features are of, by its name.

    Raises:
        FeatureError: A model cannot read one of them.
    """
    views = [_view_of(reference) for reference in references]
    return {view.name: {"version": view.version, "digest": VIEWS[view.name].digest()} for view in views}


@dataclass(frozen=True)
class LikesFeatures:
    """Computes features of users and films from likes.

    Attributes:
        names: Which, such as ``film_features:likes_30d``.
        movie_ids: The film of each column of what it is given.
        movies: One row for each film; ``None`` where nothing is known of any.

    Raises:
        FeatureError: There is no such feature, or a model cannot read it: it is no number, or made of something else
            than likes.
    """

    names: tuple[str, ...]
    movie_ids: NDArray[np.int64]
    movies: pl.DataFrame | None

    def __post_init__(self) -> None:
        for name in self.names:
            _view_of(name)

    def in_training(self, matrix: Likes, times: NDArray[np.int64] | None) -> "InTraining":
        """Return what was known of the users of a training matrix."""
        return InTraining(self, matrix, times)

    def look_up(self, likes: pl.LazyFrame, rows: pl.DataFrame, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the features of rows, in their order.

        Args:
            likes: As interactions.
            rows: Users, films and times.
            shape: Of the result, without its last axis.
        """
        films = None if self.movies is None else self.movies.lazy()
        found = np.empty((rows.height, len(self.names)), np.float32)
        for place, name in enumerate(self.names):
            view = _view_of(name)
            keys = [*view.entity.key_names, AT]
            asked = rows.select(keys).unique(maintain_order=True)
            told = features_at(view, asked, likes, config=FeedbackConfig(), films=films, knowledge=None)
            column = rows.select(keys).join(told, on=keys, how="left", maintain_order="left")[view.names[0]]
            found[:, place] = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        return found.reshape(*shape, len(self.names))


@dataclass(frozen=True)
class InTraining:
    """What was known of the users of a training matrix; see `movie_mlops.recommenders.TrainingFeatures`."""

    features: LikesFeatures
    matrix: Likes
    times: NDArray[np.int64] | None

    @property
    def names(self) -> tuple[str, ...]:
        """The features."""
        return self.features.names

    def at(
        self, users: NDArray[np.int64], films: NDArray[np.int32], moments: NDArray[np.int64] | None, shown: Likes
    ) -> NDArray[np.float32]:
        """Return what was known of pairs, of each user before a moment; without moments from ``shown`` alone."""
        ids = self.features.movie_ids
        if moments is None:
            likes, at = _interactions(shown, None, ids), np.full(len(users), _micros(_UNDATED))
        else:
            likes, at = _interactions(self.matrix, self.times, ids), moments * _SECOND - 1
        return self.features.look_up(likes, _rows(users, ids[films], at), films.shape)


@dataclass(frozen=True)
class OfHistories:
    """What is known of people by their histories, and of films by what everybody else liked.

    Attributes:
        features: What computes it.
        films: float32[all films, features], those of the films alone; NaN elsewhere.
        now: Microseconds since 1970 from which answers look back.
        histories: Of the people.
        times: Unix seconds of each of their values; ``None`` where there are none.
    """

    features: LikesFeatures
    films: NDArray[np.float32]
    now: int
    histories: Likes
    times: NDArray[np.int64] | None

    @property
    def names(self) -> tuple[str, ...]:
        """The features."""
        return self.features.names

    def of(self, people: NDArray[np.int64], films: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return what is known of pairs; of somebody who did something since, as of then."""
        own = [place for place, name in enumerate(self.names) if _view_of(name).entity.folds == USER_ID]
        told = self.films[films]
        if own:
            asked = LikesFeatures(
                tuple(self.names[place] for place in own), self.features.movie_ids, self.features.movies
            )
            ids = self.features.movie_ids
            rows = _rows(people, ids[films], self._moments()[people])
            told[..., own] = asked.look_up(_interactions(self.histories, self.times, ids), rows, films.shape)
        return told

    def _moments(self) -> NDArray[np.int64]:
        latest = np.full(self.histories.shape[0], self.now)
        if self.times is not None:
            rows = np.repeat(np.arange(self.histories.shape[0]), np.diff(self.histories.indptr))
            np.maximum.at(latest, rows, self.times * _SECOND)
        return latest


@dataclass(frozen=True)
class Informed:
    """A model that is judged as it answers: with features, of the films as they stood when its training ended.

    Attributes:
        model: It.
        features: What computes them.
        films: See :class:`OfHistories`.
        now: Likewise.
    """

    model: Recommender
    features: LikesFeatures
    films: NDArray[np.float32] = field(repr=False)
    now: int

    def score(
        self,
        histories: sparse.csr_matrix,
        *,
        times: NDArray[np.int64] | None = None,
        traits: sparse.csr_matrix | None = None,
    ) -> NDArray[np.float32]:
        """Score every film for every history."""
        known = OfHistories(self.features, self.films, self.now, histories, times)
        return self.model.asked_with(known).score(histories, times=times, traits=traits)


def training_features(
    model: Recommender,
    matrix: Likes,
    times: NDArray[np.int64] | None,
    movie_ids: NDArray[np.int64],
    movies: pl.DataFrame | None,
) -> InTraining | None:
    """Return what a model reads of the feature store while it is trained; ``None`` where it reads nothing."""
    if not model.capabilities.reads_features:
        return None
    return LikesFeatures(model.store_features, movie_ids, movies).in_training(matrix, times)


def informed(
    model: Recommender,
    matrix: Likes,
    times: NDArray[np.int64] | None,
    movie_ids: NDArray[np.int64],
    movies: pl.DataFrame | None,
) -> Scorer:
    """Return a fitted model as it answers after a training: itself where it reads nothing of the feature store."""
    if not model.store_features:
        return model
    features = LikesFeatures(model.store_features, movie_ids, movies)
    dated = times is not None and times.size and times.min() >= 0
    now = (int(times.max()) + 1) * _SECOND if times is not None and dated else _micros(_UNDATED)
    films = np.full((len(movie_ids), len(features.names)), np.nan, np.float32)
    of_films = [place for place, name in enumerate(features.names) if _view_of(name).entity.key_names == (MOVIE_ID,)]
    if of_films:
        asked = LikesFeatures(tuple(features.names[place] for place in of_films), movie_ids, movies)
        places = np.arange(len(movie_ids), dtype=np.int32)[np.newaxis]
        rows = _rows(np.zeros(1, np.int64), movie_ids[places], np.full(1, now))
        likes = _interactions(matrix, times if dated else None, movie_ids)
        films[:, of_films] = asked.look_up(likes, rows, (len(movie_ids),))
    return Informed(model, features, films, now)


def case_features(model: Recommender, case: EvaluationCase) -> InTraining | None:
    """Return what a model reads of the feature store while it is trained on a case."""
    return training_features(model, case.train, case.train_times, case.movie_ids, case.films)


def as_it_answers(model: Recommender, case: EvaluationCase) -> Scorer:
    """Return a model that was fitted on a case as it answers there."""
    return informed(model, case.train, case.train_times, case.movie_ids, case.films)


def _view_of(reference: str) -> FeatureView:
    """Return the view of one feature, with that alone.

    Raises:
        FeatureError: It is none that a model can read.
    """
    views = VIEWS.select([reference])
    if len(views) != 1 or len(views[0].features) != 1:
        raise FeatureError(
            f"{reference!r} is not one feature.", next_step="Name it with its view, such as film_features:likes_30d."
        )
    [feature] = views[0].features
    followed = [part.follows for part in feature.aggregation.parts if part.follows is not None]
    if not feature.dtype.is_numeric() or any(measure.everywhere() != LIKES for measure in followed):
        raise FeatureError(
            f"A model cannot read {reference!r}: models learn from likes, and it is made of something else.",
            next_step="Name features that are numbers made of likes; 'movie-mlops features list' shows all.",
        )
    return views[0]


def _interactions(likes: Likes, times: NDArray[np.int64] | None, movie_ids: NDArray[np.int64]) -> pl.LazyFrame:
    """Return likes as the rows of interactions that they would be; users go by the number of their row."""
    rows = np.repeat(np.arange(likes.shape[0], dtype=np.int64), np.diff(likes.indptr))
    liked = likes.data > 0
    columns: Mapping[str, Any] = {
        USER_ID: pl.Series(rows[liked]).cast(pl.String),
        MOVIE_ID: movie_ids[likes.indices[liked]],
        EVENT_TIME: np.full(int(liked.sum()), _NOT_DATED) if times is None else times[liked] * _SECOND,
    }
    dated = pl.when(pl.col(EVENT_TIME) >= 0).then(pl.col(EVENT_TIME)).cast(_TIME)
    return (
        pl.DataFrame(columns)
        .with_columns(
            dated,
            pl.lit(Kind.LIKE.value).alias(KIND),
            pl.lit(None, pl.Float32).alias(VALUE),
            dated.fill_null(pl.lit(0).cast(_TIME)).alias(INGESTED_AT),
        )
        .lazy()
    )


def _rows(users: NDArray[np.int64], films: NDArray[np.int64], at: NDArray[np.int64]) -> pl.DataFrame:
    """Return each user with each of their films, at the user's time in microseconds."""
    return pl.DataFrame(
        {
            USER_ID: pl.Series(np.repeat(users, films.shape[1])).cast(pl.String),
            MOVIE_ID: films.reshape(-1).astype(np.int64),
            AT: pl.Series(np.repeat(at, films.shape[1])).cast(_TIME),
        }
    )


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * _SECOND
