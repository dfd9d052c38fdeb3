"""What an interaction that somebody reports must be: the one rule for the API that takes it and the log that keeps it.

Each function returns what is wrong with a field, as the end of a sentence that begins with its name, or ``None``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from movie_mlops.core.clock import to_iso
from movie_mlops.core.nouns import Kind

LARGEST_ID: Final = 2**63 - 1
"""The largest id of a film that every store can hold."""

LONGEST_NAME: Final = 256
"""The most characters of an event id, a user id or a source."""

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far in the future a sender's clock may put an event."""

VALUES: Final[Mapping[Kind, tuple[float, float, str]]] = MappingProxyType(
    {Kind.RATING: (0.5, 5.0, "stars"), Kind.WATCH: (0.0, 1.0, "of the film")}
)
"""The kinds that have a value: its lowest, its highest, its unit."""

_OLDEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def name_fault(name: str, longest: int = LONGEST_NAME) -> str | None:
    """Check an event id, a user id or a source."""
    # Printable text has no control characters and no broken surrogates: every store and every log can hold it.
    return None if 0 < len(name) <= longest and name.isprintable() else f"must be 1 to {longest} printable characters"


def names_fit(names: Collection[str], longest: int = LONGEST_NAME) -> bool:
    """Return whether :func:`name_fault` finds nothing wrong with any of some names, by one look at all of them."""
    lengths = set(map(len, names))
    return not lengths or (min(lengths) > 0 and max(lengths) <= longest and "".join(names).isprintable())


def values_fit(kinds: Sequence[Kind], values: Sequence[float | None]) -> bool:
    """Return whether :func:`value_fault` finds nothing wrong with any of some values; equal ones are looked at once."""
    return all(value_fault(kind, value) is None for kind, value in set(zip(kinds, values, strict=True)))


def times_fit(moments: Iterable[datetime | None], latest: datetime) -> bool:
    """Return whether every time has a zone and is neither before 1970 nor after the latest that may be."""
    said = [moment for moment in moments if moment is not None]
    try:
        return not said or (min(said) >= _OLDEST and max(said) <= latest)
    except TypeError:
        # One without a zone cannot be compared.
        return False


def movie_id_fault(movie_id: int) -> str | None:
    """Check a film's id."""
    if 0 <= movie_id <= LARGEST_ID:
        return None
    return f"is {movie_id}, but must be a whole number from 0 to {LARGEST_ID}"


def value_fault(kind: Kind, value: float | None) -> str | None:
    """Check the value against the kind: a rating needs one, a watch may have one, the others have none."""
    if kind not in VALUES:
        return None if value is None else f"is {value}, but a {kind} has none"
    low, high, unit = VALUES[kind]
    if value is None:
        return f"is missing: a rating has {low} to {high} {unit}" if kind is Kind.RATING else None
    # Written so that NaN fails too.
    return None if low <= value <= high else f"is {value}, but a {kind} has {low} to {high} {unit}"


def time_fault(moment: datetime | None, now: datetime, skew: timedelta = CLOCK_SKEW) -> str | None:
    """Check when it happened; ``None`` is now."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        return f"is {moment.isoformat()}, which has no time zone"
    if moment < _OLDEST:
        return f"is {moment.isoformat()}, which is before 1970"
    if moment - now > skew:
        return f"is {moment.isoformat()}, which is in the future (now is {to_iso(now)})"
    return None
