"""What an interaction must be to be recorded as an event."""

from datetime import datetime

from movie_mlops.core.contract import movie_id_fault, name_fault, time_fault, value_fault
from movie_mlops.core.nouns import Interaction
from movie_mlops.events.config import EventConfig
from movie_mlops.events.errors import EventError


def check(interaction: Interaction, *, position: int, now: datetime, config: EventConfig) -> None:
    """Make sure that an interaction can be recorded.

    Args:
        interaction: What somebody says happened.
        position: Which one of its batch it is, from 0.
        now: The present time.
        config: The limits.

    Raises:
        EventError: A field is wrong; the error names it.
    """
    faults = {
        "event_id": name_fault(interaction.event_id, config.longest_id),
        "user_id": name_fault(interaction.user_id, config.longest_id),
        "source": name_fault(interaction.source, config.longest_id),
        "movie_id": movie_id_fault(interaction.movie_id),
        "value": value_fault(interaction.kind, interaction.value),
        "event_time": time_fault(interaction.event_time, now, config.clock_skew),
    }
    for field, fault in faults.items():
        if fault is not None:
            raise EventError(
                f"Event {position} ('{ascii(interaction.event_id)[1:-1]}'): {field} {fault}.",
                next_step="Correct it and send the whole batch again; nothing of it was recorded.",
                field=field,
                position=position,
            )
