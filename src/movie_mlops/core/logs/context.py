"""What every line that is logged during a request says."""

from contextvars import ContextVar
from typing import Final

REQUEST_ID: Final[ContextVar[str | None]] = ContextVar("movie_mlops_request_id", default=None)
"""The id of the request that is being answered; ``None`` outside of any."""
