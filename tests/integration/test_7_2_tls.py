"""The API by https alone, without a proxy: old versions, plain HTTP and half a handshake get nowhere."""

import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.security import SecurityConfig
from movie_mlops.serving import tls_context
from movie_mlops.serving.lines import LineLimits
from tests.fixtures.stage_4.command_line import CommandLine, copied
from tests.fixtures.stage_5.platform import Platform, running
from tests.fixtures.stage_7.certificates import Certified, certify, of_version

LIMITS = LineLimits(arrival_seconds=0.5, most=8)
WITHIN_S = 20


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certify(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, certified: Certified) -> Iterator[str]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.promote(platform.train())
    with running(
        platform.app(security=SecurityConfig(tls=True)), LIMITS, tls_context(certified.certificate, certified.key)
    ) as url:
        yield url
    platform.database.close()


def trusting(certified: Certified) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certified.certificate))


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_the_api_answers_by_https_and_says_so(url: str, certified: Certified) -> None:
    """A list is answered over TLS 1.3, browsers are told to come encrypted, and the line is used again."""
    assert url.startswith("https://")
    with httpx.Client(verify=trusting(certified), base_url=url) as client:
        for _ in range(2):
            answer = client.get("/v1/users/ann/recommendations")
            assert answer.status_code == 200
            assert len(answer.json()["items"]) > 0
            assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"]
        stream = answer.extensions["network_stream"].get_extra_info("ssl_object")
        assert stream.version() == "TLSv1.3"
        # The console's cookie is for encrypted connections alone.
        cookie = client.post("/console/sign-in", data={"token": "a-token-of-the-tests"}).headers["set-cookie"]
        assert "Secure" in cookie


def test_who_does_not_trust_the_certificate_is_not_served(url: str) -> None:
    """A client that was not given the certificate refuses it."""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz", verify=ssl.create_default_context())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(url: str, version: ssl.TLSVersion) -> None:
    """TLS 1.0 and 1.1 get no connection, also from a client that allows every cipher."""
    old = of_version(version)
    with socket.create_connection(("127.0.0.1", port(url)), WITHIN_S) as line, pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(line)


def test_ciphers_without_forward_secrecy_or_authentication_are_refused(url: str, certified: Certified) -> None:
    """TLS 1.2 works with an AEAD cipher alone: CBC is refused."""
    for cipher, taken in (("ECDHE-ECDSA-AES128-GCM-SHA256", True), ("ECDHE-ECDSA-AES128-SHA256", False)):
        chosen = trusting(certified)
        chosen.maximum_version = ssl.TLSVersion.TLSv1_2
        chosen.set_ciphers(cipher)
        with socket.create_connection(("127.0.0.1", port(url)), WITHIN_S) as line:
            if taken:
                with chosen.wrap_socket(line, server_hostname="localhost") as secured:
                    assert secured.cipher()[0] == cipher
            else:
                with pytest.raises((ssl.SSLError, OSError)):
                    chosen.wrap_socket(line, server_hostname="localhost")


def test_plain_http_is_not_answered(url: str) -> None:
    """Whoever speaks plain HTTP gets no byte of an answer, so that nothing of theirs is taken unencrypted."""
    with socket.create_connection(("127.0.0.1", port(url)), WITHIN_S) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        answer = b""
        with suppress(ConnectionResetError):
            while piece := line.recv(4096):
                answer += piece
    assert b"HTTP" not in answer


def test_a_handshake_that_does_not_come_makes_room_again(url: str, certified: Certified) -> None:
    """As many as the server bears connect and say nothing: they are let go, and others are answered."""
    idle = [socket.create_connection(("127.0.0.1", port(url)), WITHIN_S) for _ in range(LIMITS.room())]
    garbage = idle.pop()
    garbage.sendall(b"\x16\x03\x01 this is no handshake")
    end = time.monotonic() + WITHIN_S
    while True:
        assert time.monotonic() < end
        try:
            assert httpx.get(f"{url}/healthz", verify=trusting(certified)).status_code == 200
            break
        except httpx.TransportError:
            time.sleep(0.05)
    for line in (garbage, *idle):
        line.settimeout(WITHIN_S)
        with suppress(ConnectionResetError):
            # At most an alert, then the end.
            while line.recv(4096):
                pass
        line.close()


def test_certificate_and_key_must_fit(tmp_path: Path) -> None:
    """A key of another certificate, a missing file and a file that is none are told; the key's bytes are not."""
    one, other = certify(tmp_path, "one"), certify(tmp_path, "other")
    for certificate, key in (
        (one.certificate, other.key),
        (one.certificate, tmp_path / "missing.pem"),
        (tmp_path, one.key),
        (one.key, one.certificate),
    ):
        with pytest.raises(ConfigurationError) as told:
            tls_context(certificate, key)
        assert "PRIVATE KEY" not in str(told.value)
        assert str(key) in str(told.value)


def test_serve_takes_both_or_neither(finished: CommandLine, certified: Certified, tmp_path: Path) -> None:
    """The command answers by https alone with both options, and refuses one without the other."""
    home = copied(finished, tmp_path)
    alone = home("serve", "--tls-cert", str(certified.certificate))
    assert (alone.code, "without its key" in alone.err) == (1, True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        chosen = str(free.getsockname()[1])
    words = ["--port", chosen, "--tls-cert", str(certified.certificate), "--tls-key", str(certified.key)]
    process = home.start("serve", *words)
    try:
        end = time.monotonic() + WITHIN_S * 5
        while True:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < end
            try:
                answer = httpx.get(f"https://127.0.0.1:{chosen}/readyz", verify=trusting(certified), timeout=20)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        assert answer.status_code == 200
        assert "strict-transport-security" in answer.headers
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=WITHIN_S)
    assert f"https://127.0.0.1:{chosen}/" in said
