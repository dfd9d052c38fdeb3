"""The models: arrays in, arrays out; no files, no clock, no settings."""

from movie_mlops.recommenders.blend import BlendRecommender
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import BlendParams, LikedFirstParams, PopularRecentParams
from movie_mlops.recommenders.errors import (
    HistoryError,
    LibraryMissingError,
    MatrixError,
    MemoryNeededError,
    NotFittedError,
    ParameterError,
    RecommenderError,
    RestoreError,
    TrainingError,
    UnknownRecommenderError,
    UnsupportedError,
    UpdateError,
)
from movie_mlops.recommenders.exploring import ExploringPolicy
from movie_mlops.recommenders.known_features import AnswerFeatures, TrainingFeatures
from movie_mlops.recommenders.liked_first import liked_first
from movie_mlops.recommenders.liked_lately import lately_since
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.ranking import NO_ITEM, top_k
from movie_mlops.recommenders.registry import NAMES, create, restore, search_space
from movie_mlops.recommenders.remembered import Remembered
from movie_mlops.recommenders.space import Choice, Range, Space, value_at, with_values
from movie_mlops.recommenders.strongest import strongest
from movie_mlops.recommenders.updating import Change, updated

__all__ = [
    "NAMES",
    "NO_ITEM",
    "AnswerFeatures",
    "BlendParams",
    "BlendRecommender",
    "Capabilities",
    "Change",
    "Choice",
    "ExploringPolicy",
    "HistoryError",
    "LibraryMissingError",
    "LikedFirstParams",
    "MatrixError",
    "MemoryNeededError",
    "NotFittedError",
    "ParameterError",
    "PopularRecentParams",
    "Range",
    "Recommender",
    "RecommenderError",
    "Remembered",
    "RestoreError",
    "Space",
    "TrainingError",
    "TrainingFeatures",
    "UnknownRecommenderError",
    "UnsupportedError",
    "UpdateError",
    "create",
    "lately_since",
    "liked_first",
    "restore",
    "search_space",
    "strongest",
    "top_k",
    "updated",
    "value_at",
    "with_values",
]
