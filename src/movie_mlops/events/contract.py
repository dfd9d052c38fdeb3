"""What an interaction must be to be recorded as an event."""

from datetime import UTC, datetime
from typing import Final

from movie_mlops.core.clock import to_iso
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.events.config import EventConfig
from movie_mlops.events.errors import EventError

_VALUES: Final = {Kind.RATING: (0.5, 5.0), Kind.WATCH: (0.0, 1.0)}
_LARGEST_ID: Final = 2**63 - 1
_OLDEST: Final = datetime(1970, 1, 1, tzinfo=UTC)

_Fault = tuple[str, str]
"""The field, and what is wrong with it."""


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
    fault = _name_fault(interaction, config) or _value_fault(interaction) or _time_fault(interaction, now, config)
    if fault:
        field, problem = fault
        raise EventError(
            f"Event {position} ('{ascii(interaction.event_id)[1:-1]}'): {field} {problem}.",
            next_step="Correct it and send the whole batch again; nothing of it was recorded.",
            field=field,
            position=position,
        )


def _name_fault(interaction: Interaction, config: EventConfig) -> _Fault | None:
    names = (("event_id", interaction.event_id), ("user_id", interaction.user_id), ("source", interaction.source))
    for field, name in names:
        # Printable text has no control characters and no broken surrogates: every store and every log can hold it.
        if not (0 < len(name) <= config.longest_id and name.isprintable()):
            return field, f"must be 1 to {config.longest_id} printable characters"
    if not 0 <= interaction.movie_id <= _LARGEST_ID:
        return "movie_id", f"is {interaction.movie_id}, but must be a whole number from 0 to {_LARGEST_ID}"
    return None


def _value_fault(interaction: Interaction) -> _Fault | None:
    kind, value = interaction.kind, interaction.value
    if kind not in _VALUES:
        return None if value is None else ("value", f"is {value}, but a {kind} has none")
    low, high = _VALUES[kind]
    if value is None:
        return ("value", f"is missing: a rating has {low} to {high} stars") if kind is Kind.RATING else None
    # Written so that NaN fails too.
    return None if low <= value <= high else ("value", f"is {value}, but must be from {low} to {high} for a {kind}")


def _time_fault(interaction: Interaction, now: datetime, config: EventConfig) -> _Fault | None:
    moment = interaction.event_time
    if moment is None:
        return None
    if moment.tzinfo is None:
        return "event_time", f"is {moment.isoformat()}, which has no time zone"
    if moment < _OLDEST:
        return "event_time", f"is {moment.isoformat()}, which is before 1970"
    if moment - now > config.clock_skew:
        return "event_time", f"is {moment.isoformat()}, which is in the future (now is {to_iso(now)})"
    return None
