"""The gate: better than popularity for certain, and not worse than what serves."""

import json

import numpy as np
import pytest

from movie_mlops.evaluation import EvaluationConfig, NotComparableError, Scores
from movie_mlops.release import GateConfig, GateError, judge

USERS = 200
NOISE = np.random.default_rng(3).uniform(-0.05, 0.05, USERS)


def scores(model, mean, *, noise=True, users=USERS):
    """Scores around a mean; models share what is hard and easy about each user."""
    values = np.full(users, mean) + (NOISE[:users] if noise else 0.0)
    return Scores(
        model=model,
        case="time",
        user_ids=[str(user) for user in range(users)],
        per_user={"ndcg@10": values, "recall@10": values / 2},
        lists={},
        history_sizes=np.ones(users, dtype=np.int64),
        config=EvaluationConfig(resamples=200),
    )


def noisy(model, mean, seed, spread=0.5):
    """Scores whose noise is the model's own, so that small differences are uncertain."""
    base = scores(model, mean, noise=False)
    drawn = np.random.default_rng(seed).normal(0, spread, USERS)
    values = mean + drawn - drawn.mean()
    return Scores(**{**vars(base), "per_user": {"ndcg@10": values}})


POPULAR = {"popular": scores("popular", 0.10), "popular-recent": scores("popular-recent", 0.15)}


def outcome(verdict):
    return {check.name: check.passed for check in verdict.checks}


def test_a_better_model_passes_where_nothing_serves_yet():
    """The first model has to beat every popularity baseline, and no champion."""
    verdict = judge(scores("edlae", 0.2), POPULAR, None)
    assert verdict.passed
    assert outcome(verdict) == {"beats-popular": True, "beats-popular-recent": True}


def test_one_baseline_that_is_not_beaten_is_enough_to_fail():
    """A model between the two baselines does not pass."""
    verdict = judge(scores("edlae", 0.12), POPULAR, None)
    assert not verdict.passed
    assert outcome(verdict) == {"beats-popular": True, "beats-popular-recent": False}


def test_a_baseline_does_not_beat_itself():
    """A difference of nothing is not a victory."""
    verdict = judge(POPULAR["popular-recent"], POPULAR, None)
    assert outcome(verdict) == {"beats-popular": True, "beats-popular-recent": False}


def test_a_difference_that_could_be_chance_is_not_a_victory():
    """The interval decides, not the point: a better mean with an interval across zero fails."""
    verdict = judge(noisy("edlae", 0.16, seed=1), {"popular": noisy("popular", 0.15, seed=2)}, None)
    (check,) = verdict.checks
    assert check.low < 0 < check.estimate < check.high
    assert not check.passed


@pytest.mark.parametrize(
    ("mean", "passed"),
    [
        pytest.param(0.22, True, id="better"),
        pytest.param(0.20, True, id="equal"),
        pytest.param(0.1999, False, id="a little worse, for certain"),
        pytest.param(0.10, False, id="much worse"),
    ],
)
def test_a_candidate_is_not_worse_than_the_champion(mean, passed):
    """An interval wholly below zero fails; a candidate that equals the champion passes."""
    verdict = judge(scores("edlae", mean), {"popular": scores("popular", 0.05)}, scores("ease", 0.20))
    assert outcome(verdict) == {"beats-popular": True, "not-worse-than-champion": passed}


@pytest.mark.parametrize(("mean", "passed"), [(0.195, True), (0.191, True), (0.189, False)])
def test_a_large_drop_fails_even_where_the_interval_is_wide(mean, passed):
    """More than five per cent below the champion by the point estimate is too much, however uncertain."""
    verdict = judge(noisy("edlae", mean, 1), {"popular": scores("popular", -9.0)}, noisy("ease", 0.20, 2))
    check = verdict.checks[-1]
    assert check.low < 0 < check.high
    assert check.passed is passed


def test_the_greatest_drop_is_configuration():
    """A stricter gate refuses what the default lets pass."""
    arguments = (noisy("edlae", 0.195, 1), {"popular": scores("popular", -9.0)}, noisy("ease", 0.20, 2))
    assert judge(*arguments, GateConfig(max_drop=0.05)).passed
    assert not judge(*arguments, GateConfig(max_drop=0.02)).passed


def test_the_metric_is_configuration():
    """The gate judges the metric that it is told."""
    verdict = judge(scores("edlae", 0.2), POPULAR, None, GateConfig(metric="recall@10"))
    assert verdict.metric == "recall@10"
    assert verdict.checks[0].estimate == pytest.approx(0.05)


def test_a_value_that_is_not_a_number_never_passes():
    """A model whose metric is not a number fails every check."""
    broken = scores("edlae", float("nan"))
    verdict = judge(broken, POPULAR, scores("ease", 0.01))
    assert [check.passed for check in verdict.checks] == [False, False, False]


def test_a_gate_without_a_baseline_is_refused():
    """Nothing passes for want of anything to compare with."""
    with pytest.raises(GateError, match="no baseline"):
        judge(scores("edlae", 0.2), {}, None)


def test_scores_of_other_users_are_refused():
    """Only results on the same users are compared."""
    with pytest.raises(NotComparableError):
        judge(scores("edlae", 0.2), {"popular": scores("popular", 0.1, users=100)}, None)


def test_the_verdict_reads_as_sentences_and_as_data():
    """A person reads why; a program reads the same numbers."""
    verdict = judge(scores("edlae", 0.2), {"popular": scores("popular", 0.1)}, scores("ease", 0.3))
    assert verdict.to_text() == (
        f"edlae does not pass the gate: ndcg@10 {verdict.value:.4f} on 200 users of time.\n"
        "  pass  ndcg@10 of edlae minus that of popular is +0.1000 (95% interval +0.1000 to +0.1000): it is better.\n"
        "  FAIL  ndcg@10 of edlae minus that of the champion (ease) is -0.1000 (95% interval -0.1000 to -0.1000):"
        " it is worse."
    )
    document = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
    assert (document["passed"], document["candidate"], document["users"]) == (False, "edlae", 200)
    assert [check["name"] for check in document["checks"]] == ["beats-popular", "not-worse-than-champion"]
    assert document["checks"][0]["estimate"] == pytest.approx(0.1)
