"""Recommenders by name, and their parameters."""

import numpy as np
import pytest

from movie_mlops.recommenders import NAMES, ParameterError, UnknownRecommenderError, create, restore
from movie_mlops.recommenders.config import EaseParams, EdlaeParams, IalsParams
from movie_mlops.recommenders.linear import EaseRecommender
from movie_mlops.recommenders.strongest import strongest


def test_all_names_are_there_and_create_what_they_say() -> None:
    """The names are stable, and each creates the recommender of that name."""
    assert NAMES == (
        "popular",
        "popular-recent",
        "liked-first",
        "item-knn",
        "rp3-beta",
        "slim",
        "sparse-ease",
        "ease",
        "edlae",
        "edlae-content",
        "ials",
        "kernel",
        "slist",
        "comeback",
        "vae",
        "sasrec",
        "blend",
        "rerank",
    )
    assert [create(name).name for name in NAMES] == list(NAMES)


def test_an_unknown_name_gets_the_nearest_valid_one() -> None:
    """A slip of the pen is answered with the name that was meant, anything else with all names."""
    with pytest.raises(UnknownRecommenderError, match="Did you mean 'edlae'"):
        create("edlea")
    with pytest.raises(
        UnknownRecommenderError,
        match="popular, popular-recent, liked-first, item-knn, rp3-beta, slim, sparse-ease, ease, ",
    ):
        restore("transformer", {}, {})


def test_parameters_come_from_plain_values() -> None:
    """What a configuration file or a manifest holds becomes the parameters; whole numbers may be written as 64.0."""
    assert create("edlae", {"dropout": 0}).params == EdlaeParams(regularisation=300.0, dropout=0.0)
    assert create("ials", {"factors": 64.0}).params == IalsParams(factors=64)
    assert isinstance(create("ials", {"factors": 64.0}).params.factors, int)


@pytest.mark.parametrize(
    ("name", "params", "hint"),
    [
        ("ease", {"regularization": 5}, "Did you mean 'regularisation'"),
        ("popular", {"days": 5}, "no parameter at all"),
        ("ease", {"regularisation": 0}, "above 0"),
        ("ease", {"regularisation": float("nan")}, "above 0"),
        ("ease", {"regularisation": "250"}, "without quotes"),
        ("ease", {"regularisation": True}, "without quotes"),
        ("edlae", {"dropout": 1}, "below 1"),
        ("item-knn", {"neighbours": 0}, "at least 1"),
        ("item-knn", {"neighbours": 2.5}, "whole number"),
        ("item-knn", {"shrinkage": -1}, "at least 0"),
        ("popular-recent", {"days": 0}, "above 0"),
        ("popular-recent", {"days": float("inf")}, "above 0"),
        ("liked-first", {"days": 36_501}, "up to 36,500"),
        ("liked-first", {"fading": -0.1}, "at least 0"),
        ("liked-first", {"everybody": -1}, "at least 0"),
        ("ials", {"alpha": 0}, "above 0"),
        ("ials", {"iterations": 0}, "at least 1"),
        ("ials", {"iterations": float("inf")}, "whole number"),
        ("ials", {"seed": -1}, "at least 0"),
        ("edlae-content", {"content_regularisation": 0}, "above 0"),
        ("edlae-content", {"features": 0}, "at least 1"),
        ("edlae-content", {"dropout": 1}, "below 1"),
        ("vae", {"hidden": 0}, "at least 1"),
        ("vae", {"dropout": 1}, "below 1"),
        ("vae", {"pull": -1}, "at least 0"),
        ("vae", {"learning_rate": 0}, "above 0"),
        ("sasrec", {"heads": 3}, "divides factors"),
        ("sasrec", {"untimed": 1.5}, "from 0 to 1"),
        ("sasrec", {"targets": 0}, "at least 1"),
        ("sasrec", {"epochs": 0}, "at least 1"),
    ],
)
def test_bad_parameters_are_refused_with_what_is_allowed(name: str, params: dict, hint: str) -> None:
    """An unknown name, a wrong type and a value out of range are refused, and the answer says what to give."""
    with pytest.raises(ParameterError, match=hint):
        create(name, params)


def test_parameters_of_another_recommender_are_refused() -> None:
    """A recommender takes its own kind of parameters only."""
    with pytest.raises(ParameterError, match="EaseParams"):
        EaseRecommender(EdlaeParams())
    assert EaseRecommender().params == EaseParams()


def test_the_strongest_are_those_of_a_full_sort() -> None:
    """For values with many equals and any k, the choice is the start of a stable sort by falling value."""
    rng = np.random.default_rng(1)
    for size in (1, 2, 5, 40):
        for k in (1, 2, 5, 39, 40, 41):
            values = rng.integers(0, 4, size).astype(np.float32)
            np.testing.assert_array_equal(strongest(values, k), np.argsort(-values, kind="stable")[:k])
