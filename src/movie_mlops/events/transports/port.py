"""What a transport is: somewhere to put events, and somewhere to take them."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import orjson
from msgspec import Struct

from movie_mlops.core.cloud_events import SPEC_VERSION
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.events.stored import StoredEvent, envelope


class TransportError(MovieMlopsError):
    """A transport is away, or refuses."""

    code = "transport"
    retryable = True


class Message(NamedTuple):
    """An event on its way.

    Attributes:
        offset: Its place in the log.
        key: Its user: what has one key stays in order.
        body: Its envelope, as JSON.
    """

    offset: int
    key: str
    body: bytes

    @classmethod
    def of(cls, event: StoredEvent) -> "Message":
        """Return an event as it is carried."""
        return cls(event.offset, event.interaction.user_id, orjson.dumps(envelope(event)))


class Delivery(NamedTuple):
    """Something that a transport brought.

    Attributes:
        token: What the transport knows it by.
        offset: The event's place in the log; ``None`` where it is no event.
        body: As it came.
        fault: What is wrong with it.
    """

    token: Any
    offset: int | None
    body: bytes = b""
    fault: str | None = None


class Carries(Protocol):
    """Where a relay puts events."""

    name: str
    keeps_all: bool
    """Whether it has whatever it had once, so that nothing is trimmed and nothing left out."""

    def last(self) -> int:
        """Return the offset of the newest event that it has; 0 for none.

        Raises:
            TransportError: It is away.
        """
        ...

    def send(self, messages: Sequence[Message], *, after: int) -> bool:
        """Put events in, all or none.

        Args:
            messages: In the order of the log.
            after: The newest that it must have: where it has another, somebody else sent meanwhile, or it lost some.

        Returns:
            Whether it had, and took them.

        Raises:
            TransportError: It is away; it may have some of them.
        """
        ...

    def forget(self, offsets: Sequence[int]) -> int:
        """Remove events that were erased; return how many were there."""
        ...

    def trim(self, before: int) -> None:
        """Remove what is older than an offset."""
        ...


class Source(Protocol):
    """Where a consumer takes events."""

    def take(self, most: int, wait_seconds: float) -> list[Delivery]:
        """Return what came, waiting for the first so long.

        Raises:
            TransportError: It is away.
        """
        ...

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Say that deliveries need not come again."""
        ...


class _Data(Struct, gc=False):
    movie_id: int


class _Envelope(Struct, gc=False):
    """What a consumer must know of an envelope; the rest is passed over, and the event itself comes from the log."""

    sequence: str
    specversion: str
    data: _Data


_READ: Final = msgspec.json.Decoder(_Envelope).decode


def read_message(token: Any, body: bytes) -> Delivery:
    """Return what came as a delivery: an event's place where it is an envelope of ours."""
    try:
        said = _READ(body)
        offset = int(said.sequence)
    except ValueError:
        return Delivery(token, None, body, "It is no envelope of an event.")
    if said.specversion != SPEC_VERSION or offset <= 0:
        return Delivery(token, None, body, "Its envelope says what cannot be.")
    return Delivery(token, offset, body)
