"""nginx in front of the API: TLS as RFC 9325 has it, and no request that the two read differently."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.fixtures.stage_5.platform import Platform, running
from tests.fixtures.stage_7.certificates import Certified, certify, of_version
from tests.fixtures.stage_7.nginx import Ports, nginx

WITHIN_S = 20
EVENT = json.dumps({"user_id": "smuggled", "movie_id": 6, "kind": "like"}).encode()
# What an attacker wants to be taken for a request of its own.
HIDDEN = (
    b"POST /v1/events HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(EVENT)
) + EVENT
BEGIN = b"POST /v1/recommendations HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
CHUNKED = b"0\r\n\r\n" + HIDDEN
HEX = b"%x" % len(HIDDEN)

# James Kettle, HTTP Desync Attacks, 2019, and RFC 9112, 6.3 and 11.2: each says two things about where it ends.
SMUGGLED = {
    "CL.TE": BEGIN + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(CHUNKED) + CHUNKED,
    "TE.CL": BEGIN
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
    + HEX
    + b"\r\n"
    + HIDDEN
    + b"\r\n0\r\n\r\n",
    "two lengths": BEGIN + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "a list of lengths": BEGIN + b"Content-Length: 0, %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "a length with a sign": BEGIN + b"Content-Length: +0\r\n\r\n" + HIDDEN,
    "a length that is none": BEGIN + b"Content-Length: 0x0\r\n\r\n" + HIDDEN,
    "xchunked": BEGIN + b"Content-Length: 0\r\nTransfer-Encoding: xchunked\r\n\r\n" + HIDDEN,
    "chunked not last": BEGIN + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKED,
    "a space before the colon": BEGIN + b"Content-Length : %d\r\nContent-Length: 0\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "TE with a space before the colon": BEGIN + b"Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n" + HIDDEN,
    "TE with a tab": BEGIN + b"Content-Length: 0\r\nTransfer-Encoding:\x0bchunked\r\n\r\n" + HIDDEN,
    "a folded line": BEGIN + b"X-More: a\r\n Content-Length: 0\r\nTransfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKED,
    "a bare carriage return": BEGIN + b"X-More: a\rTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + HIDDEN,
    "two hosts": BEGIN + b"Host: there\r\nContent-Length: 0\r\n\r\n",
    "no host": BEGIN.replace(b"Host: here\r\n", b"") + b"Content-Length: 0\r\n\r\n",
    "a chunk's size beyond all bounds": BEGIN + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff0\r\n" + HIDDEN,
    "a chunk's size that is none": BEGIN + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + HIDDEN,
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.promote(platform.train())
    yield platform
    platform.database.close()


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[str]:
    with running(platform.app()) as url:
        yield url.removeprefix("http://")


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certify(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, api: str, certified: Certified) -> Iterator[Ports]:
    with nginx(tmp_path_factory.mktemp("front") / "nginx", api, certified) as ports:
        yield ports


def said(port: int, request: bytes) -> bytes:
    """Send bytes as they are, and return all that is answered before the line ends."""
    with socket.create_connection(("127.0.0.1", port), WITHIN_S) as line:
        line.sendall(request)
        read = b""
        with suppress(ConnectionResetError):
            while piece := line.recv(65_536):
                read += piece
        return read


def smuggled(platform: Platform) -> int:
    return sum(one.interaction.user_id == "smuggled" for one in platform.events.read(0, 10_000))


@pytest.mark.parametrize("name", sorted(SMUGGLED))
def test_an_ambiguous_request_smuggles_nothing(platform: Platform, api: str, front: Ports, name: str) -> None:
    """Through nginx and past it: refused with 400 or 501 and the line ended, so the event inside never arrives."""
    before = smuggled(platform)
    for port in (front.plain, int(api.rpartition(":")[2])):
        answer = said(port, SMUGGLED[name])
        assert answer.count(b"HTTP/1.1 ") == 1, answer
        assert answer[9:12] in {b"400", b"501"}, answer
        assert smuggled(platform) == before
    assert httpx.get(f"http://127.0.0.1:{front.plain}/healthz").status_code == 200


def test_the_event_would_arrive_where_it_is_asked_for(platform: Platform, front: Ports) -> None:
    """The hidden request is a good one: sent openly after another on the same line, it is taken, once."""
    before = smuggled(platform)
    answer = said(
        front.plain, BEGIN + b"Content-Length: 2\r\n\r\n{}" + HIDDEN.replace(b"Host", b"Connection: close\r\nHost")
    )
    assert answer.count(b"HTTP/1.1 ") == 2
    assert smuggled(platform) == before + 1


def test_headers_with_underscores_say_nothing(api: str, front: Ports) -> None:
    """Nginx drops a header with an underscore, and the API takes none for the one with a hyphen."""
    head = (
        b"GET /healthz HTTP/1.1\r\nHost: here\r\nX_Request_Id: chosen\r\nContent_Length: 5\r\nConnection: close\r\n\r\n"
    )
    for port in (front.plain, int(api.rpartition(":")[2])):
        answer = said(port, head)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"chosen" not in answer


def test_the_front_speaks_tls_12_or_newer(front: Ports, certified: Certified) -> None:
    """TLS 1.3 is answered with HSTS, once; TLS 1.1 and plain HTTP on that port are refused."""
    trusting = ssl.create_default_context(cafile=str(certified.certificate))
    answer = httpx.get(f"https://127.0.0.1:{front.tls}/v1/users/ann/recommendations", verify=trusting)
    assert answer.status_code == 200
    assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"]
    # nginx answers plain HTTP on this port in plain HTTP, and ends the line.
    plain = said(front.tls, b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
    assert plain.startswith(b"HTTP/1.1 400")
    old = of_version(ssl.TLSVersion.TLSv1_1)
    with socket.create_connection(("127.0.0.1", front.tls), WITHIN_S) as line, pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(line)
