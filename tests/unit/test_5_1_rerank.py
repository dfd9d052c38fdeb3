"""Trees over a blend: walked as LightGBM walks them, and learned from what was hidden."""

import lightgbm
import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import RestoreError, create, restore
from movie_mlops.recommenders.config import RerankParams
from movie_mlops.recommenders.trees import FORMS, learn_order, walk

PARAMS = {
    "members": [{"model": "popular"}, {"model": "item-knn", "weight": 0.1}],
    "trees": 30,
    "leaves": 6,
    "least": 5,
    "candidates": 8,
    "strength": 5.0,
    "learning_rate": 0.2,
}


def lists(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """60 lists of 20 candidates with 4 features, of which the second tells what is found."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(60, 20, 4)).astype(np.float32)
    said = features[:, :, 1] + rng.normal(0, 0.3, (60, 20))
    return features, said >= np.partition(said, 16, axis=1)[:, [16]]


def test_trees_are_walked_as_the_library_walks_them() -> None:
    """The sum over the trees is LightGBM's own prediction for the same data and settings."""
    features, found = lists()
    params = RerankParams(trees=25, leaves=7, least=10)
    arrays = learn_order(features, found, params)
    booster = lightgbm.train(
        {
            "objective": "lambdarank",
            "lambdarank_truncation_level": 20,
            "learning_rate": params.learning_rate,
            "num_leaves": 7,
            "min_data_in_leaf": 10,
            "feature_fraction": 0.7,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "lambda_l2": 10.0,
            "seed": 0,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        },
        lightgbm.Dataset(features.reshape(-1, 4), found.reshape(-1).astype(np.float32), group=np.full(60, 20)),
        num_boost_round=25,
    )
    others = lists(1)[0].reshape(-1, 4)
    said = walk(arrays, others)
    assert said.std() > 0.1
    np.testing.assert_allclose(said, booster.predict(others), rtol=1e-4, atol=1e-5)


def test_what_tells_is_put_first() -> None:
    """On lists that were not seen, what is found lies above what is not."""
    features, found = lists(2)
    said = walk(learn_order(*lists(), RerankParams(trees=40, leaves=6, least=10)), features.reshape(-1, 4))
    ordered = said.reshape(found.shape)
    assert ordered[found].mean() > ordered[~found].mean() + ordered.std()


def test_nothing_to_learn_leaves_the_blend_as_it_is() -> None:
    """Where no list has both, there is no tree, and scores are the blend's."""
    features, found = lists()
    assert learn_order(features, np.zeros_like(found), RerankParams())["tree_values"].shape[0] == 0
    matrix = sparse.csr_matrix(np.eye(3, 5, dtype=np.float32))
    rerank, blend = create("rerank", PARAMS), create("blend", {"members": PARAMS["members"]})
    rerank.fit(matrix)
    blend.fit(matrix)
    np.testing.assert_array_equal(rerank.score(matrix), blend.score(matrix))


def pairs() -> sparse.csr_matrix:
    """Films 2n and 2n+1 are liked together; the first four films are liked by most, whatever else they like."""
    rng = np.random.default_rng(6)
    dense = np.zeros((300, 40), np.float32)
    for user in dense:
        user[: rng.integers(1, 5)] = 1
        for pair in rng.choice(np.arange(2, 20), 3, replace=False):
            user[2 * pair : 2 * pair + 2] = 1
    return sparse.csr_matrix(dense)


def test_trees_find_what_the_weights_of_the_blend_miss() -> None:
    """A blend that trusts popularity too much is put right by trees that see its members' scores."""
    matrix = pairs()
    rerank, blend = create("rerank", {**PARAMS, "candidates": 30}), create("blend", {"members": PARAMS["members"]})
    rerank.fit(matrix)
    blend.fit(matrix)

    def rank_of_partner(recommender: object) -> float:
        ranks = []
        for pair in range(2, 20):
            scores = recommender.score_one([0, 1, 2, 3, 2 * pair], [1, 1, 1, 1, 1])  # type: ignore[attr-defined]
            ranks.append((np.delete(scores, [0, 1, 2, 3, 2 * pair]) > scores[2 * pair + 1]).sum())
        return float(np.mean(ranks))

    assert rank_of_partner(rerank) < 1 < rank_of_partner(blend)


def test_broken_trees_are_refused() -> None:
    """A walk that would leave the arrays, or go in a circle, is refused when it is read."""
    recommender = create("rerank", PARAMS)
    recommender.fit(pairs())
    arrays = recommender.arrays()
    assert arrays["tree_values"].shape[0] == 30
    children, features = arrays["tree_children"].copy(), arrays["tree_features"].copy()
    outside, circle, unknown = children.copy(), children.copy(), features.copy()
    outside[0, 0, 0] = children.shape[1]
    circle[0, 2] = 0
    unknown[0, 0] = 99
    for broken in ({"tree_children": outside}, {"tree_children": circle}, {"tree_features": unknown}):
        with pytest.raises(RestoreError):
            restore("rerank", PARAMS, {**arrays, **broken})
    with pytest.raises(RestoreError):
        restore("rerank", PARAMS, {**arrays, "tree_values": arrays["tree_values"][:-1]})
    assert set(FORMS) <= set(arrays)


def test_a_reason_is_by_how_much_the_trees_let_a_score_fall() -> None:
    """What a film contributes is the fall of the whole score, trees included, where it is left out."""
    rng = np.random.default_rng(8)
    matrix = sparse.csr_matrix((rng.random((60, 14)) < 0.4).astype(np.float32))
    members = [{"model": "ease", "params": {"regularisation": 5}}, {"model": "item-knn", "weight": 0.5}]
    rerank = create("rerank", {**PARAMS, "members": members})
    rerank.fit(matrix)
    items, ones = np.array([0, 3, 5, 8]), np.ones(4, np.float32)
    scores = rerank.score_one(items, ones)
    target = int(np.argmax(np.where(np.isin(np.arange(14), items), -np.inf, scores)))
    contributions = rerank.explain(items, ones, target)
    assert (contributions != 0).any()
    for place in np.flatnonzero(contributions):
        rest = np.delete(items, place)
        fall = scores[target] - rerank.score_one(rest, ones[1:])[target]
        np.testing.assert_allclose(contributions[place], fall, rtol=1e-4, atol=1e-5)
