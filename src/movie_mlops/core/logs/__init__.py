"""Logs: one line an event, written beside the work, with nothing in it that is nobody's business."""

from movie_mlops.core.logs.config import LogConfig
from movie_mlops.core.logs.context import REQUEST_ID
from movie_mlops.core.logs.lines import LogLines

__all__ = ["REQUEST_ID", "LogConfig", "LogLines"]
