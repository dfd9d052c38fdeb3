"""Facts from TMDB's films and lists into the lake: what is filled, what stays, what is refused."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from movie_mlops.core import clock
from movie_mlops.core.errors import ConfigurationError
from movie_mlops.ingest.tmdb import (
    TmdbError,
    TmdbRequest,
    enrich,
)
from movie_mlops.lake import MOVIES, SCHEMAS
from tests.fixtures.stage_1.tmdb import Reply, TmdbServer, film
from tests.fixtures.stage_1.tmdb_world import LINKED, NOON, POPULAR, World, links, serve


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
    saga = {"id": 9, "name": "Saga of the Sea"}
    server.films[1] = film(
        1, runtime=99, genres=[], keywords={"keywords": [{"name": "sea"}]}, belongs_to_collection=saga
    )
    server.films[2] = film(2, runtime=1)
    server.lists["/movie/changes"] = [5, 1]
    server.asked.clear()
    monkeypatch.setattr(clock, "now", lambda: NOON.replace(day=4))
    report = world.enrich(TmdbRequest(since=date(2026, 3, 3)))
    assert server.paths() == ["/movie/changes?page=1", "/movie/changes?page=1", "/movie/1"]
    assert [asked.query.get("start_date") for asked in server.asked] == ["2026-03-03", "2026-03-04", None]
    assert (report.fetched, report.changed, report.known) == (1, 1, 1)
    assert world.films("runtime_minutes", "directors", "genres", "keywords", "series") == [
        (99, ["Me"], ["Drama", "Sci-Fi"], ["sea"], "Saga of the Sea"),
        (102, ["Di Rector 2"], ["Drama", "Sci-Fi"], ["grief", "moon"], None),
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
