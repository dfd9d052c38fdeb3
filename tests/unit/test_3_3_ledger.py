"""The ledger: one champion at any time, and an answer for every time."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from movie_mlops.core import clock
from movie_mlops.release import Ledger, PromotionConflictError, ReleaseError, RollbackError
from movie_mlops.state import Database, StateConfig

A, B, C, D = (f"edlae-{letter * 12}" for letter in "abcd")
GATE = {"passed": True, "checks": []}
START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that goes on by one second at each look, or by what a test says."""

    def __init__(self) -> None:
        self.time = START
        self.step = timedelta(seconds=1)

    def __call__(self) -> datetime:
        """Go on and tell the time."""
        self.time += self.step
        return self.time


@pytest.fixture
def time(monkeypatch):
    time = Clock()
    monkeypatch.setattr(clock, "now", time)
    return time


@pytest.fixture
def database(state_url):
    database = Database(StateConfig(state_url))
    yield database
    database.close()


@pytest.fixture
def ledger(database, time):
    return Ledger(database)


def promote(ledger, bundle_id, expected=None, **changes):
    said = {"reason": "better", "gate": GATE, "approved_by": "gate", "expected": expected} | changes
    return ledger.promote(bundle_id, **said)


def test_an_empty_ledger_has_no_champion(ledger):
    """Before the first release nothing serves, and nothing can be rolled back."""
    assert ledger.champion() is None
    assert ledger.history() == []
    assert ledger.who_served(START) is None
    with pytest.raises(RollbackError, match=r"Nothing was released.*movie-mlops run"):
        ledger.rollback("it is bad", "ops")


def test_a_release_says_what_serves_since_when_why_and_by_whom(ledger):
    """A row of the ledger holds everything that was said at the promotion."""
    release = promote(ledger, A, reason="first", approved_by="Kim", gate={"passed": True, "checks": [{"low": 0.1}]})
    assert release.to_json() == {
        "release_id": 1,
        "bundle_id": A,
        "model": "edlae",
        "action": "promote",
        "at": "2026-01-01T00:00:01Z",
        "until": None,
        "reason": "first",
        "gate": {"passed": True, "checks": [{"low": 0.1}]},
        "approved_by": "Kim",
        "previous_release_id": None,
    }
    assert ledger.champion() == release


def test_the_ledger_is_a_chain_without_gaps(ledger):
    """Promise P10: each release ends at the moment at which the next one begins."""
    promote(ledger, A)
    promote(ledger, B, A)
    promote(ledger, C, B)
    first, second, third = ledger.history()
    assert (first.until, second.until, third.until) == (second.at, third.at, None)
    assert [release.previous_release_id for release in (first, second, third)] == [None, 1, 2]


def test_who_served_answers_for_every_time(ledger):
    """Promise P10: before, at, between and after the releases."""
    promote(ledger, A)
    promote(ledger, B, A)
    seconds = [0.999999, 1, 1.5, 1.999999, 2, 1000]
    served = [ledger.who_served(START + timedelta(seconds=second)) for second in seconds]
    assert [release and release.bundle_id for release in served] == [None, A, A, A, B, B]


def test_a_time_without_a_zone_is_refused(ledger):
    """A time that names no zone is not guessed."""
    with pytest.raises(ReleaseError, match="no time zone"):
        ledger.who_served(datetime(2026, 1, 1))  # noqa: DTZ001 - the point


def test_a_promotion_on_an_outdated_view_is_refused(ledger):
    """Promise P10: whoever saw another champion must look again; the ledger is unchanged."""
    promote(ledger, A)
    for seen in (None, C):
        with pytest.raises(PromotionConflictError, match=f"The champion is {A}, not .*promote again"):
            promote(ledger, B, seen)
    assert [release.bundle_id for release in ledger.history()] == [A]
    assert promote(ledger, B, A).bundle_id == B


def test_a_first_promotion_that_expects_a_champion_is_refused(ledger):
    """Who saw a champion where there is none is on another ledger."""
    with pytest.raises(PromotionConflictError, match="not there yet"):
        promote(ledger, B, A)


def test_promoting_the_champion_again_changes_nothing(ledger):
    """A retried promotion returns the release that it made the first time."""
    release = promote(ledger, A)
    assert promote(ledger, A) == release
    assert promote(ledger, A, A) == release
    assert len(ledger.history()) == 1


def test_rolling_back_restores_the_release_before(ledger):
    """Promise P11: a roll-back makes the previous bundle champion, with that bundle's gate report, in a new row."""
    promote(ledger, A, gate={"passed": True, "of": "A"})
    promote(ledger, B, A, gate={"passed": True, "of": "B"})
    release = ledger.rollback("answers look wrong", "Kim")
    assert (release.bundle_id, release.action, release.previous_release_id) == (A, "rollback", 2)
    assert (release.reason, release.approved_by, release.gate) == (
        "answers look wrong",
        "Kim",
        {"passed": True, "of": "A"},
    )
    assert [entry.bundle_id for entry in ledger.history()] == [A, B, A]


def test_rolling_back_again_goes_further_back(ledger):
    """Promise P11: the second roll-back does not restore what the first one took away."""
    promote(ledger, A)
    promote(ledger, B, A)
    promote(ledger, C, B)
    assert ledger.rollback("bad", "ops").bundle_id == B
    assert ledger.rollback("still bad", "ops").bundle_id == A
    with pytest.raises(RollbackError, match=f"Only '{A}' was released"):
        ledger.rollback("even this", "ops")
    promote(ledger, D, A)
    assert ledger.rollback("bad too", "ops").bundle_id == A


def test_what_was_rolled_back_is_withdrawn_until_somebody_promotes_it(ledger):
    """The ledger knows which bundles a person took out of service, by which roll-back, and forgets none of them."""

    def taken_by(bundle):
        withdrawn = ledger.withdrawn(bundle)
        return withdrawn and withdrawn.release_id

    for bundle, before in ((A, None), (B, A), (C, B)):
        promote(ledger, bundle, before)
    first, second = ledger.rollback("bad", "Kim"), ledger.rollback("still bad", "Lee")
    assert [taken_by(bundle) for bundle in (C, B, A)] == [first.release_id, second.release_id, None]
    promote(ledger, D, A)
    promote(ledger, C, D)
    assert [taken_by(bundle) for bundle in (C, B, D)] == [None, second.release_id, None]


def test_two_people_who_roll_back_at_once_take_one_step(ledger):
    """Who names the champion that they saw cannot roll back another one."""
    promote(ledger, A)
    promote(ledger, B, A)
    promote(ledger, C, B)
    ledger.rollback("bad", "Kim", expected=C)
    with pytest.raises(PromotionConflictError):
        ledger.rollback("bad", "Lee", expected=C)
    assert ledger.champion().bundle_id == B


def test_a_clock_that_was_set_back_does_not_tangle_the_ledger(ledger, time):
    """Promise P10: a release never begins before the one that it follows."""
    promote(ledger, A)
    time.step = timedelta(days=-1)
    promote(ledger, B, A)
    promote(ledger, C, B)
    times = [release.at for release in ledger.history()]
    assert times == [START + timedelta(seconds=1, microseconds=microseconds) for microseconds in (0, 1, 2)]
    assert ledger.who_served(START + timedelta(days=1)).bundle_id == C


@pytest.mark.parametrize("statement", ["UPDATE releases SET bundle_id = 'x'", "DELETE FROM releases"])
def test_no_row_is_ever_changed(ledger, database, statement):
    """The database itself refuses to change or delete a release."""
    promote(ledger, A)
    with pytest.raises(IntegrityError, match="only ever appended to"), database.write() as connection:
        connection.execute(text(statement))
    assert ledger.champion().bundle_id == A


def test_the_database_refuses_a_fork(ledger, database):
    """Promise P10: two releases cannot follow the same one, whoever writes them."""
    promote(ledger, A)
    copy = (
        "INSERT INTO releases (bundle_id, model, action, at, reason, gate, approved_by, previous_release_id)"
        " SELECT bundle_id, model, action, at, reason, gate, approved_by, previous_release_id FROM releases"
    )
    with pytest.raises(IntegrityError, match="previous_release_id"), database.write() as connection:
        connection.execute(text(copy))


@pytest.mark.parametrize("bundle_id", ["", "edlae", "../edlae-aaaaaaaaaaaa", "edlae-AAAAAAAAAAAA", f"{A}\n", f"{A}/x"])
def test_what_is_no_bundle_id_is_refused(ledger, bundle_id):
    """Promise P25: a bundle's id is a name and never a path."""
    with pytest.raises(ReleaseError, match="is not the id of a bundle"):
        promote(ledger, bundle_id)


@pytest.mark.parametrize("missing", [{"reason": " "}, {"approved_by": ""}])
def test_a_release_without_reason_or_approver_is_refused(ledger, missing):
    """Nothing serves without a why and a who."""
    with pytest.raises(ReleaseError, match="no reason or nobody"):
        promote(ledger, A, **missing)
    assert ledger.history() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([A, B, C, D, "back"]), st.sampled_from(["seen", "stale"])), min_size=1, max_size=12
    )
)
def test_any_sequence_of_steps_keeps_the_books(state_url, steps):
    """Promise P10: after any mix of promotions, stale promotions and roll-backs the ledger equals a simple stack."""
    # A schema or a file of its own for each example.
    name = f"movie_mlops_{uuid4().hex}"
    url = state_url.replace("state.db", name)
    database = Database(StateConfig(url, schema=name))
    ledger, stack, served = Ledger(database), [], []
    for what, view in steps:
        before = stack[-1] if stack else None
        if what == "back":
            if len(stack) < 2:
                with pytest.raises(RollbackError):
                    ledger.rollback("bad", "ops")
            else:
                stack.pop()
                served.append(ledger.rollback("bad", "ops").bundle_id)
        elif what == before:
            assert promote(ledger, what, before).bundle_id == before
        elif view == "stale":
            with pytest.raises(PromotionConflictError):
                promote(ledger, what, "edlae-ffffffffffff")
        else:
            stack.append(what)
            served.append(promote(ledger, what, before).bundle_id)
        assert (ledger.champion().bundle_id if stack else None) == (stack[-1] if stack else None)
    history = ledger.history()
    assert [release.bundle_id for release in history] == served
    for release in history:
        assert ledger.who_served(release.at) == release
    database.close()
