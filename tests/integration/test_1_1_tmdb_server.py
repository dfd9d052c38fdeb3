"""Films from a server that answers as TMDB does, and misbehaves: each fault ends in facts, a sentence, a quarantine."""

import json
import logging
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from movie_mlops.cli.main import main
from movie_mlops.core import clock
from movie_mlops.core.errors import ConfigurationError
from movie_mlops.ingest.tmdb import (
    Journal,
    TmdbClient,
    TmdbConfig,
    TmdbError,
    TmdbKeyError,
    TmdbReport,
    TmdbRequest,
    TmdbUnavailableError,
    enrich,
    genres,
)
from movie_mlops.ingest.tmdb.errors import GoneError, MalformedAnswerError
from movie_mlops.ingest.tmdb.journal import FILMS
from movie_mlops.lake import MOVIES, SCHEMAS, Lake, LakeConfig
from movie_mlops.state import Database, StateConfig
from tests.conftest import REPOSITORY
from tests.fixtures.stage_1.tmdb import V3_KEY, V4_TOKEN, FakeTimer, Reply, TmdbServer, film, running

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
POPULAR = TmdbRequest(films="popular")
LINKED = TmdbRequest()


@pytest.fixture
def server() -> Iterator[TmdbServer]:
    with running(TmdbServer()) as server:
        yield server


class World:
    """A data set with films that have links, and everything to enrich it."""

    def __init__(self, folder: Path, server: TmdbServer) -> None:
        self.folder = folder
        self.server = server
        self.lake = Lake(LakeConfig(folder / "lake"))
        self.database = Database(StateConfig(f"sqlite:///{folder / 'state.db'}"))
        self.journal = Journal(self.database)
        self.timer = FakeTimer()
        self.config = TmdbConfig(url=server.url, batch=2, workers=2, timeout_seconds=5.0)

    def hold(self, *films: dict[str, Any]) -> None:
        """Put films into the lake; what is left out is unknown."""
        empty: dict[str, Any] = dict.fromkeys(SCHEMAS[MOVIES])
        empty |= {"genres": [], "directors": [], "keywords": [], "cast": []}
        rows = [empty | {"title": f"Held {one['movie_id']}"} | one for one in films]
        self.lake.append(MOVIES, pl.DataFrame(rows, schema=SCHEMAS[MOVIES]))

    def client(self, key: str = V3_KEY, **changes: Any) -> TmdbClient:
        """Return a client that waits for nothing."""
        config = TmdbConfig(**{**vars(self.config), **changes})
        return TmdbClient(config, SecretStr(key), timer=self.timer, jitter=lambda low, high: high)

    def enrich(self, request: TmdbRequest = LINKED, **changes: Any) -> TmdbReport:
        """Run once."""
        config = TmdbConfig(**{**vars(self.config), **changes})
        with self.client(**changes) as client:
            return enrich(request, self.lake, self.journal, client, config=config)

    def films(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return columns of the lake's films."""
        return self.lake.scan(MOVIES).sort("movie_id").select(columns).collect().rows()

    def refused(self) -> list[tuple[Any, ...]]:
        """Return place, line and reason of the quarantine."""
        return self.lake.scan("quarantine").sort("file", "line").select("file", "line", "reason").collect().rows()


@pytest.fixture
def world(tmp_path: Path, server: TmdbServer) -> Iterator[World]:
    world = World(tmp_path, server)
    yield world
    world.database.close()


def links(*tmdb_ids: int) -> list[dict[str, Any]]:
    return [{"movie_id": tmdb_id * 10, "tmdb_id": tmdb_id} for tmdb_id in tmdb_ids]


def serve(server: TmdbServer, *tmdb_ids: int) -> None:
    server.films = {tmdb_id: film(tmdb_id) for tmdb_id in tmdb_ids}


# --- The client -------------------------------------------------------------------------------------------------------


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


# --- Facts ------------------------------------------------------------------------------------------------------------


def test_linked_films_get_what_the_data_set_leaves_empty(world: World, server: TmdbServer) -> None:
    """Empty fields are filled; what the data set says stays; films without a link are left alone."""
    world.hold(
        {"movie_id": 1, "tmdb_id": 7},
        {"movie_id": 2, "tmdb_id": 8, "title": "Mine", "year": 2001, "genres": ["Noir"], "directors": ["Me"]},
        {"movie_id": 3},
        {"movie_id": 4, "tmdb_id": 7, "language": "en"},
    )
    serve(server, 7, 8)
    report = world.enrich()
    assert (report.films, report.fetched, report.changed, report.refused) == (2, 2, 3, 0)
    assert world.films("movie_id", "title", "year", "genres", "directors", "language", "runtime_minutes", "cast") == [
        (1, "Held 1", 1999, ["Drama", "Sci-Fi"], ["Di Rector 7"], "ko", 107, ["Al First", "Bo Second"]),
        (2, "Mine", 2001, ["Noir"], ["Me"], "ko", 108, ["Al First", "Bo Second"]),
        (3, "Held 3", None, [], [], None, None, []),
        (4, "Held 4", 1999, ["Drama", "Sci-Fi"], ["Di Rector 7"], "en", 107, ["Al First", "Bo Second"]),
    ]
    assert [row[0] for row in world.films("keywords")][:2] == [["grief", "moon"]] * 2
    assert [commit.note.get("source") for commit in world.lake.history(MOVIES)] == ["tmdb", None]


def test_a_second_run_asks_nothing_and_writes_nothing(world: World, server: TmdbServer) -> None:
    """Promise P1: the same command again has no request for a known film, and no commit."""
    world.hold(*links(7, 8, 9))
    serve(server, 7, 8)
    first = world.enrich()
    assert (first.fetched, first.gone) == (2, 1)
    asked, version = len(server.asked), world.lake.version(MOVIES)
    again = world.enrich()
    assert (again.films, again.known, again.fetched, again.changed) == (3, 3, 0, 0)
    assert (len(server.asked), world.lake.version(MOVIES)) == (asked, version)


def test_each_batch_is_one_commit(world: World, server: TmdbServer) -> None:
    """Five films in batches of two are three commits."""
    world.hold(*links(1, 2, 3, 4, 5))
    serve(server, 1, 2, 3, 4, 5)
    world.enrich()
    assert world.lake.version(MOVIES) == 3


def test_progress_counts_the_films_to_ask(world: World, server: TmdbServer) -> None:
    """The bar's end is the number of films that are asked, and it is reached."""
    world.hold(*links(1, 2, 3))
    serve(server, 1, 3)
    told: list[Any] = []

    class Bar:
        @contextmanager
        def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Callable[[float], None]]:
            told.append((title, total, unit))
            yield told.append

    with world.client() as client:
        enrich(LINKED, world.lake, world.journal, client, config=world.config, progress=Bar())
    assert told == [("Asking TMDB for films", 3, "films"), 1, 1, 1]


def test_a_limit_takes_the_most_rated_films_first_and_the_rest_later(world: World, server: TmdbServer) -> None:
    """With a limit the films that matter most come first; the same command goes on with the next."""
    world.hold(*links(1, 2, 3))
    rows = [(f"e{n}", "ann", movie, "like", None, NOON, NOON, "x") for n, movie in enumerate([30, 30, 20])]
    world.lake.append("interactions", pl.DataFrame(rows, schema=SCHEMAS["interactions"], orient="row"))
    serve(server, 1, 2, 3)
    one = TmdbRequest(limit=1)
    reports = [world.enrich(one) for _ in range(4)]
    assert server.paths() == ["/movie/3", "/movie/2", "/movie/1"]
    assert [report.left for report in reports] == [2, 1, 0, 0]


def test_changed_films_are_asked_again_and_only_tmdb_s_own_facts_are_renewed(
    world: World, server: TmdbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--since renews what TMDB said before; what the data set says, and what TMDB forgot, stays."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    world.hold({"movie_id": 10, "tmdb_id": 1, "directors": ["Me"]}, *links(2))
    serve(server, 1, 2)
    world.enrich()
    server.films[1] = film(1, runtime=99, genres=[], keywords={"keywords": [{"name": "sea"}]})
    server.films[2] = film(2, runtime=1)
    server.lists["/movie/changes"] = [5, 1]
    server.asked.clear()
    monkeypatch.setattr(clock, "now", lambda: NOON.replace(day=4))
    report = world.enrich(TmdbRequest(since=date(2026, 3, 3)))
    assert server.paths() == ["/movie/changes?page=1", "/movie/changes?page=1", "/movie/1"]
    assert [asked.query.get("start_date") for asked in server.asked] == ["2026-03-03", "2026-03-04", None]
    assert (report.fetched, report.changed, report.known) == (1, 1, 1)
    assert world.films("runtime_minutes", "directors", "genres", "keywords") == [
        (99, ["Me"], ["Drama", "Sci-Fi"], ["sea"]),
        (102, ["Di Rector 2"], ["Drama", "Sci-Fi"], ["grief", "moon"]),
    ]


def test_changed_films_can_be_asked_a_few_at_a_time(world: World, server: TmdbServer) -> None:
    """With a limit, the same command goes on with the changed films that are left, and reads the changes once."""
    world.hold(*links(1, 2))
    serve(server, 1, 2)
    world.enrich()
    server.lists["/movie/changes"] = [1, 2]
    server.asked.clear()
    request = TmdbRequest(since=clock.now().date(), limit=1)
    assert [world.enrich(request).left for _ in range(2)] == [1, 0]
    assert server.paths() == ["/movie/changes?page=1", "/movie/1", "/movie/2"]


def test_films_that_come_to_the_lake_later_get_known_facts_without_a_request(world: World, server: TmdbServer) -> None:
    """The journal remembers: a new film with a known link, or a lake made anew, costs no request."""
    world.hold(*links(7))
    serve(server, 7)
    world.enrich()
    world.hold({"movie_id": 71, "tmdb_id": 7})
    report = world.enrich()
    assert (len(server.asked), report.changed) == (1, 1)
    assert world.films("movie_id", "runtime_minutes") == [(70, 107), (71, 107)]


def test_a_link_to_another_film_gives_no_facts(world: World, server: TmdbServer) -> None:
    """Where the lake and TMDB name different films of IMDb, nothing is taken over and the quarantine says why."""
    world.hold({"movie_id": 1, "tmdb_id": 7, "imdb_id": "tt0000099"}, {"movie_id": 2, "tmdb_id": 7})
    serve(server, 7)
    report = world.enrich()
    assert (report.fetched, report.changed, report.quarantined) == (1, 1, 1)
    assert world.films("runtime_minutes") == [(None,), (107,)]
    assert world.refused() == [("tmdb:movie/7", 1, "other-film")]
    assert world.enrich().quarantined == 0


def test_a_changed_schema_costs_that_film_and_no_other(world: World, server: TmdbServer) -> None:
    """Promise P2: what is not what it should be is in the quarantine, with reason and answer; the others come."""
    world.hold(*links(1, 2, 3, 4))
    serve(server, 1, 2, 3, 4)
    server.films[2]["runtime"] = "1h 42m"
    del server.films[3]["credits"]
    server.faults["/movie/4"] = [Reply(200, b"<html>")] * 2
    report = world.enrich()
    assert (report.fetched, report.refused, report.quarantined, report.changed) == (1, 3, 3, 1)
    assert world.refused() == [
        ("tmdb:movie/2", 1, "bad-field"),
        ("tmdb:movie/3", 1, "missing-field"),
        ("tmdb:movie/4", 1, "malformed"),
    ]
    assert world.films("runtime_minutes") == [(101,), (None,), (None,), (None,)]
    [raw] = world.lake.scan("quarantine").filter(pl.col("file") == "tmdb:movie/2").collect()["raw"]
    assert json.loads(raw) == server.films[2]
    # The next run asks those again, and does not tell the same thing twice.
    server.films[3] = film(3)
    again = world.enrich()
    assert (again.fetched, again.refused, again.quarantined, again.known) == (2, 1, 0, 1)


# --- Lists ------------------------------------------------------------------------------------------------------------


def test_popular_films_are_added_where_the_lake_does_not_have_them(world: World, server: TmdbServer) -> None:
    """A film of a list that the lake has by its link is enriched; another is added with a number of its own."""
    world.hold(*links(2))
    serve(server, 1, 2, 3)
    server.lists["/movie/popular"] = [1, 2, 3]
    report = world.enrich(POPULAR)
    assert (report.films, report.fetched, report.changed) == (3, 3, 3)
    assert server.paths()[:2] == ["/movie/popular?page=1", "/movie/popular?page=2"]
    assert world.films("movie_id", "tmdb_id", "title", "runtime_minutes") == [
        (20, 2, "Held 20", 102),
        (1_000_000_001, 1, "Film 1", 101),
        (1_000_000_003, 3, "Film 3", 103),
    ]
    server.films[1]["title"] = "Never asked"
    assert world.enrich(POPULAR).known == 3


def test_a_number_that_somebody_else_has_is_not_taken(world: World, server: TmdbServer) -> None:
    """A film of the lake is never overwritten by one of TMDB's."""
    world.hold({"movie_id": 1_000_000_001})
    serve(server, 1)
    server.lists["/movie/popular"] = [1]
    world.enrich(POPULAR)
    assert world.films("movie_id", "title") == [(1_000_000_001, "Held 1000000001")]
    assert world.refused() == [("tmdb:movie/1", 1, "id-taken")]


def test_discover_asks_in_tmdb_s_words(world: World, server: TmdbServer) -> None:
    """Genres by our names or theirs, and years, reach the service; a genre that it does not have is named."""
    server.lists["/discover/movie"] = []
    world.enrich(TmdbRequest(films="discover", genres=("Sci-Fi", "drama"), years=(1990, 1999)))
    query = server.asked[-1].query
    assert query["with_genres"] == "878,18"
    assert (query["primary_release_date.gte"], query["primary_release_date.lte"]) == ("1990-01-01", "1999-12-31")
    assert query["include_adult"] == "false"
    with pytest.raises(TmdbError, match=r"no genre 'Noir'. It has: Science Fiction, Drama"):
        world.enrich(TmdbRequest(films="discover", genres=("Noir",)))


def test_a_limit_ends_the_list(world: World, server: TmdbServer) -> None:
    """No page is asked that is not needed."""
    serve(server, *range(1, 10))
    server.lists["/movie/popular"] = list(range(1, 10))
    report = world.enrich(TmdbRequest(films="popular", limit=3))
    assert (report.films, report.fetched) == (3, 3)
    assert [path for path in server.paths() if "popular" in path] == ["/movie/popular?page=1", "/movie/popular?page=2"]


def test_pages_that_repeat_or_shift_lose_and_double_nothing(world: World, server: TmdbServer) -> None:
    """A film that slides to a later page counts once; one that slides to an earlier page is found by another turn."""
    serve(server, 1, 2, 3, 4)
    orders = {1: [1, 2, 3, 4], 2: [3, 1, 2, 4]}
    server.lists["/movie/popular"] = lambda times: orders.get(times, [3, 1, 2, 4])
    report = world.enrich(POPULAR)
    assert (report.films, report.fetched) == (4, 4)
    assert [path for path in server.paths() if "popular" in path] == [
        "/movie/popular?page=1",
        "/movie/popular?page=2",
        "/movie/popular?page=1",
        "/movie/popular?page=2",
    ]
    assert sorted(path for path in server.paths() if "popular" not in path) == [f"/movie/{n}" for n in (1, 2, 3, 4)]


def test_a_list_that_claims_too_much_is_not_read_for_ever(world: World, server: TmdbServer) -> None:
    """Totals that are never reached end after a turn that brings nothing new."""
    serve(server, 1)
    server.faults["/movie/popular"] = [
        Reply(200, {"page": 1, "results": [{"id": 1}], "total_pages": 1, "total_results": 9})
    ] * 9
    assert world.enrich(POPULAR).films == 1
    assert server.paths().count("/movie/popular?page=1") == 2


def test_a_row_of_a_list_that_cannot_be_read_is_quarantined(world: World, server: TmdbServer) -> None:
    """A row without an identifier costs that row; its place and text are kept."""
    serve(server, 1)
    rows = [{"id": 1}, {"movie": 2}, {"id": "3"}, "film", {"id": 10**30}]
    server.faults["/movie/popular"] = [Reply(200, {"page": 1, "results": rows, "total_pages": 1, "total_results": 5})]
    assert world.enrich(POPULAR).films == 1
    place = "tmdb:popular?page=1"
    reasons = ["missing-field", "bad-field", "bad-field", "bad-field"]
    assert world.refused() == [(place, line, reason) for line, reason in enumerate(reasons, 2)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"page": 1, "items": [], "total_pages": 1, "total_results": 1}, "missing-field"),
        ({"page": 2, "results": [], "total_pages": 2, "total_results": 1}, "wrong-page"),
        ({"page": 1, "results": {}, "total_pages": 1, "total_results": 1}, "bad-field"),
        (b"<html>", "malformed"),
    ],
)
def test_a_page_of_another_shape_ends_the_list_with_a_sentence(
    world: World, server: TmdbServer, body: Any, reason: str
) -> None:
    """Without its pages a list cannot be read: the page is in the quarantine, and the run can be repeated."""
    server.faults["/movie/popular"] = [Reply(200, body)] * 2
    with pytest.raises(TmdbError):
        world.enrich(POPULAR)
    assert world.refused() == [("tmdb:popular?page=1", 1, reason)]


@pytest.mark.parametrize(
    "request_",
    [
        LINKED,
        TmdbRequest(films="popular", since=date(2026, 1, 1)),
        TmdbRequest(since=date(2999, 1, 1)),
        TmdbRequest(films="popular", genres=("Drama",)),
        TmdbRequest(films="popular", years=(1990, 1999)),
    ],
)
def test_a_request_that_makes_no_sense_asks_nothing(world: World, server: TmdbServer, request_: TmdbRequest) -> None:
    """Options that contradict each other are named before the service is asked."""
    if request_ is not LINKED:
        world.hold(*links(1))
    with pytest.raises(ConfigurationError):
        world.enrich(request_)
    assert server.asked == []


def test_a_run_over_the_real_shapes(world: World, server: TmdbServer, shared_data: Path) -> None:
    """Lists, changes and films in the service's own shapes go all the way to the lake."""

    def real(name: str) -> Any:
        return json.loads((shared_data / "tmdb" / f"{name}.json").read_text(encoding="utf-8"))

    details = real("movies/details_with_append_to_response")
    server.films[12313] = details
    server.faults = {"/movie/popular": [Reply(200, real("movie_lists/popular"))]}
    report = world.enrich(TmdbRequest(films="popular", limit=20))
    assert (report.films, report.gone, report.refused, report.quarantined) == (20, 20, 0, 0)
    world.hold({"movie_id": 1, "tmdb_id": 12313, "imdb_id": details["imdb_id"]}, {"movie_id": 2, "tmdb_id": 35725})
    page = real("changes/movie_list") | {"page": 1, "total_pages": 1, "total_results": 100}
    server.faults = {"/movie/changes": [Reply(200, page)]}
    server.lists["/movie/changes"] = []
    report = world.enrich(TmdbRequest(since=clock.now().date()))
    assert (report.films, report.fetched, report.gone, report.changed) == (2, 1, 1, 1)
    assert world.films("directors", "language", "runtime_minutes", "keywords")[0] == (
        ["Joseph Vilsmaier"],
        "de",
        92,
        ["mountain village"],
    )


# --- Interruptions ----------------------------------------------------------------------------------------------------


def test_one_film_that_fails_does_not_stop_the_others(world: World, server: TmdbServer) -> None:
    """A film that cannot be had now is left for the next call; the others come."""
    world.hold(*links(1, 2, 3))
    serve(server, 1, 2, 3)
    server.faults["/movie/2"] = [Reply(500, b"")] * 5
    report = world.enrich()
    assert (report.fetched, report.failed, report.changed) == (2, 1, 2)
    again = world.enrich()
    assert (again.known, again.fetched, again.failed) == (2, 1, 0)


def test_a_service_that_is_down_ends_the_run_and_what_came_is_kept(world: World, server: TmdbServer) -> None:
    """After several films without an answer the run ends; what was fetched is in the lake, and is not asked again."""
    world.hold(*links(*range(1, 13)))
    serve(server, *range(1, 13))
    for number in range(4, 13):
        server.faults[f"/movie/{number}"] = [Reply(503, b"")] * 5
    with pytest.raises(TmdbUnavailableError, match="503"):
        world.enrich(batch=100, workers=1)
    assert [row[0] for row in world.films("runtime_minutes")][:4] == [101, 102, 103, None]
    server.faults.clear()
    server.asked.clear()
    assert world.enrich().fetched == 9
    assert len(server.asked) == 9


def test_a_key_that_is_withdrawn_in_the_middle_keeps_what_came(world: World, server: TmdbServer) -> None:
    """401 in the middle of a run ends it with its sentence; what came before is in the lake."""
    world.hold(*links(1, 2, 3))
    serve(server, 1, 2, 3)
    server.faults["/movie/3"] = [Reply(401, {})]
    with pytest.raises(TmdbKeyError):
        world.enrich(workers=1, batch=100)
    assert world.films("runtime_minutes") == [(101,), (102,), (None,)]


def test_a_list_is_taken_up_at_the_page_where_it_was_cut_off(
    world: World, server: TmdbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that were read are not asked again by the run that goes on; after two days the list is read anew."""
    now = NOON
    monkeypatch.setattr(clock, "now", lambda: now)
    serve(server, *range(1, 7))
    server.lists["/movie/popular"] = list(range(1, 7))
    server.down = {"/movie/popular?page=3"}
    for again in range(2):
        with pytest.raises(TmdbUnavailableError):
            world.enrich(POPULAR, attempts=1)
        assert server.paths()[-1] == "/movie/popular?page=3"
        assert len(server.asked) == 3 + again
    now += timedelta(hours=49)
    with pytest.raises(TmdbUnavailableError):
        world.enrich(POPULAR, attempts=1)
    assert len(server.asked) == 7
    server.down.clear()
    assert world.enrich(POPULAR).fetched == 6
    assert len(server.asked) == 8 + 6


@pytest.mark.parametrize("broken", ["settle", "keep_page", "finish"])
def test_an_end_between_two_commits_is_made_good(
    world: World, server: TmdbServer, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Promise P1: where a run ends between the lake's commit and the journal's, the next one changes nothing twice."""
    world.hold(*links(1, 2, 3))
    serve(server, 1, 2, 3, 4)
    del server.films[3]["credits"]
    server.lists["/movie/popular"] = [1, 2, 3, 4]
    with monkeypatch.context() as patch:
        patch.setattr(Journal, broken, lambda *args: sys.exit("power cut"))
        with pytest.raises(SystemExit):
            world.enrich(POPULAR, batch=100)
    asked, version = len(server.asked), world.lake.version(MOVIES)
    world.enrich(POPULAR, batch=100)
    assert world.films("movie_id", "runtime_minutes") == [(10, 101), (20, 102), (30, None), (1_000_000_004, 104)]
    assert world.refused() == [("tmdb:movie/3", 1, "missing-field")]
    if broken != "keep_page":
        assert len(server.asked) == asked
        assert world.lake.version(MOVIES) == version


KILLED = """
import sys
from pathlib import Path
from pydantic import SecretStr
from sqlalchemy import select
from movie_mlops.ingest.tmdb import Journal, TmdbClient, TmdbConfig, TmdbRequest, enrich
from movie_mlops.lake import Lake, LakeConfig
from movie_mlops.state import Database, StateConfig

folder, url, key = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
config = TmdbConfig(url=url, batch=4, workers=2, requests_per_second=1000.0)
journal = Journal(Database(StateConfig(f"sqlite:///{folder / 'state.db'}")))
with TmdbClient(config, SecretStr(key)) as client:
    enrich(TmdbRequest(), Lake(LakeConfig(folder / "lake")), journal, client, config=config)
"""


@pytest.mark.parametrize("stuck_after", [2, 6])
def test_a_killed_run_goes_on_where_it_was(world: World, server: TmdbServer, stuck_after: int) -> None:
    """Promise P1: kill -9 in the middle loses no answer that was journaled, and nothing of it is asked twice."""
    numbers = list(range(1, 11))
    world.hold(*links(*numbers))
    serve(server, *numbers)
    server.stuck_after = stuck_after
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(world.folder), server.url, V3_KEY], cwd=REPOSITORY / "src"
    )
    # Two workers are stuck, each with a request; everything before is answered and, as soon as it is read, journaled.
    wait_for(lambda: len(server.asked) == stuck_after + 2 and len(journaled(world)) == stuck_after)
    process.kill()
    process.wait()
    server.stuck_after = None
    server.freed.set()
    kept = journaled(world)
    world.lake.scan(MOVIES).collect()  # the lake is whole
    server.asked.clear()
    report = world.enrich()
    assert (report.known, report.fetched) == (stuck_after, 10 - stuck_after)
    assert sorted(server.paths()) == sorted(f"/movie/{number}" for number in numbers if number not in kept)
    assert world.films("runtime_minutes") == [(film(number)["runtime"],) for number in numbers]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def journaled(world: World) -> set[int]:
    with world.database.read() as connection:
        return set(connection.execute(select(FILMS.c.tmdb_id)).scalars())


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, server: TmdbServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with the data set 'films', whose film 10 has a link to 1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVIE_MLOPS_TMDB_KEY", V3_KEY)
    monkeypatch.setenv("MOVIE_MLOPS_TMDB_URL", server.url)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating\nann,10,4\n")
    (tmp_path / "films.csv").write_text("movieId,title,tmdbId\n10,Held,1\n20,Other,2\n")
    assert main(["ingest", "load", "--source", "file:ratings.csv", "--movies", "films.csv", "--dataset", "films"]) == 0
    return tmp_path


def test_the_command_enriches_and_reports(home: Path, server: TmdbServer, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says what it did, to people and to programs."""
    serve(server, 1)
    assert main(["ingest", "tmdb", "--dataset", "films"]) == 0
    told = capsys.readouterr().out
    assert "2 films meant, 0 of them known; 1 fetched, 1 gone, 0 refused; 1 films of the lake changed." in told
    assert main(["ingest", "tmdb", "--dataset", "films", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["films"], report["known"], report["fetched"]) == (2, 2, 0)
    assert main(["ingest", "tmdb", "--check"]) == 0
    assert "TMDB takes the key" in capsys.readouterr().out


@pytest.mark.parametrize(
    "option", [["--since", "yesterday"], ["--years", "199-1999"], ["--films", "discover", "--years", "90s"]]
)
def test_options_that_cannot_be_read_are_named(
    home: Path, server: TmdbServer, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    """A date or a year that is none is told with an example."""
    assert main(["ingest", "tmdb", "--dataset", "films", *option]) == 1
    assert "such as" in (told := capsys.readouterr().err) or "for example" in told
    assert server.asked == []


@pytest.mark.parametrize("key", [V3_KEY, V4_TOKEN], ids=["v3", "v4"])
def test_the_key_is_shown_nowhere(  # noqa: PLR0917 - pytest's fixtures
    home: Path,
    server: TmdbServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    key: str,
) -> None:
    """Whatever goes wrong, and however much is logged, the key is in no log, message, traceback, file or name."""
    monkeypatch.setenv("MOVIE_MLOPS_TMDB_KEY", key)
    caplog.set_level(logging.DEBUG)
    server.lists["/movie/popular"] = [1, 2, 3]
    serve(server, 1, 3)
    echo = json.dumps({"id": 2, "you_sent": key}).encode()
    shown = []
    for faults in (
        {"/movie/1": [Reply(429, {}, {"Retry-After": "0"})], "/movie/2": [Reply(200, echo)]},
        {"/movie/2": [Reply(400, {"status_message": f"bad key {key}"})]},
        {"/movie/2": [Reply(302, echo, {"Location": f"/3/movie/2?api_key={key}"})]},
        {"/movie/2": [Reply(401, echo)]},
    ):
        server.faults = faults
        main(["ingest", "tmdb", "--films", "popular", "--dataset", "films"])
        with TmdbClient(TmdbConfig(url=server.url, attempts=1), SecretStr(key)) as client:
            server.faults = {"/movie/9": [Reply(200, b"x", cut=0)]}
            with pytest.raises(TmdbError) as failed:
                client.details(9)
            shown += ["".join(traceback.format_exception(failed.value)), repr(client), str(vars(client))]
            cause: Any = failed.value
            while cause is not None:
                shown += [repr(vars(cause)), str(getattr(cause, "_request", None) and cause.request.url)]
                cause = cause.__cause__ or cause.__context__
    told = capsys.readouterr()
    assert "GET http://127.0.0.1" in caplog.text
    lake = Lake(LakeConfig(home / "data" / "lake" / "films"))
    [raw] = lake.scan("quarantine").filter(pl.col("file") == "tmdb:movie/2").select("raw").head(1).collect()["raw"]
    assert raw == '{"id": 2, "you_sent": "[key]"}'
    assert [text for text in (told.out, told.err, *shown) if key in text] == []
    # A log of the answer's headers shows what a server itself sends back; nothing of ours does.
    ours = [r.getMessage() for r in caplog.records if "receive_response_headers" not in r.getMessage()]
    assert [line for line in ours if key in line] == []
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if key.encode() in path.read_bytes() or key in str(path)] == []
