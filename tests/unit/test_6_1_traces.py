"""Traces: a request is followed from its caller through every room into the lake, and nothing in it names anybody."""

import json
import logging
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from movie_mlops.cli import tracing
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.logs import LogConfig, LogLines
from movie_mlops.core.tracing import CURRENT, Carried, TraceParent, span, traced
from movie_mlops.events import EventLog, envelope
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.flows.worker import Worker
from movie_mlops.monitoring import MonitoringError, TraceConfig
from movie_mlops.monitoring.tracing import OpenTelemetry, endpoint
from movie_mlops.settings import Settings
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_5.platform import FILMS, Platform, running
from tests.fixtures.stage_9.shop import say, shop

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{CALLER}-01"
UNSAMPLED = HEADER[:-2] + "00"
ADDRESS = "http://127.0.0.1:9"
ASK = "/v1/users/ann@example.org/recommendations?k=3"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform with a release."""
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


class Kept:
    """A tracer whose spans are kept in memory."""

    def __init__(self, **settings: float) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer = OpenTelemetry(TraceConfig(ADDRESS, **settings), "tests", exporter=self._exporter)

    def spans(self) -> list[ReadableSpan]:
        """Return what ended, in that order; nothing is kept afterwards."""
        self.tracer.stop()
        return list(self._exporter.get_finished_spans())

    def by_name(self) -> dict[str, ReadableSpan]:
        """Return the same by name."""
        return {one.name: one for one in self.spans()}


def parent(one: ReadableSpan) -> str | None:
    return None if one.parent is None else f"{one.parent.span_id:016x}"


def own(one: ReadableSpan) -> str:
    assert one.context is not None
    return f"{one.context.span_id:016x}"


def trace(one: ReadableSpan) -> str:
    assert one.context is not None
    return f"{one.context.trace_id:032x}"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (HEADER, True),
        (UNSAMPLED, False),
        (HEADER[:-2] + "03", True),
        (HEADER[:-2] + "fe", False),
        ("cc" + HEADER[2:] + "-what-comes-later", True),
        (HEADER + "-more", None),
        ("ff" + HEADER[2:], None),
        (HEADER.upper(), None),
        (HEADER[:-1], None),
        (HEADER + "0", None),
        (HEADER.replace(TRACE, "0" * 32), None),
        (HEADER.replace(CALLER, "0" * 16), None),
        (" " + HEADER, None),
        (HEADER + "\n", None),
        ("", None),
        ("cc" + HEADER[2:] + "-" + "a" * 500, None),
    ],
)
def test_a_place_is_read_as_the_standard_says(header: str, sampled: bool | None) -> None:
    """W3C Trace Context: lower case, no id of zeros, no version ff, nothing behind in version 00, later ones may."""
    found = TraceParent.read(header)
    assert found == (None if sampled is None else TraceParent(TRACE, CALLER, sampled))
    assert found is None or TraceParent.read(found.write()) == found


def test_without_a_tracer_nothing_happens(platform: Platform, tmp_path: Path) -> None:
    """Off, a block is given nothing; a caller's trace is still in the log and with the event, and in no other's."""
    with span("anything") as nothing, traced(None, "anything") as nobody:
        assert (nothing, nobody, CURRENT.get()) == (None, None, None)
    path = tmp_path / "api.log"
    like = {"user_id": "ann", "movie_id": 6, "kind": "like"}
    with LogLines(LogConfig(path)) as lines, running(platform.app(lines=lines)) as url, httpx.Client() as client:
        for header in ({"traceparent": HEADER}, {"traceparent": HEADER.upper()}, {}):
            client.post(f"{url}/v1/events", json=like, headers=header).raise_for_status()
    logged = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("trace_id") for line in logged if line["event"] == "request"] == [TRACE, None, None]
    under, *others = platform.events.read(0, 10)
    assert envelope(under)["traceparent"] == HEADER
    assert ["traceparent" in envelope(one) for one in others] == [False, False]


def test_a_request_that_comes_close_behind_another_is_not_of_its_trace(platform: Platform) -> None:
    """Requests sent together on one connection are told apart."""
    body = json.dumps({"user_id": "ann", "movie_id": 6, "kind": "like"})
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    with running(platform.app()) as url:
        address = url.removeprefix("http://").partition(":")
        with socket.create_connection((address[0], int(address[2])), timeout=20) as line:
            line.sendall(f"{head}traceparent: {HEADER}\r\n\r\n{body}{head}Connection: close\r\n\r\n{body}".encode())
            answers = b"".join(iter(lambda: line.recv(65_536), b""))
    assert answers.count(b" 201 Created") == 2
    assert [one.traceparent is not None for one in platform.events.read(0, 10)] == [True, False]


def test_an_answer_is_followed_through_the_rooms(platform: Platform) -> None:
    """The request is a part of its caller's trace; the read of the history and the scoring are parts of it."""
    kept = Kept()
    with running(platform.app(tracer=kept.tracer)) as url:
        httpx.get(f"{url}{ASK}", headers={"traceparent": HEADER}).raise_for_status()
        httpx.get(f"{url}/healthz", headers={"traceparent": HEADER}).raise_for_status()
    found = kept.by_name()
    assert set(found) == {"GET /v1/users/{user_id}/recommendations", "history read", "model score"}
    request = found["GET /v1/users/{user_id}/recommendations"]
    assert (trace(request), parent(request), request.kind.name) == (TRACE, CALLER, "SERVER")
    assert request.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/v1/users/{user_id}/recommendations",
    }
    for name in ("history read", "model score"):
        assert (trace(found[name]), parent(found[name])) == (TRACE, own(request))
    assert found["model score"].attributes == {"movie_mlops.source": "popular", "movie_mlops.model": "ease"}
    assert found["history read"].attributes == {"movie_mlops.backend": "sql", "movie_mlops.users": 1}


def test_both_ways_to_an_answer_are_traced_and_log_lines_say_which_trace(platform: Platform, tmp_path: Path) -> None:
    """A trace of its own where the caller has none, on the short way too; the line of the log names it."""
    path, kept = tmp_path / "api.log", Kept()
    with LogLines(LogConfig(path)) as lines, running(platform.app(lines=lines, tracer=kept.tracer)) as url:
        for _ in range(2):
            httpx.get(f"{url}{ASK}").raise_for_status()
    requests = [one for one in kept.spans() if one.kind.name == "SERVER"]
    logged = [json.loads(line) for line in path.read_text().splitlines()]
    assert [parent(one) for one in requests] == [None, None]
    traces = [line["trace_id"] for line in logged if line["event"] == "request"]
    assert traces == [trace(one) for one in requests]
    assert len(set(traces)) == 2


def test_events_remember_their_request(platform: Platform) -> None:
    """The append, its effect on histories and its publication are parts of the request; the log keeps the place."""
    kept = Kept()
    like = {"user_id": "ann@example.org", "movie_id": 6, "kind": "like", "event_id": "e-1"}
    with running(platform.app(tracer=kept.tracer)) as url:
        for _ in range(2):
            httpx.post(f"{url}/v1/events", json=like, headers={"traceparent": HEADER}).raise_for_status()
    spans = kept.spans()
    first, again = [one for one in spans if one.name == "events append"]
    assert (trace(first), first.kind.name) == (TRACE, "PRODUCER")
    assert first.attributes == {"movie_mlops.accepted": 1, "movie_mlops.duplicates": 0}
    assert again.attributes == {"movie_mlops.accepted": 0, "movie_mlops.duplicates": 1}
    assert [one.name for one in spans if parent(one) == own(first)] == ["histories apply", "histories publish"]
    [event] = platform.events.read(0, 10)
    assert event.traceparent == TraceParent(TRACE, own(first), sampled=True)
    assert envelope(event)["traceparent"] == f"00-{TRACE}-{own(first)}-01"


def test_the_worker_goes_on_with_the_requests(tmp_path: Path) -> None:
    """What brings events into the lake names each request that wrote them, once, though few traces are sampled."""
    written = TraceParent(TRACE, CALLER, sampled=True)
    kept = Kept(ratio=0)
    with shop(tmp_path) as platform:
        worker = Worker(platform, "one", tracer=kept.tracer)
        for place in (Carried(written), Carried(TraceParent("b" * 32, "c" * 16, sampled=False)), None):
            under = CURRENT.set(place)
            say(platform, 10 if place is None else 20 if place.place is written else 30, 2)
            CURRENT.reset(under)
        assert worker.turn().events == 6
        say(platform, 40, 1)
        assert worker.turn().events == 1
    [bringing] = kept.spans()
    assert (bringing.name, bringing.kind.name, bringing.parent) == ("events into the lake", "CONSUMER", None)
    assert [(f"{one.context.trace_id:032x}", f"{one.context.span_id:016x}") for one in bringing.links] == [
        (TRACE, CALLER)
    ]
    assert bringing.attributes == {"movie_mlops.events": 6, "movie_mlops.new": 6}


@pytest.mark.parametrize(("ratio", "header", "spans"), [(0, None, 0), (1, UNSAMPLED, 0), (0, HEADER, 1), (1, None, 1)])
def test_the_caller_decides_else_the_ratio(ratio: int, header: str | None, spans: int) -> None:
    """Parent-based sampling; what is not sampled is passed on as such, and its parts cost nothing."""
    kept = Kept(ratio=ratio)
    given = None if header is None else TraceParent.read(header)
    begun = kept.tracer.start("some work", parent=given)
    assert begun.place.sampled is bool(spans)
    assert given is None or begun.place.trace_id == given.trace_id
    assert isinstance(begun, Carried) is not bool(spans)
    assert isinstance(begun.child("a part"), Carried) is not bool(spans)
    begun.end()
    assert len(kept.spans()) == spans


def test_a_failure_is_told_by_its_kind_alone(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails says how, in the part that failed and in the request, without the words of the error."""

    def away(*_: object, **__: object) -> None:
        raise OSError("ann@example.org was asked for")

    monkeypatch.setattr("movie_mlops.serving.routes.recommendations.recommend", away)
    kept = Kept()
    with running(platform.app(tracer=kept.tracer)) as url:
        assert httpx.get(f"{url}{ASK}").status_code == 500
    found = kept.by_name()
    assert found["model score"].attributes["error.type"] == "OSError"
    assert found["GET /v1/users/{user_id}/recommendations"].attributes["error.type"] == "500"
    assert found["model score"].status.status_code.name == "ERROR"
    assert found["history read"].status.status_code.name == "UNSET"
    assert "ann" not in "".join(one.to_json() for one in found.values())


def test_no_span_names_anybody_or_anything_secret(platform: Platform) -> None:
    """No user, token, title, request id or address of a request is in any span."""
    kept = Kept()
    headers = {"X-Api-Token": "s3cr3t-token", "X-Request-ID": "ann-asked", "cookie": "session=xyzzy"}
    like = {"user_id": "ann@example.org", "movie_id": 6, "kind": "like", "event_id": "of-ann"}
    with running(platform.app(tracer=kept.tracer)) as url, httpx.Client(headers=headers) as client:
        client.post(f"{url}/v1/events", json=like).raise_for_status()
        client.get(f"{url}{ASK}").raise_for_status()
        client.get(f"{url}/v1/users/ann@example.org/history").raise_for_status()
        client.get(f"{url}/v1/movies", params={"query": "Heat"}).raise_for_status()
        client.get(f"{url}/ann/was/here")
        client.request("PROPFIND", f"{url}/v1/movies")
    told = "".join(one.to_json() for one in kept.spans())
    assert told.count("http.request.method") == 6
    for word in ("ann", "PROPFIND", "s3cr3t", "xyzzy", *(film.title for film in FILMS)):
        assert word not in told, word


class Stuck(SpanExporter):
    """A collector that does not answer until it is let go."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Wait."""
        self.asked.set()
        assert self.go.wait(20)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """End."""


def test_more_than_may_wait_is_dropped_and_counted(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    """While a collector hangs all is answered; what is too much, and what it then refuses, is counted and said once."""
    stuck = Stuck()
    tracer = OpenTelemetry(TraceConfig(ADDRESS, most_waiting=4, every_seconds=0.01), "tests", exporter=stuck)
    with caplog.at_level(logging.INFO), running(platform.app(tracer=tracer)) as url:
        tracer.start("the first").end()
        assert stuck.asked.wait(20)
        for _ in range(4):
            httpx.get(f"{url}/v1/movies/6").raise_for_status()
        assert tracer.dropped == 0
        for _ in range(3):
            httpx.get(f"{url}/v1/movies/6").raise_for_status()
        assert tracer.dropped == 3
        assert "movie_mlops_spans_dropped_total 3.0" in httpx.get(f"{url}/metrics").text
        stuck.go.set()
        tracer.stop()
    assert tracer.dropped == 8
    assert [record.message for record in caplog.records if "traces" in record.message] == [
        "the collector does not take traces; they are dropped until it does"
    ]


def test_the_end_waits_so_long_and_no_longer() -> None:
    """What the collector was not given within the patience of the settings is dropped, and counted."""
    stuck = Stuck()
    stuck.go.set()
    tracer = OpenTelemetry(TraceConfig(ADDRESS, every_seconds=1000, patience_seconds=0), "tests", exporter=stuck)
    for _ in range(3):
        tracer.start("some work").end()
    tracer.stop()
    assert (tracer.dropped, stuck.asked.is_set()) == (3, False)


def test_after_the_end_nothing_is_left_waiting() -> None:
    """A span that ends after the tracer did is dropped, and counted, too."""
    kept = Kept()
    late = kept.tracer.start("late")
    assert kept.spans() == []
    late.end()
    assert kept.tracer.dropped == 1


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("https://traces.example.org/otlp/v1/traces", "https://traces.example.org/otlp/v1/traces"),
    ],
)
def test_a_collector_is_named_by_its_address(address: str, sent: str) -> None:
    """The path of OTLP is added where none is given."""
    assert endpoint(address) == sent


@pytest.mark.parametrize("address", ["localhost:4318", "ftp://localhost", "http://", "4318"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """Before anything is traced, with the next step."""
    with pytest.raises(MonitoringError, match="address") as caught, tracing.traced(Settings(traces=address), "api"):
        pass
    assert "MOVIE_MLOPS_TRACES" in caught.value.next_step


def test_tracing_is_off_unless_a_collector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default, with nothing loaded; where the extra is missing it says what to install."""
    with tracing.traced(Settings(), "api") as off, tracing.traced(Settings(traces=""), "api") as empty:
        assert (off, empty) == (None, None)
    monkeypatch.delitem(sys.modules, "movie_mlops.monitoring.tracing")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MovieMlopsError) as caught, tracing.traced(Settings(traces=ADDRESS), "api"):
        pass
    assert "movie-mlops[tracing]" in caught.value.next_step


def test_an_event_log_from_before_goes_on(tmp_path: Path) -> None:
    """A table that has no such column gets it; what is in it has no request."""
    path = tmp_path / "state.db"
    new = Database(StateConfig(f"sqlite:///{path}"))
    log = EventLog(new, Histories(new), FeedbackConfig())
    assert log.count() == 0
    new.close()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE events DROP COLUMN traceparent")
        connection.execute(
            "INSERT INTO events (event_id, type, source, subject, time, data, recorded_at) VALUES ('e-1',"
            " 'movie_mlops.interaction.like', 's', 'ann', '2024-01-01T00:00:00Z', '{\"movie_id\": 1, \"value\": null}',"
            " '2024-01-01T00:00:00Z')"
        )
    connection.close()
    again = Database(StateConfig(f"sqlite:///{path}"))
    [event] = EventLog(again, Histories(again), FeedbackConfig()).read(0, 10)
    assert (event.interaction.event_id, event.traceparent) == ("e-1", None)
    again.close()
