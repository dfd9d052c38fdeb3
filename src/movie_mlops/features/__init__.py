"""Features: what counts as liking, named views as of a time, and the online store of histories."""

from movie_mlops.features.as_of_join import join_as_of
from movie_mlops.features.config import FeedbackConfig, RedisConfig
from movie_mlops.features.content import FilmContent, film_content
from movie_mlops.features.definitions import Entity, Feature, FeatureView, Views
from movie_mlops.features.errors import DefinitionError, FeatureError, UnknownFeatureError
from movie_mlops.features.feedback import feedback, weigh
from movie_mlops.features.fold import Fold, FoldState
from movie_mlops.features.measures import Film
from movie_mlops.features.offline import film_features, known_by, snapshot, user_features
from movie_mlops.features.online import (
    Carrier,
    Counts,
    Cut,
    Histories,
    History,
    OnlineFeatures,
    OnlineStore,
    Prepared,
    Record,
    Row,
    open_redis,
)
from movie_mlops.features.parity import Parity, keep_parity, last_parity
from movie_mlops.features.point_in_time import AT, KNOWN_AT, features_at
from movie_mlops.features.training_sets import TrainingSet, TrainingSets, TrainingSetSpec
from movie_mlops.features.traits import UserTraits, known_traits, named_traits, user_traits
from movie_mlops.features.views import FILM_FEATURES, MATCH_FEATURES, USER_FEATURES, VIEWS

__all__ = [
    "AT",
    "FILM_FEATURES",
    "KNOWN_AT",
    "MATCH_FEATURES",
    "USER_FEATURES",
    "VIEWS",
    "Carrier",
    "Counts",
    "Cut",
    "DefinitionError",
    "Entity",
    "Feature",
    "FeatureError",
    "FeatureView",
    "FeedbackConfig",
    "Film",
    "FilmContent",
    "Fold",
    "FoldState",
    "Histories",
    "History",
    "OnlineFeatures",
    "OnlineStore",
    "Parity",
    "Prepared",
    "Record",
    "RedisConfig",
    "Row",
    "TrainingSet",
    "TrainingSetSpec",
    "TrainingSets",
    "UnknownFeatureError",
    "UserTraits",
    "Views",
    "features_at",
    "feedback",
    "film_content",
    "film_features",
    "join_as_of",
    "keep_parity",
    "known_by",
    "known_traits",
    "last_parity",
    "named_traits",
    "open_redis",
    "snapshot",
    "user_features",
    "user_traits",
    "weigh",
]
