"""Bringing data in: sources, the contract, the quarantine, the load."""

from movie_mlops.ingest.config import ColumnModes, IngestConfig, Mode, Severity, SourceOptions, TableModes
from movie_mlops.ingest.contract import describe
from movie_mlops.ingest.contracts import CONTRACTS
from movie_mlops.ingest.errors import ContractError, DownloadError, SourceError
from movie_mlops.ingest.from_events import load_events
from movie_mlops.ingest.leaving_out import purpose_of, whom
from movie_mlops.ingest.load import load
from movie_mlops.ingest.people import check_names, open_people
from movie_mlops.ingest.raw import Lane, RawTable
from movie_mlops.ingest.replay import ReplayReport, export, open_rows, read_corrected, replay
from movie_mlops.ingest.sources import Source, open_source
from movie_mlops.ingest.statistics import bounded_by, without_bounds
from movie_mlops.ingest.tally import IngestReport
from movie_mlops.ingest.validation import TableValidation, validate
from movie_mlops.ingest.window import ALL, Window, cursor_of, since_cursor

__all__ = [
    "ALL",
    "CONTRACTS",
    "ColumnModes",
    "ContractError",
    "DownloadError",
    "IngestConfig",
    "IngestReport",
    "Lane",
    "Mode",
    "RawTable",
    "ReplayReport",
    "Severity",
    "Source",
    "SourceError",
    "SourceOptions",
    "TableModes",
    "TableValidation",
    "Window",
    "bounded_by",
    "check_names",
    "cursor_of",
    "describe",
    "export",
    "load",
    "load_events",
    "open_people",
    "open_rows",
    "open_source",
    "purpose_of",
    "read_corrected",
    "replay",
    "since_cursor",
    "validate",
    "whom",
    "without_bounds",
]
