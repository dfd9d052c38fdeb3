"""The benchmark of lists for new users: what traits are worth, beside popularity and what anybody likes."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.bench import BenchError, NewcomersBenchConfig, bench_newcomers
from movie_mlops.evaluation import CaseInvalidError, EvaluationCase, LearningCurveConfig, learning_cases
from movie_mlops.flows.evaluate import with_traits

CURVE = LearningCurveConfig(likes=(0, 2), user_share=0.25, least_held_out=2)


def data() -> tuple[pl.DataFrame, pl.DataFrame]:
    """80 users in two camps of films, and the gender that tells them apart; of one user nothing is known."""
    rng = np.random.default_rng(6)
    rows = [(f"u{u:02}", m) for u in range(80) for m in range(24) if rng.random() < (0.6 if u % 2 == m % 2 else 0.1)]
    feedback = pl.DataFrame(rows, schema=["user_id", "movie_id"], orient="row").with_columns(
        pl.lit(1.0, pl.Float32).alias("weight"), pl.lit(None, pl.Datetime("us", "UTC")).alias("event_time")
    )
    users = pl.DataFrame({"user_id": [f"u{u:02}" for u in range(1, 80)], "gender": ["M", "F"] * 39 + ["M"]})
    return feedback, users


def test_traits_are_worth_most_before_the_first_like(tmp_path: Path) -> None:
    """The record has each model after each number of likes; a trait that tells the camp beats popularity at once."""
    config = NewcomersBenchConfig(params={"members": [{"model": "ease"}]}, curve=CURVE)
    out = tmp_path / "newcomers.json"
    found = bench_newcomers(config, *data(), out, command="movie-mlops bench newcomers")
    assert json.loads(out.read_text()) == found
    assert (found["likes"], len(found["models"])) == ([0, 2], 4)
    by_traits, popular = (found["models"][name]["values"] for name in ("blend, expecting by traits", "popular"))
    assert by_traits[0] > popular[0] + 0.1
    assert found["by traits minus popular"][0]["low"] > 0
    assert [target["met"] for target in found["targets"]] == [True]
    assert found["models"]["blend"]["values"][0] == found["models"]["blend, expecting"]["values"][0] == popular[0]


def test_without_a_word_of_the_users_there_is_nothing_to_measure(tmp_path: Path) -> None:
    """A data set that tells nothing of its users is refused with the next step, and so is an expectation of nothing."""
    feedback, users = data()
    with pytest.raises(BenchError, match="Nothing is known"):
        bench_newcomers(NewcomersBenchConfig(curve=CURVE), feedback, users.clear(), tmp_path / "no.json")
    with pytest.raises(BenchError):
        NewcomersBenchConfig(expectation=0)


def test_cases_carry_the_traits_of_those_who_are_learned_from_and_judged() -> None:
    """Rows of traits are in step with users, also of some of them alone; what does not fit together is refused."""
    feedback, users = data()
    case = with_traits(list(learning_cases(feedback, CURVE).values()), users)[0]
    assert case.train_user_ids is not None
    assert case.train_traits is not None
    assert case.traits is not None
    gender = dict(users.iter_rows())
    for ids, traits in ((case.train_user_ids, case.train_traits), (case.user_ids, case.traits)):
        assert ["".join(np.array(["F", "M"])[row > 0]) for row in traits.toarray()] == [gender.get(u, "") for u in ids]
    some = case.of_users(np.array([2, 0]))
    assert some.traits is not None
    np.testing.assert_array_equal(some.traits.toarray(), case.traits.toarray()[[2, 0]])
    for wrong in ({"traits": None}, {"traits": case.traits[1:]}, {"train_user_ids": case.train_user_ids[1:]}):
        with pytest.raises(CaseInvalidError):
            EvaluationCase(**{**vars(case), **wrong})
    untold = with_traits([case], users.clear())[0]
    assert untold is case
