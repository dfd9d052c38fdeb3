"""Bringing data in: sources, the contract, the quarantine, the load."""

from movie_mlops.ingest.config import IngestConfig, SourceOptions
from movie_mlops.ingest.errors import DownloadError, SourceError
from movie_mlops.ingest.load import IngestReport, load, load_events
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.sources import Source, open_source

__all__ = [
    "DownloadError",
    "IngestConfig",
    "IngestReport",
    "RawTable",
    "Source",
    "SourceError",
    "SourceOptions",
    "load",
    "load_events",
    "open_source",
]
