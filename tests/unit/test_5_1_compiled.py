"""The compiled loops, and the same functions where nothing is compiled."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.recommenders import create, spread
from movie_mlops.recommenders.compiled import COMPILED
from movie_mlops.recommenders.conjugate import approach

_PARAMS = {"ials": {"factors": 8, "regularisation": 2, "iterations": 3}, "slim": {"l1": 0.5, "l2": 2}}

_WITHOUT = """
import json, sys
sys.modules["numba"] = None
from movie_mlops.recommenders.compiled import COMPILED
from tests.unit.test_5_1_compiled import scores
print(json.dumps([COMPILED, scores()]))
"""


def scores() -> dict[str, list]:
    """What the models that are trained in loops say of some histories."""
    found = {}
    for name, params in _PARAMS.items():
        recommender = create(name, params)
        recommender.fit(likes(60, 20))
        found[name] = recommender.score(likes(5, 20)).tolist()
    return found


def likes(n_users: int, n_items: int) -> sparse.csr_matrix:
    rng = np.random.default_rng(1)
    dense = (rng.random((n_users, n_items)) < 0.3) * rng.integers(1, 3, (n_users, n_items))
    return sparse.csr_matrix(dense.astype(np.float32))


def test_without_the_compiler_the_models_are_the_same(pytestconfig: pytest.Config) -> None:
    """Where numba is not installed, iALS and SLIM learn the same but for rounding."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT],
        cwd=pytestconfig.rootpath,
        env={"PYTHONPATH": "src:."},
        capture_output=True,
        text=True,
        check=True,
    )
    compiled, plain = json.loads(done.stdout)
    assert (compiled, COMPILED) == (False, True)
    for name, expected in scores().items():
        np.testing.assert_allclose(plain[name], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("at_once", [4, 64])
def test_steps_lead_to_the_solution(at_once: int) -> None:
    """After some steps each vector solves its own least squares, as a solver in float64 finds it, in any portions.

    Rows with more likes than lie together go through the others together, and find the same. Row 1 likes nothing, and
    its solution is zero, wherever it starts; row 2 has confidences below 1.
    """
    rng = np.random.default_rng(3)
    others = rng.normal(size=(30, 9)).astype(np.float32)
    liked = [np.arange(30), [], [2, 5, 11], [7], [0, 4, 8, 12]]
    starts = np.concatenate(([0], np.cumsum([len(one) for one in liked]))).astype(np.int64)
    items = np.concatenate(liked).astype(np.int32)
    confidences = rng.uniform(1, 4, len(items)).astype(np.float32)
    confidences[30:33] = [0.1, 0.5, 0.9]
    base = others.T @ others + 2 * np.eye(9, dtype=np.float32)
    inverse = np.linalg.inv(base.astype(np.float64)).astype(np.float32)
    vectors = rng.normal(size=(5, 9)).astype(np.float32)
    approach(inverse, starts, items, confidences, others, vectors, -(vectors @ base), 12, at_once, 0, 5)
    for row in range(5):
        mine = slice(starts[row], starts[row + 1])
        y, c = others[items[mine]].astype(np.float64), confidences[mine].astype(np.float64)
        solution = np.linalg.solve(base + (y.T * (c - 1)) @ y, y.T @ c)
        np.testing.assert_allclose(vectors[row], solution, atol=2e-4)


@pytest.mark.parametrize("name", _PARAMS)
def test_the_number_of_cores_changes_no_byte(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """One core and three learn the same bytes."""
    learned = []
    for cores in (1, 3):
        monkeypatch.setattr(spread, "cores", lambda cores=cores: cores)
        recommender = create(name, _PARAMS[name])
        recommender.fit(likes(700, 40))
        learned.append(recommender.arrays())
    for key, array in learned[0].items():
        np.testing.assert_array_equal(learned[1][key], array)
