"""What becomes of a canary: from the figures alone, by whoever looks."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from movie_mlops.release.rollout import (
    ArmCounts,
    CanaryConfig,
    CanaryPlan,
    Kind,
    Next,
    Observed,
    Rollout,
    decide,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = CanaryConfig(
    least_seconds=5,
    least_answers=500,
    guards={"errors": 0.02, "slow": 0.05, "popular": None, "displeased": None, "pleased": 0.1},
)
GOOD = {"errors": 0.005, "slow": 0.02, "popular": 0.1, "displeased": 0.05, "pleased": 0.3}
ANSWERS = 5_000
"""In each look, over both arms."""


def begun(config: CanaryConfig = CONFIG, stage: int = 0, **changes: object) -> Rollout:
    canary = Rollout("canary-1", Kind.CANARY, CanaryPlan("new-b", "old-a", config), START, 7, stage, 7, START, False, 1)
    return replace(canary, **changes)  # type: ignore[arg-type]


def counts(rng: np.random.Generator, answers: int, rates: dict[str, float]) -> ArmCounts:
    """Return what an arm does when it is asked so often; every third answer is that of a new user."""
    of = {
        name: int(rng.binomial(answers if name in {"errors", "slow", "popular"} else answers // 3, rate))
        for name, rate in rates.items()
    }
    return ArmCounts(answers=answers, people=answers // 3, judged=answers // 3, **of)


def drill(
    rng: np.random.Generator, rates: dict[str, float], *, lost: float = 0.0, config: CanaryConfig = CONFIG
) -> list[Next]:
    """Let a canary go its way among people to whom the champion is good; return what was done."""
    canary, now, done = begun(config), START, []
    while True:
        control = candidate = ArmCounts()
        for _ in range(400):
            now += timedelta(seconds=5)
            asked = int(rng.binomial(ANSWERS, canary.share))
            control += counts(rng, ANSWERS - asked, GOOD)
            candidate += counts(rng, int(asked * (1 - lost)), rates)
            found = decide(canary, Observed(control, candidate, now), now, release_id=1)
            if found.next is not Next.WAIT:
                break
        done.append(found.next)
        if found.next is not Next.ADVANCE:
            return done
        canary = replace(canary, stage=canary.stage + 1, since=now)


ALL_THE_WAY = [Next.ADVANCE, Next.ADVANCE, Next.ADVANCE, Next.PROMOTE]


@pytest.mark.parametrize(
    "worse",
    [{"errors": 0.08}, {"slow": 0.2}, {"popular": 0.4}, {"displeased": 0.25}, {"pleased": 0.1}],
    ids=lambda worse: next(iter(worse)),
)
def test_a_bad_canary_is_rolled_back(worse: dict[str, float]) -> None:
    """Promise P17: in 100 drills of each kind of harm every one is taken back, and never after everybody had it."""
    rng = np.random.default_rng(17)
    ends = Counter(drill(rng, GOOD | worse)[-1] for _ in range(100))
    assert ends == {Next.ROLLBACK: 100}


def test_a_canary_that_loses_people_is_rolled_back() -> None:
    """Promise P17: where a third of its users vanish without an error, the shares say so, in all of 100 drills."""
    rng = np.random.default_rng(18)
    ends = Counter(drill(rng, GOOD, lost=0.33)[-1] for _ in range(100))
    assert ends == {Next.ROLLBACK: 100}


def test_an_equal_canary_is_promoted_and_does_not_flap() -> None:
    """Promise P17: of 200 as good as the champion alpha at most are taken back; the others go up step by step, once."""
    rng = np.random.default_rng(19)
    ways = [tuple(drill(rng, GOOD)) for _ in range(200)]
    assert sum(way[-1] is Next.ROLLBACK for way in ways) <= 200 * CONFIG.false_alarms
    assert sum(way == tuple(ALL_THE_WAY) for way in ways) >= 200 * (1 - CONFIG.false_alarms)


def test_a_better_canary_is_promoted() -> None:
    """Promise P17: of 100 that are better in everything all are promoted."""
    rng = np.random.default_rng(20)
    better = {"errors": 0.001, "slow": 0.01, "popular": 0.05, "displeased": 0.03, "pleased": 0.35}
    assert [drill(rng, better) for _ in range(100)] == [ALL_THE_WAY] * 100


PLENTY = ArmCounts(
    answers=200_000,
    errors=1000,
    slow=4000,
    popular=20_000,
    people=60_000,
    judged=60_000,
    pleased=18_000,
    displeased=3000,
)
SOME = ArmCounts(answers=2000, errors=10, slow=40, popular=200, people=606, judged=606, pleased=182, displeased=30)
LATER = START + timedelta(minutes=5)
SEEN = Observed(PLENTY, SOME, LATER)


def test_a_stage_that_is_done_is_followed_by_the_next() -> None:
    """Enough answers, enough time, nothing worse: on; with less of either it waits, and says for what."""
    found = decide(begun(), SEEN, LATER, release_id=1)
    assert (found.next, found.reason) == (Next.ADVANCE, "Nothing became worse in 2,000 answers at 1%.")
    few = decide(
        begun(), replace(SEEN, canary=replace(SOME, answers=499, errors=2, slow=9, popular=50)), LATER, release_id=1
    )
    assert (few.next, few.reason) == (Next.WAIT, "It waits: 499 of 500 answers at 1%.")
    soon = decide(begun(replace(CONFIG, least_seconds=600)), SEEN, LATER, release_id=1)
    assert (soon.next, soon.reason) == (Next.WAIT, "It waits: 300 of 600 seconds at 1%.")


def test_what_is_missing_takes_it_back() -> None:
    """Promise P17: silence, a server that cannot load it, answers that were not kept, users that are missing."""
    silent = decide(begun(), SEEN, LATER + timedelta(seconds=61), release_id=1)
    unheard = decide(begun(), Observed(), LATER, release_id=1)
    unable = decide(begun(), replace(SEEN, unable=("The array is damaged.",)), LATER, release_id=1)
    lost = decide(begun(), replace(SEEN, lost=2100), LATER, release_id=1)
    gone = decide(begun(), replace(SEEN, canary=replace(SOME, people=300)), LATER, release_id=1)
    reasons = {
        "No server was heard of for 61 seconds": silent,
        "No server was heard of for 300 seconds": unheard,
        "A server cannot answer with it: The array is damaged.": unable,
        "2,100 of 202,000 answers could not be kept": lost,
        "300 users got the candidate where 603 should have": gone,
    }
    for reason, found in reasons.items():
        assert found.next is Next.ROLLBACK, reason
        assert found.reason.startswith(reason)


def test_a_canary_that_never_has_enough_is_taken_back() -> None:
    """After its patience a stage that is not done ends the canary: nobody forgets one at 1 % for a year."""
    late = START + timedelta(days=1, seconds=1)
    few = Observed(PLENTY, replace(SOME, answers=100, errors=0, slow=2, popular=10), late)
    found = decide(begun(), few, late, release_id=1)
    assert found.next is Next.ROLLBACK
    assert found.reason == "After 24.0 hours there is too little to go by: 100 of 500 answers at 1%."


def test_the_last_stage_asks_for_certainty() -> None:
    """To be promoted it must be certain that nothing is worse by more than is allowed; without, it waits."""
    half = replace(
        PLENTY, answers=1000, errors=5, slow=20, popular=100, people=300, judged=300, pleased=90, displeased=15
    )
    last = begun(stage=3)
    found = decide(last, Observed(half, half, LATER), LATER, release_id=1)
    assert found.next is Next.WAIT
    assert found.reason.startswith("It waits: users who liked a film of their lists may be fewer by")
    sure = decide(last, Observed(PLENTY, PLENTY, LATER), LATER, release_id=1)
    assert (sure.next, sure.reason) == (Next.PROMOTE, "Nothing became worse in 200,000 answers at 50%.")
    assert {guard.name: guard.high < 0.02 for guard in sure.guarded}["errors"]


def test_a_held_canary_stays_but_is_still_guarded() -> None:
    """Paused it neither goes on nor runs out of patience; what becomes worse takes it back all the same."""
    held = begun(paused=True)
    assert decide(held, SEEN, LATER, release_id=1).next is Next.WAIT
    late = START + timedelta(days=2)
    assert decide(held, replace(SEEN, last_report=late), late, release_id=1).next is Next.WAIT
    bad = replace(SEEN, canary=replace(SOME, errors=200))
    found = decide(held, bad, LATER, release_id=1)
    assert (found.next, found.reason) == (
        Next.ROLLBACK, "Answers that failed: 10.00% with the candidate, 0.50% with the champion."
    )  # fmt: skip


def test_a_canary_whose_champion_changed_ends() -> None:
    """It was held against another one: whatever is known of it says nothing now."""
    assert decide(begun(), SEEN, LATER, release_id=2).next is Next.STOP


def test_what_a_decision_rests_on_can_be_kept() -> None:
    """Counts, intervals and shares are plain data, also where nothing is known."""
    for seen in (SEEN, Observed()):
        document = decide(begun(), seen, LATER, release_id=1).to_json()
        assert document["canary"]["answers"] == seen.canary.answers
        assert len(document["guards"]) == 5
        assert all(guard["low"] <= guard["high"] for guard in document["guards"])
