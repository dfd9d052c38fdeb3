"""Which work belongs to which request, through rooms, threads and processes: the seam of tracing.

Rooms say what they do with :func:`span`. Nothing comes of it, in a fraction of a microsecond, until a tracer is given
to the door (see :mod:`movie_mlops.monitoring.tracing`). A request's place in its caller's trace is carried on.

The place is written as the header ``traceparent`` says it (W3C Trace Context, 2021).
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Protocol, Self

SpanKind = Literal["internal", "server", "producer", "consumer"]
Fact = str | int | float | bool
"""What a span may tell of itself. No id of a user, no token and no title is one."""

_WRITTEN: Final = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST: Final = 512
_SAMPLED: Final = 1


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A place in a trace.

    Attributes:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        sampled: Whether what happens there is written down.
    """

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def read(cls, written: str) -> Self | None:
        """Return the place that a header says; ``None`` where it is not written as it must be."""
        found = _WRITTEN.fullmatch(written) if len(written) <= _LONGEST else None
        # Later versions may say more behind; the first one may not.
        if found is None or (found[1] == "00" and found[5] is not None):
            return None
        return cls(found[2], found[3], bool(int(found[4], 16) & _SAMPLED))

    def write(self) -> str:
        """Return the header that says the place."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


class Span(Protocol):
    """Some work, from its beginning to its end."""

    @property
    def place(self) -> TraceParent:
        """Where it is, for whatever belongs to it."""
        ...

    def child(self, name: str, kind: SpanKind = "internal") -> "Span":
        """Return a part of it, which begins now."""
        ...

    def tell(self, facts: Mapping[str, Fact]) -> None:
        """Say more about it."""
        ...

    def end(self, *, name: str | None = None, failed: str | None = None) -> None:
        """End it.

        Args:
            name: What it is called, where that is only known now.
            failed: The kind of error that it failed with.
        """
        ...


class Tracer(Protocol):
    """Writes spans down somewhere; it neither fails nor waits."""

    @property
    def dropped(self) -> int:
        """How many spans were not written down."""
        ...

    def start(
        self,
        name: str,
        *,
        kind: SpanKind = "internal",
        parent: TraceParent | None = None,
        links: Sequence[TraceParent] = (),
    ) -> Span:
        """Return a span that begins now.

        Args:
            name: What is done; the same for many.
            kind: How it stands to others.
            parent: What it is a part of, elsewhere.
            links: What it goes on with, of other traces.
        """
        ...


@dataclass(frozen=True, slots=True)
class Carried:
    """A place that is passed on, where nothing is written down.

    Attributes:
        place: It.
    """

    place: TraceParent

    def child(self, name: str, kind: SpanKind = "internal") -> Self:  # noqa: ARG002 - as every span
        """Return the same: no part is known either."""
        return self

    def tell(self, facts: Mapping[str, Fact]) -> None:
        """Say it to nobody."""

    def end(self, *, name: str | None = None, failed: str | None = None) -> None:
        """End what never began."""


CURRENT: Final[ContextVar[Span | None]] = ContextVar("movie_mlops_span", default=None)
"""The span that is worked on; ``None`` where nobody asked for any."""


class _Within:
    """Makes a span the current one, and ends it."""

    __slots__ = ("_before", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        self._before: Token[Span | None] = CURRENT.set(self._span)
        return self._span

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        CURRENT.reset(self._before)
        # The kind alone: what an error says may name somebody.
        self._span.end(failed=None if kind is None else kind.__name__)


class _Nothing:
    """In place of a span where there is none."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None


_NOTHING: Final = _Nothing()


def span(name: str, kind: SpanKind = "internal") -> AbstractContextManager[Span | None]:
    """Say that the block is a part of what is worked on.

    Args:
        name: What is done, the same for many: no value of a request is in it.
        kind: How it stands to others.

    Returns:
        A block that gives the span; ``None`` where nobody asked for any.
    """
    current = CURRENT.get()
    return _NOTHING if current is None else _Within(current.child(name, kind))


def traced(
    tracer: Tracer | None, name: str, *, kind: SpanKind = "internal", links: Sequence[TraceParent] = ()
) -> AbstractContextManager[Span | None]:
    """Say that the block is work that no request waits for.

    Args:
        tracer: Where it is written down, if anywhere.
        name: What is done.
        kind: How it stands to others.
        links: The places that it goes on with.
    """
    return _NOTHING if tracer is None else _Within(tracer.start(name, kind=kind, links=links))
