"""Events and lists that are sound, read at a glance: what the shapes of the API let through, without a model for each.

Whatever is unusual is ``None`` here and is left to the shapes, which say what is wrong with it, if anything is.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import repeat
from typing import Annotated, Any, Final, Protocol, cast

import msgspec
from msgspec import Meta, Struct

from movie_mlops.core.contract import LARGEST_ID, LONGEST_NAME, times_fit, values_fit
from movie_mlops.core.identifiers import time_ordered_ids
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.security.people import KNOWN_AS
from movie_mlops.serving.shapes import MOST_EVENTS, MOST_HISTORY, MOST_PICKS
from movie_mlops.serving.wishes import Wish

_Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
_MovieId = Annotated[int, Meta(ge=0, le=LARGEST_ID)]


class Word(Protocol):
    """What somebody did with a film, by whatever it was read."""

    @property
    def movie_id(self) -> int:
        """The film."""

    @property
    def kind(self) -> Kind:
        """What was done."""

    @property
    def value(self) -> float | None:
        """Stars or watched fraction, where the kind has any."""


class _Event(Struct, forbid_unknown_fields=True, gc=False):
    user_id: _Name
    movie_id: _MovieId
    kind: Kind
    value: float | None = None
    event_id: _Name | None = None
    event_time: Annotated[datetime, Meta(tz=True)] | None = None


class _Batch(Struct, forbid_unknown_fields=True, gc=False):
    events: Annotated[list[_Event], Meta(min_length=1, max_length=MOST_EVENTS)]


class _Word(Struct, forbid_unknown_fields=True, gc=False):
    movie_id: _MovieId
    kind: Kind = Kind.LIKE
    value: float | None = None


class _List(Struct, forbid_unknown_fields=True, gc=False):
    """The words that most lists have; who wishes more is read by the shapes."""

    history: Annotated[list[_Word], Meta(max_length=MOST_HISTORY)]
    k: Annotated[int, Meta(ge=1, le=MOST_PICKS)] = 10
    explain: bool = True
    exclude_seen: bool = True


_LIST: Final = msgspec.json.Decoder(_List)
_ONE: Final = msgspec.json.Decoder(_Event)
_MANY: Final = msgspec.json.Decoder(_Batch)
_MANY_BEGIN: Final = b'{"events"'


def read_body(body: bytes, source: str, latest: datetime) -> tuple[bool, Sequence[Interaction]] | None:
    """Return whether a body is a batch, and what its events say; ``None`` where any of it is not plain to see.

    Args:
        body: JSON, of one event or of a batch.
        source: Where the events come from.
        latest: The latest time that an event may have.
    """
    many = body.startswith(_MANY_BEGIN)
    try:
        events = _MANY.decode(body).events if many else (_ONE.decode(body),)
    except msgspec.MsgspecError:
        return None
    read = _read(events, source, latest)
    return None if read is None else (many, read)


def read_list(body: bytes) -> tuple[Sequence[Word], Wish] | None:
    """Return the history of a list for somebody without an account, and the wish; ``None`` where not plain to see.

    Args:
        body: JSON.
    """
    try:
        read = _LIST.decode(body)
    except msgspec.MsgspecError:
        return None
    if not values_fit([word.kind for word in read.history], [word.value for word in read.history]):
        return None
    return read.history, Wish(k=read.k, explain=read.explain, exclude_seen=read.exclude_seen)


def read_sound(said: Any, source: str, latest: datetime) -> Interaction | None:
    """Return what an event says; ``None`` where that is not plain to see.

    Args:
        said: Plain data of JSON.
        source: Where it comes from.
        latest: The latest time that an event may have.
    """
    try:
        event = msgspec.convert(said, _Event)
    except msgspec.MsgspecError:
        return None
    read = _read((event,), source, latest)
    return None if read is None else read[0]


def _read(events: Sequence[_Event], source: str, latest: datetime) -> list[Interaction] | None:
    """Return what events say, where what msgspec does not look at is sound, too."""
    users, kinds, values, moments = zip(
        *[(each.user_id, each.kind, each.value, each.event_time) for each in events], strict=True
    )
    ids = _ids(events)
    if not (
        "".join(users).isprintable()
        and "".join(ids).isprintable()
        and values_fit(kinds, values)
        and times_fit(moments, latest)
    ):
        return None
    known_as: Callable[[str], str] | None = KNOWN_AS.get()
    names = users if known_as is None else map(known_as, users)
    films = [each.movie_id for each in events]
    return list(map(Interaction._make, zip(ids, names, films, kinds, values, moments, repeat(source))))


def _ids(events: Sequence[_Event]) -> list[str]:
    """Return the ids that events have, and for those without one a new one."""
    without = sum(each.event_id is None for each in events)
    if not without:
        return [cast("str", each.event_id) for each in events]
    new = iter(time_ordered_ids(without))
    return [each.event_id or next(new) for each in events]
