"""The end of a server, as those who are connected to it see it."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI

from movie_mlops.serving import Server, bind, server
from tests.fixtures.stage_5.platform import Platform

REQUEST = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


@contextmanager
def ended(folder: Path, connections: int) -> Iterator[tuple[int, list[socket.socket]]]:
    """Run a server, ask something on each of some connections, tell it to stop, and wait until it lets nobody in."""
    bound = bind("127.0.0.1", 0)
    port: int = bound.getsockname()[1]
    ready = threading.Event()
    served = Server(Platform(folder).app(), on_ready=ready.set)
    thread = threading.Thread(target=served.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    assert ready.wait(20)
    lines = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(connections)]
    try:
        for line in lines:
            assert b"connection: close" not in asked(line)
        served.should_exit = True
        while not refuses(port):
            time.sleep(0.005)
        yield port, lines
    finally:
        for line in lines:
            line.close()
        thread.join(20)
    assert not thread.is_alive()


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def asked(line: socket.socket) -> bytes:
    line.sendall(REQUEST)
    answer = b""
    # Head and body may come one after the other.
    while not answer.endswith(b"}"):
        received = line.recv(10_000)
        assert received, answer
        answer += received
    assert answer.startswith(b"HTTP/1.1 200 ")
    return answer


def test_a_connection_that_waits_is_answered_once_more(tmp_path: Path) -> None:
    """Promise P12: who is connected when the end begins may ask once more, and is told that it was the last time."""
    with ended(tmp_path, connections=3) as (_, lines):
        for line in lines:
            assert b"\r\nconnection: close\r\n" in asked(line)
            assert line.recv(1) == b""


def test_who_says_nothing_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """A connection that is kept open and never used is closed, so that the server does end."""
    with ended(tmp_path, connections=2) as (port, lines):
        assert [line.recv(1) for line in lines] == [b"", b""]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_the_end_waits_for_an_answer_that_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody asked for before the end began is brought to its end, and only then the server's."""
    monkeypatch.setattr(server, "_LAST_WORD_SECONDS", 0)
    app, begun, go, ready = FastAPI(), threading.Event(), threading.Event(), threading.Event()

    @app.get("/healthz")
    async def slow() -> dict[str, str]:
        begun.set()
        while not go.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.01)
        return {"status": "at last"}

    bound = bind("127.0.0.1", 0)
    port: int = bound.getsockname()[1]
    served = Server(app, on_ready=ready.set)
    thread = threading.Thread(target=served.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    assert ready.wait(20)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(REQUEST)
        assert begun.wait(10)
        served.should_exit = True
        while not refuses(port):
            time.sleep(0.005)
        # A server that does not wait is gone by then.
        thread.join(0.4)
        assert thread.is_alive()
        go.set()
        received = b"".join(iter(lambda: line.recv(10_000), b""))
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b'{"status":"at last"}')
    thread.join(20)
    assert not thread.is_alive()
