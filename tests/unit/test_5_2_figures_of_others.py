"""Figures are those of RecTools and of ranx on the same lists.

The fixtures were written by the rivals themselves, in the environment of ``scripts/setup/setup_rivals.sh``, with::

    cd tests/fixtures/stage_5
    for name in rectools ranx; do
      ../../../.venv/rivals/bin/python ../../../src/movie_mlops/bench/evaluate_rival.py \
        judge judged_lists.json $name > judged_by_$name.json
    done
"""

import json

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.bench.evaluate import their_way
from movie_mlops.evaluation import EvaluationCase, EvaluationConfig, evaluate
from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "tests" / "fixtures" / "stage_5"


class Listed:
    """A model whose lists are given."""

    name = "listed"

    def __init__(self, lists: list[list[int]], films: int) -> None:
        self._scores = np.zeros((len(lists), films), dtype=np.float32)
        for row, films_of_user in enumerate(lists):
            self._scores[row, films_of_user] = np.arange(len(films_of_user), 0, -1)

    def score(self, histories: sparse.csr_matrix, *, times: np.ndarray | None = None) -> np.ndarray:
        """Return scores in the order of the lists."""
        return self._scores[: histories.shape[0]]


@pytest.mark.parametrize("rival", ["rectools", "ranx"])
def test_every_figure_of_every_user_is_theirs(rival: str) -> None:
    """Of lists and films to find that were given to both, each user's figures are equal to the last digits.

    Recall and MAP are counted their way for it: over all that was held out, not over ``min(k, held out)``.
    """
    given = json.loads((FOLDER / "judged_lists.json").read_text(encoding="utf-8"))
    theirs = json.loads((FOLDER / f"judged_by_{rival}.json").read_text(encoding="utf-8"))["figures"]
    users, films = len(given["lists"]), given["films"]
    held_out = sparse.lil_matrix((users, films), dtype=np.float32)
    for row, wanted in enumerate(given["held_out"]):
        held_out[row, wanted] = 1.0
    none = sparse.csr_matrix((users, films), dtype=np.float32)
    case = EvaluationCase(
        name="given",
        train=sparse.csr_matrix(np.ones((1, films), dtype=np.float32)),
        train_times=None,
        histories=none,
        seen=none,
        held_out=sparse.csr_matrix(held_out),
        user_ids=[str(user) for user in range(users)],
        movie_ids=np.arange(films),
    )
    found = evaluate(Listed(given["lists"], films), case, EvaluationConfig(cutoffs=tuple(given["cutoffs"])))
    assert len(theirs) == 18
    for name, values in theirs.items():
        ours = their_way(name, found.per_user[name], np.diff(case.held_out.indptr))
        assert ours.tolist() == pytest.approx(values, abs=1e-12), name
