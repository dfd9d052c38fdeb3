"""Real models on a real split, judged, and the verdict in the ledger for whoever asks later."""

import numpy as np
import polars as pl
import pytest

from movie_mlops.evaluation import EvaluationCase, Scores, evaluate, user_folds
from movie_mlops.features import FeedbackConfig, feedback
from movie_mlops.recommenders import create
from movie_mlops.release import Ledger, Verdict, judge
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import did, table

FILMS_OF_A_CIRCLE = 12
EASE, EASE_AGAIN = f"ease-{0:012x}", f"ease-{1:012x}"


@pytest.fixture(scope="module")
def case() -> EvaluationCase:
    """Three hundred users who like most films of one of two circles, and a film that everybody likes."""
    generator = np.random.default_rng(20)
    said = []
    for user in range(300):
        circle = 100 * (user % 2)
        chosen = generator.choice(FILMS_OF_A_CIRCLE, size=7, replace=False)
        said += [did(f"u{user}", circle + int(film), "like", at=film / 100) for film in chosen]
        said.append(did(f"u{user}", 500, "like", at=1))
    return user_folds(feedback(table(said), FeedbackConfig()))[0]


def scores(case: EvaluationCase, name: str) -> Scores:
    model = create(name)
    model.fit(case.train, times=case.train_times)
    return evaluate(model, case)


def promoted(ledger: Ledger, verdict: Verdict, bundle_id: str, expected: str | None) -> bool:
    """Release what passed, as the main job does."""
    if verdict.passed:
        ledger.promote(bundle_id, reason="new", gate=verdict.to_json(), approved_by="gate", expected=expected)
    return verdict.passed


def test_what_the_gate_saw_is_in_the_ledger_for_good(case: EvaluationCase, state_url: str) -> None:
    """A model that learns passes, one that only counts does not; the verdict's figures are read again from the disk."""
    popular, ease = scores(case, "popular"), scores(case, "ease")
    ledger = Ledger(Database(StateConfig(state_url)))
    assert promoted(ledger, judge(ease, {"popular": popular}, None), EASE, None)
    assert not promoted(ledger, judge(popular, {"popular": popular}, ease), f"popular-{2:012x}", EASE)

    kept = Ledger(Database(StateConfig(state_url))).history()
    assert [release.bundle_id for release in kept] == [EASE]
    gate = dict(kept[0].gate)
    assert (gate["passed"], gate["candidate"], gate["users"]) == (True, "ease", len(case.user_ids))
    assert gate["value"] == pytest.approx(ease.mean("ndcg@10"), abs=0)
    [check] = gate["checks"]
    assert (check["name"], check["passed"]) == ("beats-popular", True)


def test_the_same_model_again_passes_and_a_worse_one_does_not(case: EvaluationCase, state_url: str) -> None:
    """Against a champion, an equal model is released and a worse one is refused, although it beats popularity."""
    popular, ease = scores(case, "popular"), scores(case, "ease")
    worse = Scores(**{**vars(ease), "model": "worse", "per_user": {n: v * 0.9 for n, v in ease.per_user.items()}})
    ledger = Ledger(Database(StateConfig(state_url)))
    assert promoted(ledger, judge(ease, {"popular": popular}, None), EASE, None)
    assert promoted(ledger, judge(ease, {"popular": popular}, ease), EASE_AGAIN, EASE)
    verdict = judge(worse, {"popular": popular}, ease)
    assert [(check.name, check.passed) for check in verdict.checks] == [
        ("beats-popular", True),
        ("not-worse-than-champion", False),
    ]
    assert not promoted(ledger, verdict, f"worse-{3:012x}", EASE_AGAIN)
    assert [release.bundle_id for release in ledger.history()] == [EASE, EASE_AGAIN]


def test_the_split_shows_nobody_what_they_are_to_find(case: EvaluationCase) -> None:
    """Promise P4: no film that a user is judged on is in what models learned from or are shown of that user."""
    overlap = case.held_out.multiply(case.seen)
    assert overlap.nnz == 0
    assert pl.Series(np.diff(case.held_out.indptr)).min() >= 1
