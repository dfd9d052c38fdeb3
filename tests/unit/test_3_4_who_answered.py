"""Which release answered somebody at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from movie_mlops.core import clock
from movie_mlops.release import Ledger
from movie_mlops.serving import unknown_releases, usage, who_answered
from movie_mlops.serving.impressions import Impression, Impressions
from movie_mlops.state import Database, StateConfig

A, B = "edlae-aaaaaaaaaaaa", "edlae-bbbbbbbbbbbb"
START = datetime(2026, 1, 6, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Release 1 from noon, release 2 ten seconds later; four answers."""
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    ledger, impressions = Ledger(database), Impressions(database)
    for seconds, bundle, expected in ((0.0, A, None), (10.0, B, A)):
        moment = START + timedelta(seconds=seconds)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        ledger.promote(bundle, reason="r", gate={}, approved_by="t", expected=expected)
    for name, user, seconds, release in (
        ("a", "42", 5.0, 1),
        ("b", "42", 5.000001, 1),
        ("c", "42", 5.5, 1),
        ("d", "7", 12.0, 2),
        ("e", None, 13.0, 2),
        ("f", "9", 14.0, None),
    ):
        at = START + timedelta(seconds=seconds)
        impressions.keep(Impression(name, at, user, release, "personalised", [(1, 0.5)], {"k": 1}))
    impressions.flush()
    yield database
    database.close()


def asked(database: Database, seconds: float, user: str | None = None) -> tuple[object, ...]:
    answered = who_answered(database, Ledger(database), START + timedelta(seconds=seconds), user)
    return (
        answered.said_by,
        answered.impression and answered.impression.recommendation_id,
        answered.release and answered.release.release_id,
        answered.serving and answered.serving.release_id,
    )


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, ("ledger", None, None, None)),
        (0, ("ledger", None, 1, 1)),
        (4.999999, ("ledger", None, 1, 1)),
        (5, ("impressions", "a", 1, 1)),
        (5.000001, ("impressions", "b", 1, 1)),
        (5.4, ("impressions", "b", 1, 1)),
        (5.5, ("impressions", "c", 1, 1)),
        (60, ("impressions", "c", 1, 2)),
        (86_400 * 365_000, ("impressions", "c", 1, 2)),
    ],
)
def test_the_newest_answer_by_then_says_who_answered_a_user(
    database: Database, seconds: float, expected: tuple[object, ...]
) -> None:
    """Promise P10: to the microsecond, a user's own list names its release; where there is none, the ledger does."""
    assert asked(database, seconds, "42") == expected


def test_an_answer_without_a_release_is_not_given_one(database: Database) -> None:
    """A list of popular films from before a release could be loaded is not credited to the ledger's champion."""
    assert asked(database, 20, "9") == ("impressions", "f", None, 2)


def test_without_a_user_the_ledger_answers(database: Database) -> None:
    """Promise P10: for everybody together only the ledger can say, and it is said that it does."""
    assert asked(database, 9.999999) == ("ledger", None, 1, 1)
    assert asked(database, 10) == ("ledger", None, 2, 2)


def test_what_a_release_served_is_counted(database: Database) -> None:
    """Forward from a release: how many answers, to how many users, and when the last one was given."""
    counted = usage(database, [1])
    assert (counted.answers, counted.users, counted.last) == (3, 1, START + timedelta(seconds=5.5))
    counted = usage(database, [1, 2])
    assert (counted.answers, counted.users, counted.last) == (5, 2, START + timedelta(seconds=13))
    assert usage(database, [77]).last is None


def test_answers_of_a_release_that_the_ledger_lacks_are_noticed(database: Database) -> None:
    """The answers remember a release that somebody took out of the ledger without a trace."""
    assert unknown_releases(database, {1, 2}) == []
    assert unknown_releases(database, {1}) == [2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-06", "2026-01-06T00:00:00Z"),
        ("2026-01-06T12:00:00", "2026-01-06T12:00:00Z"),
        ("2026-01-06T12:00:00.000001Z", "2026-01-06T12:00:00.000001Z"),
        ("2026-01-06T21:00:00.25+09:00", "2026-01-06T12:00:00.250000Z"),
        ("2026-01-06T00:30-11:30", "2026-01-06T12:00:00Z"),
    ],
)
def test_a_time_is_read_with_any_offset(text: str, expected: str) -> None:
    """A time is UTC where it says nothing else, down to the microsecond, and any offset is understood."""
    assert clock.to_iso(clock.read(text)) == expected


@pytest.mark.parametrize(
    "text", ["", "Tuesday", "2026-02-30", "0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-01:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """A word, a day that no month has, and a time outside the calendar are refused."""
    with pytest.raises(ValueError):
        clock.read(text)
