"""Events: what users say happened, recorded durably and once, with its effect on their histories."""

from movie_mlops.events.config import EventConfig
from movie_mlops.events.errors import ErasedUserError, EventConflictError, EventError, NoConsentError
from movie_mlops.events.log import EventLog
from movie_mlops.events.recording import Appended
from movie_mlops.events.stored import StoredEvent, envelope

__all__ = [
    "Appended",
    "ErasedUserError",
    "EventConfig",
    "EventConflictError",
    "EventError",
    "EventLog",
    "NoConsentError",
    "StoredEvent",
    "envelope",
]
