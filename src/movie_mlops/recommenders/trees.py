"""Regression trees as plain arrays: learned by LightGBM, walked by NumPy.

Reference:
    C. Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", Microsoft Research 2010.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from movie_mlops.recommenders.config import RerankParams
from movie_mlops.recommenders.errors import RestoreError
from movie_mlops.recommenders.stored import Arrays, Layout

FORMS: Layout = {
    "tree_features": (np.int32, (None, None)),
    "tree_thresholds": (np.float64, (None, None)),
    "tree_children": (np.int32, (None, None, 2)),
    "tree_values": (np.float64, (None, None)),
}
"""The arrays of a forest: trees by nodes. A leaf is its own child."""


def learn_order(
    features: NDArray[np.float32], found: NDArray[np.bool_], params: RerankParams
) -> dict[str, NDArray[Any]]:
    """Learn trees that put the candidates that were found above the others (LambdaMART, for nDCG).

    Args:
        features: float32[lists, candidates, features].
        found: bool[lists, candidates].
        params: Size and number of the trees.

    Returns:
        The arrays of `FORMS`; no tree where no list has both a film that was found and one that was not, for then
        there is nothing to learn.
    """
    # Imported here: only training needs it.
    import lightgbm  # noqa: PLC0415

    mixed = found.any(axis=1) & ~found.all(axis=1)
    if not mixed.any():
        return _as_arrays([])
    lists, labels = features[mixed], found[mixed]
    data = lightgbm.Dataset(
        lists.reshape(-1, lists.shape[2]),
        label=labels.reshape(-1).astype(np.float32),
        group=np.full(len(lists), lists.shape[1]),
        free_raw_data=True,
    )
    settings = {
        "objective": "lambdarank",
        "lambdarank_truncation_level": 20,
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": params.least,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "seed": params.seed,
        "num_threads": params.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    booster = lightgbm.train(settings, data, num_boost_round=params.trees)
    return _as_arrays([tree["tree_structure"] for tree in booster.dump_model()["tree_info"]])


def check_trees(arrays: Arrays, n_features: int) -> None:
    """Refuse trees in which a walk would leave the arrays or never end.

    Raises:
        RestoreError: They are no such trees.
    """
    features, children = arrays["tree_features"], arrays["tree_children"]
    nodes = features.shape[1]
    here = np.arange(nodes)[:, np.newaxis]
    same = {arrays[name].shape[:2] for name in FORMS} == {features.shape}
    # Children come after their node, so that every walk ends at a leaf.
    sound = same and nodes > 0 and ((children > here) | (children == here)).all() and (children < nodes).all()
    asked = not features.size or (features.min() >= 0 and features.max() < n_features)
    if not (sound and asked):
        raise RestoreError(
            "The stored trees do not fit together.",
            next_step="Train the recommender again, or restore another bundle.",
        )


def walk(arrays: Arrays, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of all trees for each row of ``features``: float32[rows]."""
    n_trees, nodes = arrays["tree_features"].shape
    first = np.arange(n_trees, dtype=np.int64) * nodes
    asked, thresholds = arrays["tree_features"].reshape(-1), arrays["tree_thresholds"].reshape(-1)
    children, values = arrays["tree_children"].reshape(-1, 2), arrays["tree_values"].reshape(-1)
    rows = np.arange(len(features))[:, np.newaxis]
    place = np.tile(first, (len(features), 1))
    while True:
        right = features[rows, asked[place]] > thresholds[place]
        after = first + children[place, right.astype(np.int8)]
        if np.array_equal(after, place):
            total: NDArray[np.float32] = values[place].sum(axis=1).astype(np.float32)
            return total
        place = after


def _as_arrays(roots: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    flat = [_flattened(root) for root in roots]
    nodes = max((len(tree) for tree in flat), default=1)
    arrays: dict[str, NDArray[Any]] = {
        "tree_features": np.zeros((len(flat), nodes), np.int32),
        "tree_thresholds": np.zeros((len(flat), nodes)),
        "tree_children": np.tile(np.arange(nodes, dtype=np.int32)[:, np.newaxis], (len(flat), 1, 2)),
        "tree_values": np.zeros((len(flat), nodes)),
    }
    for number, tree in enumerate(flat):
        for place, (node, left, right) in enumerate(tree):
            if "leaf_value" in node:
                arrays["tree_values"][number, place] = node["leaf_value"]
            else:
                arrays["tree_features"][number, place] = node["split_feature"]
                arrays["tree_thresholds"][number, place] = node["threshold"]
                arrays["tree_children"][number, place] = left, right
    return arrays


def _flattened(root: dict[str, Any]) -> list[tuple[dict[str, Any], int, int]]:
    """Return a tree's nodes, each before its children, with the places of these."""
    nodes, children, place = [root], [], 0
    while place < len(nodes):
        node = nodes[place]
        if "leaf_value" in node:
            children.append((place, place))
        else:
            children.append((len(nodes), len(nodes) + 1))
            nodes += [node["left_child"], node["right_child"]]
        place += 1
    return [(node, left, right) for node, (left, right) in zip(nodes, children, strict=True)]
