"""What an interaction must be to be recorded as an event."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from movie_mlops.core.contract import LARGEST_ID, VALUES, movie_id_fault, name_fault, time_fault, value_fault
from movie_mlops.core.errors import ItemFault
from movie_mlops.core.nouns import Interaction
from movie_mlops.events.config import EventConfig
from movie_mlops.events.errors import EventError

_OLDEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def check_all(interactions: Iterable[Interaction], *, now: datetime, config: EventConfig) -> None:
    """Make sure that every interaction of a batch can be recorded; see :func:`check`.

    What is sound is let through by one look at each field; only what is not is asked what is wrong with it.
    """
    longest, latest = config.longest_id, now + config.clock_skew
    for position, each in enumerate(interactions):
        event_id, user_id, source, moment = each.event_id, each.user_id, each.source, each.event_time
        if not (
            0 < len(event_id) <= longest
            and event_id.isprintable()
            and 0 < len(user_id) <= longest
            and user_id.isprintable()
            and 0 < len(source) <= longest
            and source.isprintable()
            and 0 <= each.movie_id <= LARGEST_ID
            and (each.value is None if each.kind not in VALUES else value_fault(each.kind, each.value) is None)
            and (moment is None or (moment.tzinfo is not None and _OLDEST <= moment <= latest))
        ):
            check(each, position=position, now=now, config=config)


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
