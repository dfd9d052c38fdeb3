"""Every answer is kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from movie_mlops.serving import Exposure
from movie_mlops.serving.impressions import Impression, Impressions
from movie_mlops.state import Database, StateConfig

AT = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)


def impression(name: str) -> Impression:
    return Impression(name, AT, "ann", 3, "personalised", [(1, 0.5), (2, 0.25)], {"k": 2})


@pytest.fixture
def database(state_url: str) -> Iterator[Database]:
    database = Database(StateConfig(state_url))
    yield database
    database.close()


def test_an_answer_is_found_at_once(database: Database) -> None:
    """An answer given a moment ago is found: what waits is written first."""
    impressions = Impressions(database, delay_seconds=60)
    impressions.keep(impression("a"))
    assert impressions.find("a") == impression("a")
    assert impressions.find("b") is None
    assert impressions.waiting == 0


def test_a_database_from_before_gets_the_columns_that_it_lacks(state_url: str) -> None:
    """Answers kept before arms and propensities were are read as they were, and new ones beside them."""
    old = Database(StateConfig(state_url))
    with old.write() as connection:
        for column in ("bundle_id", "stamp", "propensities", "policy"):
            connection.execute(text(f"ALTER TABLE impressions DROP COLUMN {column}"))
        connection.execute(
            text("INSERT INTO impressions VALUES ('a', :at, 'ann', 3, 'personalised', :items, :request)"),
            {"at": "2026-01-02T03:04:05.000006Z", "items": "[[1,0.5],[2,0.25]]", "request": '{"k":2}'},
        )
    old.close()
    database = Database(StateConfig(state_url))
    new = replace(impression("b"), bundle_id="ease-b", stamp=7, propensities=(1.0, 0.25), policy={"chance": 0.5})
    impressions = Impressions(database)
    impressions.keep(new)
    assert (impressions.find("a"), impressions.find("b")) == (impression("a"), new)
    database.close()


def test_arms_are_kept_with_their_answer(database: Database) -> None:
    """An answer in two roll-outs remembers both, in the order in which they began."""
    impressions = Impressions(database)
    both = (Exposure("taste", "new", 4), Exposure("canary-1", "control", 9))
    given = replace(impression("a"), exposures=both)
    for _ in range(2):
        impressions.keep(given)
        impressions.flush()
    assert impressions.find("a") == given


def test_stopping_writes_what_waits(database: Database) -> None:
    """Nothing that waits is lost when the server ends."""
    impressions = Impressions(database, batch=2, delay_seconds=60)
    impressions.start()
    for name in "abcde":
        assert impressions.keep(impression(name))
    impressions.stop()
    assert [Impressions(database).find(name) for name in "abcde"] == [impression(name) for name in "abcde"]
    assert impressions.dropped == 0


def test_a_full_queue_is_counted(database: Database) -> None:
    """Promise P14: an answer that cannot be kept is counted, and its passport is not found."""
    impressions = Impressions(database, capacity=2)
    assert [impressions.keep(impression(name)) for name in "abc"] == [True, True, False]
    assert impressions.dropped == 1
    assert impressions.find("c") is None


def test_a_refusing_database_loses_nothing_that_waits(database: Database) -> None:
    """While the database refuses, answers wait; once it takes them again, they are written."""
    impressions = Impressions(database)
    impressions.keep(impression("a"))
    with database.write() as connection:
        connection.execute(text("ALTER TABLE impressions RENAME TO away"))
    impressions.stop()
    assert (impressions.waiting, impressions.dropped) == (1, 1)
    with database.write() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO impressions"))
    assert impressions.find("a") == impression("a")


def test_writing_twice_keeps_one(database: Database) -> None:
    """A batch that is written again, because its first success was not heard of, is not refused."""
    impressions = Impressions(database)
    for _ in range(2):
        impressions.keep(impression("a"))
        impressions.flush()
    assert impressions.find("a") == impression("a")
