"""The SQL side of the record: one database per data set holds the ledger, the event log, histories and steps."""

from movie_mlops.state.append_only import append_only
from movie_mlops.state.config import StateConfig
from movie_mlops.state.database import METADATA, Database
from movie_mlops.state.driver import fetch_rows, run_for_each
from movie_mlops.state.errors import StateError
from movie_mlops.state.growing import gained

__all__ = ["METADATA", "Database", "StateConfig", "StateError", "append_only", "fetch_rows", "gained", "run_for_each"]
