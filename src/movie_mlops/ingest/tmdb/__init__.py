"""Films from The Movie Database (TMDB): a careful client, a journal of what was asked, facts for films of the lake."""

from movie_mlops.ingest.tmdb.client import TmdbClient
from movie_mlops.ingest.tmdb.config import TmdbConfig, TmdbRequest
from movie_mlops.ingest.tmdb.enrich import TmdbReport, enrich
from movie_mlops.ingest.tmdb.errors import TmdbError, TmdbKeyError, TmdbUnavailableError
from movie_mlops.ingest.tmdb.journal import Journal
from movie_mlops.ingest.tmdb.listings import genres

__all__ = [
    "Journal",
    "TmdbClient",
    "TmdbConfig",
    "TmdbError",
    "TmdbKeyError",
    "TmdbReport",
    "TmdbRequest",
    "TmdbUnavailableError",
    "enrich",
    "genres",
]
