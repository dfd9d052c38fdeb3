"""The load generator tells what people would have felt, above all when the server does badly."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from movie_mlops.bench import (
    BenchError,
    Plan,
    RivalsConfig,
    ServeBenchConfig,
    StageConfig,
    drive,
    drive_apart,
    percentile,
    summary,
)

FREEZE_SECONDS = 2.0


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler, int], None]) -> Iterator[int]:
    """Run a small HTTP/1.1 server; ``answer`` gets each request and its number, from 1."""
    numbers = iter(range(1, 1_000_000))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            answer(self, next(numbers))

        do_POST = do_GET  # noqa: N815 - the name is the library's

        def log_message(self, *arguments: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

    running = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield running.server_port
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def say(handler: BaseHTTPRequestHandler, body: bytes = b'{"fine":true}', status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def plan(port: int, seconds: float, **changes: Any) -> Plan:
    return Plan("127.0.0.1", port, ("/a", "/b"), seconds, **{"patience_seconds": 10.0, **changes})


def freezing(at: int) -> Callable[[BaseHTTPRequestHandler, int], None]:
    """Answer at once, but stand still for everybody from the request number ``at`` on, once, for two seconds."""
    lock, thaw = threading.Lock(), [0.0]

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        with lock:
            if number == at:
                thaw[0] = time.monotonic() + FREEZE_SECONDS
        time.sleep(max(thaw[0] - time.monotonic(), 0))
        say(handler)

    return answer


def test_a_frozen_server_shows_in_the_open_loop() -> None:
    """Promise P30: a server that stands still for 2 s is seen by every request that was due meanwhile.

    Four connections at 100 requests a second: 4 requests are on their way and about 196 wait to be sent. All of them
    count, from when they were due; a quarter of the 400 waits a second or longer.
    """
    with server(freezing(at=101)) as port:
        outcome = drive_apart(plan(port, 4.0, rate=100.0, connections=4))
    assert (outcome.requests, outcome.unanswered, outcome.errors) == (400, 0, {})
    latency, service = summary(outcome.latency_ms), summary(outcome.service_ms)
    assert latency is not None
    assert service is not None
    assert latency["p99"] >= 1800
    assert latency["max"] >= 1900
    assert (outcome.latency_ms >= 1000).sum() >= 90
    assert (outcome.latency_ms >= 100).sum() >= 180
    # What a generator sees that waits politely: four slow answers.
    assert (outcome.service_ms >= 1000).sum() == 4


def test_a_request_that_is_never_answered_is_counted_and_is_slow() -> None:
    """A server that takes requests and never answers: each is unanswered, as slow as it was waited for."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        outcome = drive(plan(deaf.getsockname()[1], 0.5, rate=20.0, connections=2, patience_seconds=0.5))
    assert (outcome.requests, outcome.unanswered, outcome.errors) == (10, 10, {})
    # The first was due a second before the end, the last half a second.
    assert outcome.latency_ms.max() >= 990
    assert outcome.latency_ms.min() >= 540
    assert len(outcome.service_ms) == 2


def test_wrong_answers_are_errors_by_what_is_wrong() -> None:
    """A wrong status, a missing marker, a cut connection and an answer without a length are told apart."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        if number % 5 == 0:
            say(handler, status=503)
        elif number % 5 == 1:
            say(handler, b'{"fine":false}')
        elif number % 5 == 2:
            handler.close_connection = True
        elif number % 5 == 3:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            handler.close_connection = True
        else:
            say(handler)

    with server(answer) as port:
        outcome = drive(plan(port, 0.5, rate=40.0, markers=(b'"fine":true',)))
    assert outcome.requests == 20
    assert outcome.errors == {
        'an answer without "fine":true': 4,
        "an answer that is not HTTP/1.1 with a length": 4,
        "connection closed by the server": 4,
        "status 503": 4,
    }
    assert len(outcome.latency_ms) == 20


def test_nobody_there_is_an_error_for_every_request() -> None:
    """Requests to a port where nobody listens are refused, and every one is counted."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    outcome = drive(plan(port, 0.25, rate=20.0))
    assert (outcome.requests, sum(outcome.errors.values()), outcome.unanswered) == (5, 5, 0)


def test_the_paths_are_asked_for_in_turn_and_bodies_of_any_size_are_read() -> None:
    """The closed loop asks again as soon as it is answered, one path after the other, for as long as it was told."""
    seen = []

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        seen.append(handler.path)
        say(handler, b"x" * 700_000 + b"end")

    with server(answer) as port:
        outcome = drive(plan(port, 0.3, markers=(b"xend",)))
    assert seen[:4] == ["/a", "/b", "/a", "/b"]
    assert (outcome.requests, outcome.errors) == (len(seen), {})
    assert outcome.seconds >= 0.3
    assert percentile(sorted(outcome.latency_ms), 50) > 0


@pytest.mark.parametrize("change", [{"seconds": 0.0}, {"rates": (100.0, -1.0)}, {"connections": 0}, {"requests": 0}])
def test_a_benchmark_of_nothing_is_refused(change: dict[str, Any]) -> None:
    """Numbers that make no sense are refused before anything is started."""
    with pytest.raises(BenchError):
        ServeBenchConfig(**change)
    with pytest.raises(BenchError):
        StageConfig(k=0)
    with pytest.raises(BenchError):
        RivalsConfig(Path("python"), rounds=0)


def test_bodies_are_sent_in_turn_and_only_as_many_as_were_asked_for() -> None:
    """With bodies requests are POSTed as JSON with their length; seven are sent, over however many connections."""
    sent = list[tuple[str, str | None, bytes]]()

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        sent.append((handler.path, handler.headers["content-type"], body))
        say(handler)

    with server(answer) as port:
        outcome = drive(plan(port, 30.0, connections=3, bodies=(b'{"a":1}', b"{}"), requests=7))
    assert (outcome.requests, outcome.errors, outcome.unanswered) == (7, {}, 0)
    assert sorted({(path, body) for path, _, body in sent}) == [("/a", b'{"a":1}'), ("/b", b"{}")]
    assert {kind for _, kind, _ in sent} == {"application/json"}


def test_refusals_are_told_apart_from_answers_and_from_errors() -> None:
    """503 with Retry-After is a refusal where the server may refuse; without the header, or elsewhere, an error."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        if number % 3 == 0:
            say(handler)
            return
        handler.send_response(503)
        if number % 3 == 1:
            handler.send_header("Retry-After", "1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with server(answer) as port:
        outcome = drive(plan(port, 30.0, requests=9, may_refuse=True))
    assert (outcome.requests, len(outcome.refused_ms), outcome.errors) == (6, 3, {"status 503": 3})
    with server(answer) as port:
        outcome = drive(plan(port, 30.0, requests=9))
    assert (outcome.requests, len(outcome.refused_ms), outcome.errors) == (9, 0, {"status 503": 6})


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    """A server may close a connection between two requests, saying so or not: the next request takes a new one."""
    opened = set()

    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        opened.add(request.client_address)
        request.send_response(200)
        request.send_header("content-length", "2")
        if number % 2:
            request.send_header("connection", "close")
        request.end_headers()
        request.wfile.write(b"ok")
        request.wfile.flush()
        # At once, long before the next request is due.
        request.connection.shutdown(socket.SHUT_WR)
        request.close_connection = True

    with server(answer) as port:
        outcome = drive(Plan("127.0.0.1", port, ("/",), seconds=1.2, rate=5))
    assert (outcome.requests, outcome.errors, outcome.unanswered) == (6, {}, 0)
    assert len(opened) == 6
