"""The client against a server that misbehaves: each fault ends in an answer or in one sentence."""

import threading
import time

import pytest
from pydantic import SecretStr

from movie_mlops.core import clock
from movie_mlops.ingest.tmdb import (
    TmdbClient,
    TmdbConfig,
    TmdbError,
    TmdbKeyError,
    TmdbUnavailableError,
    genres,
)
from movie_mlops.ingest.tmdb.errors import GoneError, MalformedAnswerError
from tests.fixtures.stage_1.tmdb import V3_KEY, V4_TOKEN, Reply, TmdbServer, film
from tests.fixtures.stage_1.tmdb_world import NOON, World, serve


@pytest.mark.parametrize("key", [V3_KEY, V4_TOKEN, f" {V3_KEY}\n"], ids=["v3", "v4", "v3-with-spaces"])
def test_either_key_opens_the_service(world: World, server: TmdbServer, key: str) -> None:
    """A v3 key goes as a parameter, a v4 token as a header, each only in its own place."""
    serve(server, 7)
    with world.client(key) as client:
        assert client.details(7).data["title"] == "Film 7"
        client.configuration()
        assert genres(client) == {"Science Fiction": 878, "Drama": 18}
    for asked in server.asked:
        token = key == V4_TOKEN
        assert (asked.query.get("api_key"), asked.authorization) == (
            (None, f"Bearer {V4_TOKEN}") if token else (V3_KEY, None)
        )
    assert server.asked[0].query["append_to_response"] == "credits,keywords"


@pytest.mark.parametrize("key", [None, SecretStr(""), SecretStr("  "), SecretStr("0" * 64), SecretStr("abc")])
def test_a_key_that_cannot_be_one_is_not_sent(world: World, server: TmdbServer, key: SecretStr | None) -> None:
    """Without a key, or with one of another form, one sentence says so, shows none of it, and nothing is asked."""
    with pytest.raises(TmdbKeyError, match="MOVIE_MLOPS_TMDB_KEY") as refused:
        TmdbClient(world.config, key)
    assert server.asked == []
    assert key is None or len(key) < 4 or key.get_secret_value() not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://api.example.org/3", "https://me:secret@api.example.org/3", "ftp://localhost/3", "themoviedb.org"]
)
def test_an_address_that_would_give_the_key_away_is_refused(url: str) -> None:
    """The key travels encrypted, or stays on this machine."""
    with pytest.raises(TmdbError, match="https://") as refused:
        TmdbClient(TmdbConfig(url=url), SecretStr(V3_KEY))
    assert "secret" not in str(refused.value)


def test_a_refused_key_is_one_sentence_and_no_second_attempt(world: World, server: TmdbServer) -> None:
    """401 says what to do about the key; nothing is tried again."""
    with world.client("f" * 32) as client, pytest.raises(TmdbKeyError, match="does not take the key") as refused:
        client.details(7)
    assert "f" * 32 not in str(refused.value)
    assert len(server.asked) == 1


HELPED = {
    "429": Reply(429, {"status_code": 25}),
    "500": Reply(500, b"<html>"),
    "503": Reply(503, b""),
    "cut": Reply(200, film(7), cut=100),
    "cut-at-once": Reply(200, film(7), cut=0),
    "not-json": Reply(200, b"<html>Welcome to the hotel's network</html>"),
    "half-json": Reply(200, b'{"id": 7, "title": "Fi'),
    "not-utf8": Reply(200, b'{"id": 7, "title": "F\xff"}'),
    "deep": Reply(200, b"[" * 200_000),
    "null": Reply(200, None),
    "not-gzip": Reply(200, b"plain", {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", HELPED)
def test_what_a_second_attempt_can_help_gets_one(world: World, server: TmdbServer, fault: str) -> None:
    """429, 5xx, a cut connection and a damaged body are tried again, after a wait, and the film comes."""
    serve(server, 7)
    server.faults["/movie/7"] = [HELPED[fault]]
    with world.client() as client:
        assert client.details(7).data == film(7)
    assert len(server.asked) == 2
    assert world.timer.slept == [0.5]


def test_a_burst_of_errors_is_waited_out_with_growing_waits(world: World, server: TmdbServer) -> None:
    """Waits double; after the last attempt one sentence says what was answered, and that it may work later."""
    serve(server, 7)
    server.faults["/movie/7"] = [Reply(500, b"")] * 4
    with world.client() as client:
        client.details(7)
        assert world.timer.slept == [0.5, 1.0, 2.0, 4.0]
        server.faults["/movie/7"] = [Reply(502, b"")] * 9
        with pytest.raises(TmdbUnavailableError, match="it answered 502, in 5 attempts") as failed:
            client.details(7)
    assert failed.value.retryable
    assert len(server.asked) == 10


def test_a_damaged_body_is_asked_for_once_more_only(world: World, server: TmdbServer) -> None:
    """A body that is not JSON twice will not become it: what came is kept for the quarantine."""
    server.faults["/movie/7"] = [Reply(200, b"<html>")] * 3
    with world.client() as client, pytest.raises(MalformedAnswerError) as refused:
        client.details(7)
    assert refused.value.text == "<html>"
    assert len(server.asked) == 2


@pytest.mark.parametrize("header", ["30", "Mon, 02 Mar 2026 12:00:30 GMT"], ids=["seconds", "date"])
def test_retry_after_is_kept(world: World, server: TmdbServer, monkeypatch: pytest.MonkeyPatch, header: str) -> None:
    """When the service says how long to wait, no worker asks anything before."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    serve(server, 7, 8)
    date_header = {"Date": "Mon, 02 Mar 2026 12:00:00 GMT"}
    server.faults["/movie/7"] = [Reply(429, {}, {"Retry-After": header, **date_header})]
    with world.client() as client:
        client.details(7)
        assert world.timer.time == 1030.0
        client.details(8)
    assert world.timer.slept == [30.0]


def test_a_wait_that_one_worker_is_told_holds_the_others(world: World, server: TmdbServer) -> None:
    """Even where the one that was told gives up, nobody asks anything before the time is over."""
    serve(server, 7, 8)
    server.faults["/movie/7"] = [Reply(429, {}, {"Retry-After": "30"})]
    with world.client(attempts=1) as client:
        with pytest.raises(TmdbUnavailableError):
            client.details(7)
        assert world.timer.slept == []
        client.details(8)
    assert world.timer.slept == [30.0]


def test_stopping_ends_a_long_wait(server: TmdbServer) -> None:
    """Whoever interrupts a run does not wait for a minute's Retry-After."""
    server.faults["/movie/7"] = [Reply(429, {}, {"Retry-After": "60"})]
    began = time.monotonic()
    with TmdbClient(TmdbConfig(url=server.url), SecretStr(V3_KEY)) as client:
        threading.Timer(0.1, client.stop).start()
        with pytest.raises(TmdbUnavailableError, match="is being stopped"):
            client.details(7)
    assert time.monotonic() - began < 10


def test_a_wait_beyond_patience_is_not_begun(world: World, server: TmdbServer) -> None:
    """A wait of an hour is told at once instead of slept."""
    server.faults["/movie/7"] = [Reply(429, {}, {"Retry-After": "3600"})]
    with world.client() as client, pytest.raises(TmdbUnavailableError, match=r"answered 429 and asks to wait 3,600 s"):
        client.details(7)
    assert world.timer.slept == []


def test_patience_bounds_all_waits_together(world: World, server: TmdbServer) -> None:
    """However many attempts are allowed, a question ends within its time."""
    server.faults["/movie/7"] = [Reply(500, b"")] * 999
    with world.client(attempts=999) as client, pytest.raises(TmdbUnavailableError):
        client.details(7)
    assert sum(world.timer.slept) <= 120.0
    assert len(server.asked) < 15


def test_a_server_that_is_slow_or_drips_is_left(world: World, server: TmdbServer) -> None:
    """An answer must begin and end in time; a byte now and then does not count."""
    config = TmdbConfig(url=server.url, timeout_seconds=0.1, attempts=1)
    server.faults["/movie/7"] = [Reply(200, film(7), slow=0.2), Reply(200, film(7), drip=0.02)]
    for told in ("did not answer", "did not finish"):
        with TmdbClient(config, SecretStr(V3_KEY)) as client, pytest.raises(TmdbUnavailableError, match=told):
            client.details(7)


def test_a_server_that_is_not_there(world: World, server: TmdbServer) -> None:
    """No connection is an explained error, after the attempts."""
    with (
        world.client(url="http://127.0.0.1:1/3") as client,
        pytest.raises(TmdbUnavailableError, match="the connection failed"),
    ):
        client.details(7)
    assert len(world.timer.slept) == 4


def test_gone_is_tmdb_s_own_word(world: World, server: TmdbServer) -> None:
    """A 404 of TMDB's means that the film is gone; any other means that this is not the API."""
    with world.client() as client:
        with pytest.raises(GoneError):
            client.details(404)
        server.faults["/movie/7"] = [
            Reply(404, b"<html>Not Found</html>"),
            Reply(404, {"message": "no route"}),
            Reply(301, b"", {"Location": "/login"}),
        ]
        for status in (404, 404, 301):
            with pytest.raises(TmdbError, match=f"answered {status}") as refused:
                client.details(7)
            assert type(refused.value) is TmdbError
    assert len(server.asked) == 4


def test_an_answer_without_end_is_left(world: World, server: TmdbServer) -> None:
    """More bytes than any film has are not read."""
    server.faults["/movie/7"] = [Reply(200, b"x" * 100_000)]
    with world.client(max_bytes=10_000) as client, pytest.raises(TmdbError, match="more than 10,000 bytes"):
        client.details(7)
