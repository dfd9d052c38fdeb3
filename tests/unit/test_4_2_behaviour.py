"""Behavioural tests of a model: what may not change, and what must change the right way."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from movie_mlops.evaluation import Films
from movie_mlops.features import FeedbackConfig, feedback
from movie_mlops.recommenders import Capabilities, Recommender, create
from movie_mlops.release.gates import Audience, BehaviourGate, BehaviourTest, Trial, judge_behaviour
from tests.fixtures.stage_2.interactions import did, table

FILMS = 60
WESTERN, DISLIKE = BehaviourTest("western", "adding-a-like", "Western"), BehaviourTest("dislike", "taking-a-like-back")
ORDER, TWICE = BehaviourTest("order", "order-of-history"), BehaviourTest("twice", "like-twice")
# Films 0 to 29 are westerns, the others dramas; users like one kind.
SAID = table(
    [
        did(f"u{user:02}", int(film), "like", at=user + number / 100)
        for user in range(60)
        for number, film in enumerate(30 * (user % 2) + np.random.default_rng(user).choice(30, size=8, replace=False))
    ]
).collect()
MOVIES = pl.DataFrame(
    {
        "movie_id": range(FILMS),
        "year": [1990] * FILMS,
        "genres": [["Western"]] * 30 + [["Drama"]] * 30,
    },
    schema={"movie_id": pl.Int64, "year": pl.Int32, "genres": pl.List(pl.String)},
)


class Odd:
    """A model that does what it is told with the scores of another."""

    capabilities = Capabilities(personalised=True, needs_times=False, similar=True, explains=False)

    def __init__(self, model: Recommender, change: Callable[[np.ndarray], np.ndarray], *, one: bool = False) -> None:
        self._model, self._change, self._one = model, change, one

    def score(self, histories: sparse.csr_matrix, *, times: np.ndarray | None = None) -> np.ndarray:
        """Score, changed."""
        scores = self._model.score(histories)
        return scores if self._one else self._change(scores)

    def score_one(self, items: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Score one history; where asked, by the place of its first film."""
        scores = self._model.score_one(items, weights)
        return np.roll(scores, int(items[0])) if self._one else self._change(scores)

    def similar(self, item: int, k: int) -> Any:
        """Return what the model finds similar."""
        return self._model.similar(item, k)


def trial(model: Any = None, said: pl.DataFrame = SAID) -> Trial:
    known = feedback(said.lazy(), FeedbackConfig())
    audience = Audience.of(known, np.arange(FILMS, dtype=np.int64))
    return Trial(
        model=model or fitted(),
        movie_ids=np.arange(FILMS, dtype=np.int64),
        films=Films.of(MOVIES, np.arange(FILMS, dtype=np.int64)),
        audience=audience,
        likes=audience.likes(),
        said=said,
        feedback=FeedbackConfig(),
    )


def fitted() -> Recommender:
    model = create("ease", {"regularisation": 5.0})
    model.fit(Audience.of(feedback(SAID.lazy(), FeedbackConfig()), np.arange(FILMS, dtype=np.int64)).histories)
    return model


def judged(test: BehaviourTest, model: Any = None, **more: Any) -> Any:
    return judge_behaviour(trial(model, **more), BehaviourGate(tests=(test,)))[0]


@pytest.mark.parametrize("test", [WESTERN, DISLIKE, ORDER, TWICE], ids=lambda test: test.name)
def test_a_model_that_learns_from_likes_behaves(test: BehaviourTest) -> None:
    """One more western brings no fewer westerns, order and repetition change nothing, a dislike lifts nothing alike."""
    check = judged(test)
    assert check.judged
    assert (check.passed, check.estimate) == (True, 0.0)


def test_a_model_that_turns_likes_around_is_found() -> None:
    """Where a like lowers what it is like, one more western takes westerns away and a dislike brings more alike."""
    backwards = Odd(fitted(), np.negative)
    # Only users of dramas have westerns left in their lists when everything is turned around.
    assert not judged(WESTERN, backwards).passed
    assert not judged(DISLIKE, backwards).passed


def test_a_model_that_depends_on_the_order_of_a_history_is_found() -> None:
    """The same films in another order must give the same list."""
    check = judged(ORDER, Odd(fitted(), np.negative, one=True))
    assert not check.passed
    assert check.estimate > 0.5


def test_what_may_be_tolerated_is_configuration() -> None:
    """A share of the users up to the tolerated one may be otherwise."""
    share = judged(WESTERN, Odd(fitted(), np.negative)).estimate
    assert 0 < share < 1
    assert judged(BehaviourTest("western", "adding-a-like", "Western", share), Odd(fitted(), np.negative)).passed


@pytest.mark.parametrize(
    ("test", "said"),
    [(BehaviourTest("opera", "adding-a-like", "Opera"), SAID), (WESTERN, SAID.head(8 * 20))],
    ids=["nobody knows the genre", "twenty users"],
)
def test_what_cannot_be_tried_is_said_and_not_failed(test: BehaviourTest, said: pl.DataFrame) -> None:
    """A genre that no film has, or too few users, is no reason to refuse a model."""
    check = judged(test, said=said)
    assert (check.passed, check.judged) == (True, False)
    assert "too few" in check.sentence


def test_an_audience_is_drawn_by_its_seed() -> None:
    """The same seed draws the same users, in order; a film that the bundle does not know is left out."""
    known = feedback(SAID.lazy(), FeedbackConfig())
    audience = Audience.of(known, np.arange(30, dtype=np.int64))
    assert len(audience) == 30
    drawn = audience.sample(5, seed=1)
    assert drawn.user_ids == tuple(sorted(drawn.user_ids))
    assert drawn.user_ids == audience.sample(5, seed=1).user_ids != audience.sample(5, seed=2).user_ids
    assert drawn.histories.shape == (5, 30)
    assert audience.sample(99, seed=1) is audience
