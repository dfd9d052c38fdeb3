"""Runs that are cut off: nothing that was journaled is lost, asked for twice or written twice."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from movie_mlops.core import clock
from movie_mlops.ingest.tmdb import (
    Journal,
    TmdbKeyError,
    TmdbUnavailableError,
)
from movie_mlops.ingest.tmdb.journal import FILMS
from movie_mlops.lake import MOVIES
from tests.fixtures.stage_1.tmdb import V3_KEY, Reply, TmdbServer, film
from tests.fixtures.stage_1.tmdb_world import NOON, POPULAR, World, links, serve
from tests.fixtures.stage_3.processes import python


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

folder, state_url, url, key = Path(sys.argv[1]), *sys.argv[2:]
config = TmdbConfig(url=url, batch=4, workers=2, requests_per_second=1000.0)
journal = Journal(Database(StateConfig(state_url)))
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
    process = python(KILLED, str(world.folder), world.state_url, server.url, V3_KEY)
    # Two workers are stuck, each with a request; everything before is answered and, as soon as it is read, journaled.
    wait_for(lambda: len(server.asked) == stuck_after + 2 and len(journaled(world)) == stuck_after)
    process.kill()
    process.communicate()
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
