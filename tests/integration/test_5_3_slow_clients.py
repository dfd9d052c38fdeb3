"""Clients that are too slow, too long or gone: none stays, and nobody else notices."""

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace

import httpx
import pytest
import uvloop

from movie_mlops.serving.lines import Line, LineLimits, Outlet
from tests.fixtures.stage_5.platform import Platform, running

WITHIN_S = 20
EVENT = json.dumps({"user_id": "ann", "movie_id": 6, "kind": "like"}).encode()
POST = b"POST /v1/events HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
DESCRIBE = b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n"
OK = b"HTTP/1.1 200 OK"
LIMITS = LineLimits(arrival_seconds=0.5, taking_seconds=0.5, head_bytes=20_000)
GET = b"GET /v1/users/ann/recommendations HTTP/1.1\r\nHost: here\r\n"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.promote(platform.train())
    yield platform
    platform.database.close()


@pytest.fixture(scope="module")
def url(platform: Platform) -> Iterator[str]:
    with running(platform.app(), LIMITS) as url:
        yield url


@contextmanager
def line(url: str, takes: int | None = None) -> Iterator[socket.socket]:
    """Connect; ``takes`` is how many bytes the system takes for a client that does not read."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as connected:
        if takes is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes)
        connected.settimeout(WITHIN_S)
        connected.connect((host, int(port)))
        yield connected


def rest(connected: socket.socket) -> bytes:
    """Return all that comes until the server closes the line."""
    read = b""
    while piece := connected.recv(65_536):
        read += piece
    return read


def refused(told: str) -> dict[str, int]:
    """Return how many lines were ended for each reason, by the page of metrics."""
    found = re.findall(r'^movie_mlops_refused_lines_total\{reason="(\w+)"\} (\S+)$', told, re.MULTILINE)
    return {reason: int(float(value)) for reason, value in found}


@contextmanager
def counted(url: str, **reasons: int) -> Iterator[None]:
    """Make sure that so many lines are ended for these reasons in the block, and none for another."""
    before = refused(httpx.get(f"{url}/metrics", timeout=WITHIN_S).text)
    assert set(before) == {"slow", "long", "many", "stuck", "crowd"}
    yield
    after = refused(httpx.get(f"{url}/metrics", timeout=WITHIN_S).text)
    assert {reason: after[reason] - before[reason] for reason in after if after[reason] != before[reason]} == reasons


def events(platform: Platform) -> int:
    return len(platform.events.read(0, 100))


def test_a_request_that_does_not_arrive_is_given_up(platform: Platform, url: str) -> None:
    """Whoever stops in the middle of a request is told 408, counted and let go; meanwhile others are answered."""
    before = events(platform)
    chunked = POST.replace(b"Content-Length: %d", b"Transfer-Encoding: chunked")
    halves = (b"", b"GET /v1/us", GET + b"X-More: ", POST % len(EVENT) + EVENT[:20], chunked + b'5\r\n{"use')
    with counted(url, slow=len(halves)), ExitStack() as lines:
        slow = [lines.enter_context(line(url)) for _ in halves]
        for one, sent in zip(slow, halves, strict=True):
            one.sendall(sent)
        assert httpx.get(f"{url}/healthz").status_code == 200
        for one in slow:
            head, _, body = rest(one).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
            assert b"application/problem+json" in head
            assert "did not arrive" in json.loads(body)["detail"]
    assert httpx.get(f"{url}/v1/users/ann/recommendations").status_code == 200
    assert events(platform) == before


def test_a_client_that_drips_is_given_up_in_the_same_time(url: str) -> None:
    """A byte now and then does not make a request go on for ever."""
    with counted(url, slow=1), line(url) as slow:
        slow.sendall(GET)
        slow.settimeout(0.05)
        end = time.monotonic() + WITHIN_S
        answer = b""
        while not answer:
            assert time.monotonic() < end
            slow.sendall(b"X")
            try:
                answer = slow.recv(65_536)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408")


def test_a_head_without_end_is_refused(url: str) -> None:
    """A head is bounded, in its address and in its lines, and counted; those of an ordinary length are read."""
    for begin, more in ((b"GET /v1/movies?q=", b"a" * 1000), (GET, b"X-More: " + b"a" * 990 + b"\r\n")):
        with counted(url, long=1), line(url) as long:
            long.sendall(begin)
            # By then the server has read that much.
            assert httpx.get(f"{url}/healthz").status_code == 200
            long.sendall(more * 21)
            head, _, body = rest(long).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
            assert "20,000 bytes" in json.loads(body)["detail"]
    assert httpx.get(f"{url}/healthz", headers={"X-More": "a" * 10_000}).status_code == 200


def test_a_line_at_rest_is_not_slow(url: str) -> None:
    """Between two requests a client may rest for longer than one may take to arrive."""
    with counted(url), line(url) as resting:
        for _ in range(2):
            resting.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
            assert resting.recv(65_536).startswith(b"HTTP/1.1 200")
            time.sleep(LIMITS.arrival_seconds + 1.5)


def test_an_answer_that_nobody_takes_is_dropped(url: str) -> None:
    """Who asks and does not read is cut off once answers have waited too long, and what waited is not worked out."""
    before = refused(httpx.get(f"{url}/metrics", timeout=WITHIN_S).text)["stuck"]
    with counted(url, stuck=1), line(url, takes=16_384) as greedy:
        greedy.sendall(DESCRIBE * LIMITS.ahead)
        end = time.monotonic() + WITHIN_S
        while refused(httpx.get(f"{url}/metrics", timeout=WITHIN_S).text)["stuck"] == before:
            assert time.monotonic() < end
            time.sleep(0.1)
        # What had been sent before then is still on its way.
        assert 0 < rest(greedy).count(OK) < LIMITS.ahead
    assert httpx.get(f"{url}/healthz").status_code == 200


def test_few_requests_may_come_before_the_answer(url: str) -> None:
    """Requests that come together are answered in turn; whoever sends thousands is cut off before they fill memory."""
    with line(url) as quick:
        many = (b"GET /healthz HTTP/1.1\r\nHost: here\r\nX-More: " + b"a" * 500 + b"\r\n\r\n") * 50
        # Together they are longer than a head may be, and the last comes in two pieces.
        quick.sendall(many[:-100])
        assert httpx.get(f"{url}/healthz").status_code == 200
        quick.sendall(many[-100:])
        read = b""
        while read.count(OK) < 50:
            piece = quick.recv(65_536)
            assert piece, "the line was ended"
            read += piece
    with counted(url, many=1), line(url) as flood:
        flood.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n" * 5000)
        with suppress(ConnectionError):
            assert rest(flood).count(OK) <= LIMITS.ahead + 1
    assert httpx.get(f"{url}/healthz").status_code == 200


def test_a_line_is_counted_once() -> None:
    """Who was too slow and then does not take the 408 either is one line, counted for what came first."""
    told: list[str] = []
    ended: list[str] = []
    line = Line.__new__(Line)
    line._limits, line._refused, line._told = LIMITS, told.append, False
    line._arriving, line._stuck, line.cycle = 0.0, None, None
    line.flow = SimpleNamespace(read_paused=False, write_paused=True)
    line.transport = SimpleNamespace(
        write=lambda _: ended.append("told"),
        close=lambda: ended.append("closed"),
        abort=lambda: ended.append("aborted"),
        is_closing=lambda: "closed" in ended,
    )
    for now in (100.0, 200.0):
        line.look(now)
    assert (told, ended) == (["slow"], ["told", "closed", "aborted"])


@pytest.mark.parametrize(
    "sent", [POST % len(EVENT) + EVENT[:20], GET + b"\r\n"], ids=["in-a-body", "before-the-answer"]
)
def test_a_cut_connection_is_no_error(
    platform: Platform, url: str, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    """Whoever leaves in the middle leaves no half event, no error and no trace of the stack in the log."""
    before = events(platform)
    with caplog.at_level(logging.WARNING):
        with line(url) as leaving:
            leaving.sendall(sent)
            # Into the midst of what is said.
            time.sleep(0.3)
        for _ in range(3):
            assert httpx.get(f"{url}/healthz").status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert events(platform) == before


def test_what_is_said_to_nobody_is_dropped() -> None:
    """An answer goes on being written for a moment after its client has gone; that is no error."""

    async def say() -> None:
        ours, theirs = socket.socketpair()
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
        theirs.close()
        transport.abort()
        await asyncio.sleep(0)
        Outlet(transport, asyncio.get_running_loop()).write(b"too late")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(say())


def test_head_and_body_go_out_together_and_neither_is_kept_back() -> None:
    """An answer leaves in one piece; a head that nothing follows leaves by itself, also where the line is closed."""
    sent: list[bytes] = []

    class Told(asyncio.Transport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            sent.append(bytes(data))

        def is_closing(self) -> bool:
            return False

        def close(self) -> None:
            sent.append(b"closed")

    async def say() -> None:
        outlet = Outlet(Told(), asyncio.get_running_loop())
        for piece in (b"HTTP/1.1 200 OK\r\n\r\n", b"body", b"more"):
            outlet.write(piece)
        outlet.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await asyncio.sleep(0)
        outlet.write(b"later")
        outlet.write(b"HTTP/1.1 204 ")
        outlet.write(b"HTTP/1.1 404 ")
        outlet.write(b"HTTP/1.1 503 ")
        outlet.close()
        await asyncio.sleep(0)

    asyncio.run(say())
    assert sent == [
        b"HTTP/1.1 200 OK\r\n\r\nbody",
        b"more",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"later",
        b"HTTP/1.1 204 HTTP/1.1 404 ",
        b"HTTP/1.1 503 ",
        b"closed",
    ]


def test_more_lines_than_there_is_room_for_are_turned_away(platform: Platform) -> None:
    """The line too many is told 503 with Retry-After, and those that are here go on; one that ends makes room."""
    with running(platform.app(), LineLimits(most=3)) as url:
        with line(url) as first, line(url) as second, line(url) as third:
            for one in (first, second, third):
                one.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
                assert one.recv(65_536).startswith(b"HTTP/1.1 200")
            for _ in range(2):
                with line(url) as late:
                    answer = rest(late)
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"Retry-After: 1\r\n" in answer
            first.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
            assert first.recv(65_536).startswith(b"HTTP/1.1 200")
        end, turned_away = time.monotonic() + WITHIN_S, 2
        while (page := httpx.get(f"{url}/metrics", timeout=WITHIN_S)).status_code != 200:
            assert time.monotonic() < end
            turned_away += 1
        assert refused(page.text) == {"slow": 0, "long": 0, "many": 0, "stuck": 0, "crowd": turned_away}
