"""What can go wrong with events."""

from collections.abc import Sequence
from typing import ClassVar

from movie_mlops.core.errors import BatchRefusedError, ItemFault, MovieMlopsError


class EventError(BatchRefusedError):
    """An event says something that cannot be."""

    code: ClassVar[str] = "event"

    @property
    def field(self) -> str:
        """The field that is wrong, of the first such event."""
        return self.faults[0].field

    @property
    def position(self) -> int:
        """Which event of the batch that is, from 0."""
        return self.faults[0].position


class ErasedUserError(EventError):
    """An event is of somebody whose data was erased: nothing of theirs comes in again."""

    code: ClassVar[str] = "erased-user"


class NoConsentError(EventError):
    """An event is of somebody who does not permit that their history is kept."""

    code: ClassVar[str] = "no-consent"


class EventConflictError(BatchRefusedError):
    """An event has the id of an earlier one, but says something else.

    Attributes:
        event_id: The id; of several the first.

    Args:
        event_ids: The ids, and which events of the batch have them.
    """

    code: ClassVar[str] = "event-conflict"

    def __init__(self, event_ids: Sequence[tuple[int, str]]) -> None:
        self.event_id = event_ids[0][1]
        super().__init__(
            f"The event id '{self.event_id}' is taken by an event with another content; nothing of the batch was"
            " recorded.",
            next_step="Give every event an id of its own, such as a random UUID.",
            faults=[
                ItemFault(position, "event_id", f"'{event_id}' is taken by an event with another content", self.code)
                for position, event_id in event_ids
            ],
        )


class DeadLetterError(MovieMlopsError):
    """A dead letter that is not there, or cannot be retried."""

    code: ClassVar[str] = "dead-letter"


class SchemaError(MovieMlopsError):
    """A schema of events was changed, or cannot follow the one before it."""

    code: ClassVar[str] = "event-schema"


class PruneError(MovieMlopsError):
    """Events that may not go yet."""

    code: ClassVar[str] = "prune"
