"""What can go wrong with events."""

from typing import ClassVar

from movie_mlops.core.errors import MovieMlopsError


class EventError(MovieMlopsError):
    """An event says something that cannot be.

    Attributes:
        field: The field that is wrong.
        position: Which event of the batch it is, from 0.
    """

    code: ClassVar[str] = "event"

    def __init__(self, problem: str, *, next_step: str, field: str, position: int) -> None:
        super().__init__(problem, next_step=next_step)
        self.field = field
        self.position = position


class ErasedUserError(EventError):
    """An event is of somebody whose data was erased: nothing of theirs comes in again."""

    code: ClassVar[str] = "erased-user"


class NoConsentError(EventError):
    """An event is of somebody who does not permit that their history is kept."""

    code: ClassVar[str] = "no-consent"


class EventConflictError(MovieMlopsError):
    """An event has the id of an earlier one, but says something else.

    Attributes:
        event_id: The id.
    """

    code: ClassVar[str] = "event-conflict"

    def __init__(self, event_id: str) -> None:
        super().__init__(
            f"The event id '{event_id}' is taken by an event with another content; nothing of the batch was recorded.",
            next_step="Give every event an id of its own, such as a random UUID.",
        )
        self.event_id = event_id


class DeadLetterError(MovieMlopsError):
    """A dead letter that is not there, or cannot be retried."""

    code: ClassVar[str] = "dead-letter"


class SchemaError(MovieMlopsError):
    """A schema of events was changed, or cannot follow the one before it."""

    code: ClassVar[str] = "event-schema"


class PruneError(MovieMlopsError):
    """Events that may not go yet."""

    code: ClassVar[str] = "prune"
