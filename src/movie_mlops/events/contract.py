"""What an interaction must be to be recorded as an event."""

from collections.abc import Sequence
from datetime import datetime

from movie_mlops.core.contract import (
    LARGEST_ID,
    movie_id_fault,
    name_fault,
    names_fit,
    time_fault,
    times_fit,
    value_fault,
    values_fit,
)
from movie_mlops.core.errors import ItemFault
from movie_mlops.core.nouns import Interaction
from movie_mlops.events.config import EventConfig
from movie_mlops.events.errors import EventError


def are_sound(interactions: Sequence[Interaction], *, now: datetime, config: EventConfig) -> bool:
    """Return whether :func:`check` finds nothing wrong with any of them, by one look at each field of all.

    Args:
        interactions: What somebody says happened.
        now: The present time.
        config: The limits.
    """
    if not interactions:
        return True
    event_ids, user_ids, movie_ids, kinds, values, moments, sources = zip(*interactions, strict=True)
    return (
        names_fit(event_ids, config.longest_id)
        and names_fit(user_ids, config.longest_id)
        and names_fit(set(sources), config.longest_id)
        and min(movie_ids) >= 0
        and max(movie_ids) <= LARGEST_ID
        and values_fit(kinds, values)
        and times_fit(moments, now + config.clock_skew)
    )


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
                faults=[ItemFault(position, field, fault, EventError.code)],
            )
