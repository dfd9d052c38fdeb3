"""What can go wrong with a recommender."""

from movie_mlops.core.errors import MovieMlopsError


class RecommenderError(MovieMlopsError):
    """Anything about a recommender that a user can do something about."""

    code = "recommender"


class UnknownRecommenderError(RecommenderError):
    """No recommender has the name that was asked for."""

    code = "recommender-unknown"


class ParameterError(RecommenderError):
    """A parameter of a recommender is unknown, of the wrong type or out of its range."""

    code = "recommender-parameter"


class MatrixError(RecommenderError):
    """A user by item matrix, or the times beside it, cannot be used."""

    code = "recommender-matrix"


class HistoryError(RecommenderError):
    """One user's history, or the film that was asked about, cannot be used."""

    code = "recommender-history"


class UpdateError(RecommenderError):
    """A recommender cannot be brought up to date without training it anew."""

    code = "recommender-update"


class NotFittedError(RecommenderError):
    """The recommender was asked before it was trained or restored."""

    code = "recommender-not-fitted"


class UnsupportedError(RecommenderError):
    """The recommender's capabilities do not include what was asked."""

    code = "recommender-unsupported"


class MemoryNeededError(RecommenderError):
    """Training would need more memory than it may use."""

    code = "recommender-memory"


class TrainingError(RecommenderError):
    """The numbers of a training broke down: nothing was kept of it."""

    code = "recommender-training"


class LibraryMissingError(RecommenderError):
    """A library that training needs is not installed."""

    code = "recommender-library"


class RestoreError(RecommenderError):
    """The stored arrays of a recommender are not those that it writes."""

    code = "recommender-restore"
