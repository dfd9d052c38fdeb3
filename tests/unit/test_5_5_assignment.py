"""Who belongs where: by a hash, on every server the same."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from movie_mlops.release import RolloutError
from movie_mlops.release.rollout import (
    SLOTS,
    Arm,
    CanaryConfig,
    CanaryPlan,
    ExperimentPlan,
    Kind,
    Layer,
    Rollout,
    ShadowPlan,
    Span,
    Standing,
    arm_of,
    free_span,
    slot,
    slots_of,
)
from movie_mlops.serving import Catalogue
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.traffic import Traffic

USERS = [f"user-{number}" for number in range(20_000)]
AT = datetime(2026, 1, 1, tzinfo=UTC)
CHAMPION, NEW, OTHER = (Snapshot(Catalogue(()), model) for model in ("champion", "new", "other"))  # type: ignore[arg-type]
BUNDLES = {"champion-a": CHAMPION, "new-b": NEW, "other-c": OTHER}


def rollout(name: str, kind: Kind, plan: object, stage: int = 0) -> Rollout:
    return Rollout(name, kind, plan, AT, 1, stage, len(name), AT, False, 1)  # type: ignore[arg-type]


def canary(stage: int = 0, name: str = "canary-1") -> Rollout:
    return rollout(name, Kind.CANARY, CanaryPlan("new-b", "champion-a", CanaryConfig()), stage)


def experiment(name: str, span: Span, *arms: Arm, layer: Layer = Layer.MODELS, **more: object) -> Rollout:
    plan = ExperimentPlan(layer, span.size / SLOTS, span, arms, **more)  # type: ignore[arg-type]
    return rollout(name, Kind.EXPERIMENT, plan)


MODELS = (Arm("old", 1, "champion-a"), Arm("new", 1, "new-b"), Arm("other", 2, "other-c"))


def traffic(*going: Rollout) -> Traffic:
    return Traffic(CHAMPION, Standing(going), BUNDLES)


def test_slots_are_as_likely_as_each_other() -> None:
    """20,000 users over 100 spans: a chi-square that chance alone would give; another salt, other slots."""
    counts = np.bincount([slot(user, "salt") // 100 for user in USERS], minlength=100)
    assert ((counts - 200) ** 2 / 200).sum() < chi2.ppf(0.9999, 99)
    same = sum(slot(user, "salt") // 100 == slot(user, "pepper") // 100 for user in USERS)
    assert 120 < same < 280


@given(st.text(min_size=1), st.text())
def test_a_user_keeps_their_slot(user: str, salt: str) -> None:
    """Whatever the name is written with, the slot is one of 10,000 and the same each time."""
    assert 0 <= slot(user, salt) < SLOTS
    assert slot(user, salt) == slot(user, salt)


def test_a_slot_is_the_same_everywhere() -> None:
    """Written down once: another machine, version or process must say the same, or people change sides."""
    assert [slot(user, "canary:canary-1") for user in ("1", "ann", "김")] == KNOWN


KNOWN = [8214, 2663, 5752]


def test_arms_get_their_weights() -> None:
    """A third of the weight is a third of the users."""
    arms = np.bincount([arm_of(user, "x", (1, 2, 3)) for user in USERS]) / len(USERS)
    assert arms == pytest.approx([1 / 6, 2 / 6, 3 / 6], abs=0.02)
    assert {arm_of(user, "x", (0.0001, 1)) for user in USERS[:100]} == {1}


def test_a_layer_is_shared_out_without_overlap() -> None:
    """Spans are found between others and freed by who ends; a share that does not fit is refused, and so is none."""
    taken = [Span(0, 3000), Span(5000, 5000)]
    assert free_span(taken, 2000) == Span(3000, 2000)
    assert free_span([taken[1]], 4000) == Span(0, 4000)
    with pytest.raises(RolloutError, match="left together"):
        free_span(taken, 2001)
    for share in (0, 0.00001, 1.1, float("nan")):
        with pytest.raises(RolloutError, match="is none"):
            slots_of(share)
    assert slots_of(0.0123) == 123


def test_a_canary_grows_and_nobody_goes_back() -> None:
    """1, 5, 25, 50 % of the users have the candidate, and who had it at one stage has it at all later ones."""
    having = []
    for stage in range(4):
        served = traffic(canary(stage))
        having.append({user for user in USERS if served.of(user).snapshot is NEW})
        arms = {user: served.of(user).exposures[0].arm for user in USERS[:500]}
        assert arms == {user: "canary" if user in having[-1] else "control" for user in USERS[:500]}
    assert all(fewer < more for fewer, more in pairwise(having))
    assert [len(users) / len(USERS) for users in having] == pytest.approx([0.01, 0.05, 0.25, 0.5], abs=0.012)


def test_it_is_not_always_the_same_people_who_try_what_is_new() -> None:
    """The next canary has a salt of its own."""
    first, second = (
        {user for user in USERS if traffic(canary(1, name)).of(user).snapshot is NEW}
        for name in ("canary-1", "canary-2")
    )
    assert len(first & second) < 0.1 * len(first)


def test_every_server_says_the_same() -> None:
    """Servers that know the ledger alone, each made anew, answer each of 20,000 users alike."""
    going = (experiment("a", Span(0, 3000), *MODELS), canary(2))
    one, two = traffic(*going), traffic(*(replace(each) for each in going))
    assert [one.of(user) for user in USERS] == [two.of(user) for user in USERS]


def test_an_exclusion_group_has_each_user_in_one_experiment() -> None:
    """Two experiments and a canary share the users out: who is in one is in no other, and shares are as promised."""
    served = traffic(experiment("a", Span(0, 2000), *MODELS), experiment("b", Span(2000, 3000), *MODELS), canary(3))
    turns = [served.of(user) for user in USERS]
    assert {len(turn.exposures) for turn in turns} == {1}
    shares = {name: sum(turn.exposures[0].rollout == name for turn in turns) / len(USERS) for name in ("a", "b")}
    assert shares == pytest.approx({"a": 0.2, "b": 0.3}, abs=0.015)
    in_a = [turn for turn in turns if turn.exposures[0].rollout == "a"]
    by_arm = {"old": CHAMPION, "new": NEW, "other": OTHER}
    assert all(turn.snapshot is by_arm[turn.exposures[0].arm] for turn in in_a)
    assert sum(turn.exposures[0].arm == "other" for turn in in_a) / len(in_a) == pytest.approx(0.5, abs=0.03)


def test_layers_do_not_know_of_each_other() -> None:
    """Half of either arm of one layer is in an arm of the other; a user may be in both, and both are set."""
    chance = (Arm("none", exploration=0.0), Arm("some", exploration=0.3))
    served = traffic(
        experiment("m", Span(0, SLOTS), *MODELS[:2]),
        experiment("e", Span(0, SLOTS), *chance, layer=Layer.EXPLORATION),
    )
    turns = [served.of(user) for user in USERS]
    assert {len(turn.exposures) for turn in turns} == {2}
    for model in (CHAMPION, NEW):
        explored = [turn.exploration == 0.3 for turn in turns if turn.snapshot is model]
        assert np.mean(explored) == pytest.approx(0.5, abs=0.02)
    # Half of the users of each: a quarter of all are in both.
    halves = traffic(
        experiment("m", Span(0, SLOTS // 2), *MODELS[:2]),
        experiment("e", Span(0, SLOTS // 2), *chance, layer=Layer.EXPLORATION),
    )
    both = [len(halves.of(user).exposures) == 2 for user in USERS]
    assert np.mean(both) == pytest.approx(0.25, abs=0.02)


def test_what_could_not_be_loaded_is_answered_by_the_champion() -> None:
    """The arm stays the user's, so that comparisons stay whole; the champion answers in its place."""
    served = Traffic(CHAMPION, Standing((canary(3), rollout("s", Kind.SHADOW, ShadowPlan("other-c", 0.5)))), {})
    turn = next(turn for user in USERS if (turn := served.of(user)).exposures[0].arm == "canary")
    assert turn.snapshot is CHAMPION
    assert served.shadow is None
    assert [exposure.arm for exposure in served.arms] == ["control", "canary", "shadow"]


def test_two_models_that_make_lists_together_have_one_arm() -> None:
    """Every user of such an experiment has both models."""
    served = traffic(experiment("i", Span(0, SLOTS), *MODELS[:2], how="interleaved"))
    turn = served.of("ann")
    assert (turn.snapshot, turn.rival, turn.exposures[0].arm) == (CHAMPION, NEW, "both")


def test_plans_that_contradict_themselves_are_refused() -> None:
    """One arm, two of one name, a bundle in the wrong layer, three models in one list, stages that do not ascend."""
    bad = {
        "not two or more": {"arms": MODELS[:1]},
        "names of their own": {"arms": (MODELS[0], MODELS[0])},
        "sets a share": {"layer": Layer.EXPLORATION},
        "Only two models": {"how": "interleaved"},
        "no weight": {"arms": (MODELS[0], replace(MODELS[1], weight=0.0))},
    }
    for sentence, more in bad.items():
        with pytest.raises(RolloutError, match=sentence):
            ExperimentPlan(**{"layer": Layer.MODELS, "share": 0.1, "span": Span(0, 1), "arms": MODELS, **more})
    for stages in ((), (0.5, 0.1), (0.5, 1.0)):
        with pytest.raises(RolloutError, match="do not ascend"):
            CanaryConfig(stages=stages)
    with pytest.raises(RolloutError, match="is measured"):
        CanaryConfig(guards={"weather": 0.1})


def test_a_plan_reads_as_it_was_written() -> None:
    """What stands in the ledger is the whole plan."""
    for going in (canary(), experiment("a", Span(3, 5), *MODELS), rollout("s", Kind.SHADOW, ShadowPlan("b", 0.2))):
        assert type(going.plan).from_json(going.plan.to_json()) == going.plan
