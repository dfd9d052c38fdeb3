"""What can go wrong with TMDB."""

from movie_mlops.ingest.errors import SourceError


class TmdbError(SourceError):
    """The service cannot be used as it was asked to."""

    code = "tmdb"


class TmdbKeyError(TmdbError):
    """There is no key, or the service does not take it."""

    code = "tmdb-key"


class TmdbUnavailableError(TmdbError):
    """The service does not answer for now."""

    code = "tmdb-unavailable"
    retryable = True


class MalformedAnswerError(TmdbError):
    """The service answered with something that is not JSON, twice.

    Attributes:
        text: What it answered.
    """

    code = "tmdb-malformed"

    def __init__(self, problem: str, *, next_step: str, text: str) -> None:
        super().__init__(problem, next_step=next_step)
        self.text = text


class GoneError(TmdbError):
    """The service says that it has no such thing (any more)."""

    code = "tmdb-gone"
