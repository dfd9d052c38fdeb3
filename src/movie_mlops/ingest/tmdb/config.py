"""What may be chosen about TMDB."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Films = Literal["linked", "popular", "discover"]


@dataclass(frozen=True)
class TmdbConfig:
    """How the service is asked.

    Attributes:
        url: The service's address, up to and with its version.
        proxy: The proxy's address, where one stands between.
        language: In which language titles, genres and keywords are asked for. Genres are known by their English names.
        requests_per_second: How many requests are sent in the long run. The service allows about forty.
        burst: How many may be sent at once after a rest.
        workers: How many requests are under way at once.
        timeout_seconds: How long one request may take, from the first byte to the last.
        max_bytes: How long an answer may be, unpacked.
        attempts: How often the same question is sent at most.
        patience_seconds: How long a question may take in all, its waits with it.
        backoff_seconds: The longest wait before the second attempt; it doubles with each attempt after that.
        backoff_max_seconds: The longest wait that doubling leads to.
        give_up_after: So many films one after another without an answer end the run.
        batch: How many films go to the lake in one commit; each is in the journal as soon as it is answered.
        cast_size: How many names of the cast are kept, first-billed first.
        resume_within: A run that was cut off is taken up by the same command within this time; later it starts anew.
    """

    url: str = "https://api.themoviedb.org/3"
    proxy: str | None = None
    language: str = "en-US"
    requests_per_second: float = 20.0
    burst: int = 10
    workers: int = 4
    timeout_seconds: float = 10.0
    max_bytes: int = 16 * 1024 * 1024
    attempts: int = 5
    patience_seconds: float = 120.0
    backoff_seconds: float = 0.5
    backoff_max_seconds: float = 20.0
    give_up_after: int = 5
    batch: int = 1000
    cast_size: int = 5
    resume_within: timedelta = timedelta(hours=48)


@dataclass(frozen=True)
class TmdbRequest:
    """Which films are asked for.

    Attributes:
        films: ``linked``: films of the lake that have a TMDB identifier; ``popular`` and ``discover``: films of those
            lists, whether the lake has them or not.
        limit: How many films at most: of those still to ask (``linked``), or from the top of the list.
        since: Only for ``linked``: films that changed at TMDB on this day or later are asked again.
        genres: Only for ``discover``: films of all these genres, by our names or TMDB's.
        years: Only for ``discover``: the first and the last year.
    """

    films: Films = "linked"
    limit: int | None = None
    since: date | None = None
    genres: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
