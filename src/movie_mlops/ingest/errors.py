"""What can go wrong while data is brought in."""

from movie_mlops.core.errors import MovieMlopsError


class SourceError(MovieMlopsError):
    """A source does not exist, is not laid out as it should be, or cannot be read."""

    code = "source"


class DownloadError(SourceError):
    """A download did not end well; what was fetched so far is kept where it can be resumed."""

    code = "download"
    retryable = True


class ContractError(MovieMlopsError):
    """A file is not what its contract says, in a way that the project chose not to let pass."""

    code = "contract"
