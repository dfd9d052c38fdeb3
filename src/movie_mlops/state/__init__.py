"""The SQL side of the record: one database per data set holds the ledger, the event log, histories and steps."""

from movie_mlops.state.append_only import append_only
from movie_mlops.state.chain import FIRST, NOTHING, Break, Link, first_break, seal_of
from movie_mlops.state.config import StateConfig
from movie_mlops.state.database import METADATA, Database
from movie_mlops.state.driver import Insertion, fetch_rows, insert_texts, run, run_for_each
from movie_mlops.state.errors import StateError
from movie_mlops.state.growing import gained

__all__ = [
    "FIRST",
    "METADATA",
    "NOTHING",
    "Break",
    "Database",
    "Insertion",
    "Link",
    "StateConfig",
    "StateError",
    "append_only",
    "fetch_rows",
    "first_break",
    "gained",
    "insert_texts",
    "run",
    "run_for_each",
    "seal_of",
]
