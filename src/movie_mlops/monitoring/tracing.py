"""Traces by OpenTelemetry, sent to a collector by OTLP over HTTP; no other module knows OpenTelemetry.

Whoever is traced leaves a span in memory; a thread sends them, many at once. How many wait is bounded, and what is not
sent is counted: a collector that is away, slow or wrong costs spans, and nothing else.
"""

import logging
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final, Self
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.trace import Span as OpenTelemetrySpan
from opentelemetry.trace import SpanKind as Kind
from opentelemetry.util.types import Attributes

from movie_mlops import __version__
from movie_mlops.core.tracing import Carried, Fact, Span, SpanKind, TraceParent
from movie_mlops.monitoring.config import TraceConfig
from movie_mlops.monitoring.errors import MonitoringError

_LOG: Final = logging.getLogger("movie_mlops.monitoring.tracing")
_KINDS: Final = {
    "internal": Kind.INTERNAL,
    "server": Kind.SERVER,
    "producer": Kind.PRODUCER,
    "consumer": Kind.CONSUMER,
}
_PATH: Final = "/v1/traces"
_AT_ONCE: Final = 512


class OpenTelemetry:
    """The tracer of one process.

    Args:
        config: Where to, and how much.
        service: Which process it is, such as ``movie-mlops-api``.
        exporter: What sends; OTLP to the address of the settings where it is left out.

    Raises:
        MonitoringError: The address is none.
    """

    def __init__(self, config: TraceConfig, service: str, *, exporter: SpanExporter | None = None) -> None:
        # What it says of every batch that fails we say once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        address = endpoint(config.address)
        self._sending = _Sending(
            exporter or OTLPSpanExporter(endpoint=address, timeout=config.patience_seconds), config.patience_seconds
        )
        self._bounded = _Bounded(self._sending, config)
        who = {"service.name": service, "service.version": __version__, "service.instance.id": secrets.token_hex(8)}
        provider = TracerProvider(
            sampler=ParentBased(_Ratio(config.ratio)), resource=Resource(who), shutdown_on_exit=False
        )
        provider.add_span_processor(self._bounded)
        self._tracer = provider.get_tracer("movie_mlops", __version__)

    @property
    def dropped(self) -> int:
        """How many spans were not sent: too many waited, or the collector did not take them."""
        return self._bounded.dropped + self._sending.dropped

    def start(
        self,
        name: str,
        *,
        kind: SpanKind = "internal",
        parent: TraceParent | None = None,
        links: Sequence[TraceParent] = (),
    ) -> Span:
        """Return a span that begins now, or what carries its place where it is not sampled."""
        # A context of its own: what a library has made current is none of ours.
        within = Context() if parent is None else set_span_in_context(NonRecordingSpan(_context(parent)), Context())
        return self._begun(name, within, kind, links)

    def stop(self) -> None:
        """Send what waits, for a few seconds at most."""
        self._sending.hurry()
        self._bounded.shutdown()
        if self.dropped:
            _LOG.warning("%d spans were not sent in all", self.dropped)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _begun(self, name: str, within: Context, kind: SpanKind, links: Sequence[TraceParent] = ()) -> Span:
        begun = self._tracer.start_span(name, within, _KINDS[kind], links=[Link(_context(place)) for place in links])
        return _Recorded(self, begun) if begun.is_recording() else Carried(_place(begun.get_span_context()))


class _Recorded:
    """A span that is written down."""

    __slots__ = ("_span", "_tracer")

    def __init__(self, tracer: OpenTelemetry, span: OpenTelemetrySpan) -> None:
        self._tracer = tracer
        self._span = span

    @property
    def place(self) -> TraceParent:
        return _place(self._span.get_span_context())

    def child(self, name: str, kind: SpanKind = "internal") -> Span:
        return self._tracer._begun(name, set_span_in_context(self._span, Context()), kind)  # noqa: SLF001 - its own

    def tell(self, facts: Mapping[str, Fact]) -> None:
        self._span.set_attributes(facts)

    def end(self, *, name: str | None = None, failed: str | None = None) -> None:
        if name is not None:
            self._span.update_name(name)
        if failed is not None:
            self._span.set_attribute("error.type", failed)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class _Ratio(Sampler):
    """Samples a share of the traces that begin here, and all work that goes on with what was sampled."""

    def __init__(self, ratio: float) -> None:
        self._share = TraceIdRatioBased(ratio)

    def should_sample(  # noqa: PLR0917 - as the SDK calls it
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: Kind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        taken: Sampler = ALWAYS_ON if links else self._share
        return taken.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"Linked{{{self._share.get_description()}}}"


class _Sending(SpanExporter):
    """Sends, counts what could not be sent, and says once that it cannot."""

    def __init__(self, exporter: SpanExporter, patience_seconds: float) -> None:
        self._exporter = exporter
        self._patience_seconds = patience_seconds
        self._until: float | None = None
        self._away = False
        self._changing = threading.Lock()
        self._waiting = 0
        self.dropped = 0

    def enter(self, most: int) -> bool:
        """Return whether there is room for one more to wait."""
        with self._changing:
            if self._waiting >= most:
                return False
            self._waiting += 1
            return True

    def hurry(self) -> None:
        """Begin the end."""
        self._until = time.monotonic() + self._patience_seconds

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self._changing:
            self._waiting -= len(spans)
        late = self._until is not None and time.monotonic() >= self._until
        result = SpanExportResult.FAILURE if late else self._exporter.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed:
            self.dropped += len(spans)
        if failed is not self._away:
            self._away = failed
            if failed:
                _LOG.warning("the collector does not take traces; they are dropped until it does")
            else:
                _LOG.info("the collector takes traces again")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Bounded(SpanProcessor):
    """Lets so many spans wait to be sent, and no more."""

    def __init__(self, sending: _Sending, config: TraceConfig) -> None:
        self._sending = sending
        self._most = config.most_waiting
        self._batches = BatchSpanProcessor(
            sending,
            max_queue_size=config.most_waiting,
            schedule_delay_millis=config.every_seconds * 1000,
            max_export_batch_size=min(_AT_ONCE, config.most_waiting),
        )
        self._ended = False
        self.dropped = 0

    def on_end(self, span: ReadableSpan) -> None:
        if not self._ended and self._sending.enter(self._most):
            self._batches.on_end(span)
        else:
            self.dropped += 1

    def shutdown(self) -> None:
        self._ended = True
        self._batches.shutdown()  # type: ignore[no-untyped-call] # the SDK gives it no types


def endpoint(address: str) -> str:
    """Return where spans are sent, for the address of a collector; a path that is given is taken as it is.

    Raises:
        MonitoringError: It is no address.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise MonitoringError(
            "The address of the traces is none.",
            next_step="Give that of a collector (OTLP over HTTP) in MOVIE_MLOPS_TRACES, such as http://localhost:4318",
        )
    return address if parts.path.strip("/") else address.rstrip("/") + _PATH


def _context(place: TraceParent) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if place.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(place.trace_id, 16), int(place.span_id, 16), is_remote=True, trace_flags=flags)


def _place(context: SpanContext) -> TraceParent:
    return TraceParent(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled)
