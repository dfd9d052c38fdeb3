"""Events that are sound, read at a glance: what the shapes of the API would let through, without a model for each.

Whatever is unusual is ``None`` here and is left to the shapes, which say what is wrong with it, if anything is.
"""

import re
import secrets
from datetime import UTC, datetime
from typing import Any, Final

from movie_mlops.core.contract import LARGEST_ID, LONGEST_NAME, VALUES, value_fault
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.security.people import known_as

_FIELDS: Final = frozenset({"user_id", "movie_id", "kind", "value", "event_id", "event_time"})
_KINDS: Final = {kind.value: kind for kind in Kind}
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_WHOLE_SECONDS: Final = len("2026-01-31T12:00:00Z")
_MICROSECONDS: Final = len("2026-01-31T12:00:00.000000Z")
_OLDEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS: Final = frozenset({int, float})


def read_sound(said: Any, source: str, latest: datetime) -> Interaction | None:
    """Return what an event says; ``None`` where that is not plain to see.

    Args:
        said: Plain data of JSON.
        source: Where it comes from.
        latest: The latest time that an event may have.
    """
    if type(said) is not dict or not said.keys() <= _FIELDS:
        return None
    user_id, movie_id, kind = said.get("user_id"), said.get("movie_id"), _KINDS.get(_text(said.get("kind")))
    if kind is None or type(movie_id) is not int or not 0 <= movie_id <= LARGEST_ID or not _is_name(user_id):
        return None
    event_id, value, moment = said.get("event_id"), said.get("value"), said.get("event_time")
    read_at = None if moment is None else _time(moment)
    if (
        not (event_id is None or _is_name(event_id))
        or not (value is None or type(value) in _NUMBERS)
        or (value_fault(kind, value) is not None if kind in VALUES else value is not None)
        or not (moment is None or (read_at is not None and _OLDEST <= read_at <= latest))
    ):
        return None
    number = None if value is None else float(value)
    return Interaction(
        event_id or secrets.token_hex(16), known_as(str(user_id)), movie_id, kind, number, read_at, source
    )


def _is_name(said: Any) -> bool:
    return type(said) is str and 0 < len(said) <= LONGEST_NAME and said.isprintable()


def _text(said: Any) -> str:
    return said if type(said) is str else ""


def _time(said: Any) -> datetime | None:
    # Most times are in UTC, and seen to be whole by their marks; whether their digits are a time is seen below.
    if type(said) is not str or not (_is_usual(said) or _TIME.fullmatch(said)):
        return None
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return None


def _is_usual(said: str) -> bool:
    size = len(said)
    return (
        (size == _WHOLE_SECONDS or (_WHOLE_SECONDS + 1 < size <= _MICROSECONDS and said[19] == "."))
        and said[4] == said[7] == "-"
        and said[10] == "T"
        and said[13] == said[16] == ":"
        and said[-1] == "Z"
        and said.isascii()
    )
