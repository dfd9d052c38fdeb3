"""The only clock: aware UTC times, replaceable in tests."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def now() -> datetime:
    """Return the present time, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one place


def from_unix(seconds: float) -> datetime:
    """Return the aware UTC time of ``seconds`` since 1970-01-01."""
    return datetime.fromtimestamp(seconds, UTC)


def to_iso(moment: datetime) -> str:
    """Return ``moment`` as RFC 3339 in UTC, ending in ``Z``."""
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat().replace("+00:00", "Z")


def read(text: str) -> datetime:
    """Return the time that RFC 3339 or ISO 8601 text names, in UTC; UTC where it names no zone, midnight for a day.

    Raises:
        ValueError: It names none, or one that no calendar holds.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        message = f"{text!r} is outside the calendar"
        raise ValueError(message) from error


def microseconds(moment: datetime) -> int:
    """Return the whole microseconds from 1970-01-01 to an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(moment: int) -> datetime:
    """Return the aware UTC time of so many microseconds since 1970-01-01."""
    return _EPOCH + timedelta(microseconds=moment)


def span(length: timedelta) -> str:
    """Return how long something lasted, for people: in its largest unit, at least ``"less than a minute"``."""
    seconds = max(0.0, length.total_seconds())
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = round(seconds / size)
            return f"{number:,} {word}{'' if number == 1 else 's'}"
    return "less than a minute"


def ago(moment: datetime) -> str:
    """Return how long ago an aware time was, for people."""
    return f"{span(now() - moment)} ago"
