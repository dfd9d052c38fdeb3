"""Features: what counts as liking, named views as of a time, and the online store of histories."""

from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FILM_FEATURES, USER_FEATURES, Feature, FeatureView
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.feedback import feedback, weigh
from movie_mlops.features.offline import film_features, known_by, user_features
from movie_mlops.features.online import Histories, History

__all__ = [
    "FILM_FEATURES",
    "USER_FEATURES",
    "Feature",
    "FeatureError",
    "FeatureView",
    "FeedbackConfig",
    "Histories",
    "History",
    "feedback",
    "film_features",
    "known_by",
    "user_features",
    "weigh",
]
