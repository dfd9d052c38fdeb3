"""Models in which each film has a short list of films that speak for it: kept sparse, one row a film."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.errors import RestoreError, TrainingError
from movie_mlops.recommenders.inputs import Csr
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.ranking import top_k
from movie_mlops.recommenders.stored import Arrays, Layout


class NeighbourRecommender(Recommender):
    """A model whose scores come from lists of neighbours, however they were found.

    Film j's score is the sum of the history's weights times the similarities of those of its films that are among
    the neighbours *of j*.
    """

    capabilities = Capabilities(personalised=True, needs_times=False, similar=True, explains=True)

    def _layout(self, n_known: int) -> Layout:
        return {
            "neighbour_starts": (np.int64, (n_known + 1,)),
            "neighbours": (np.int32, (None,)),
            "similarities": (np.float32, (None,)),
        }

    def _adopt(self, learned: Arrays) -> None:
        starts, neighbours = learned["neighbour_starts"], learned["neighbours"]
        _check_neighbours(starts, neighbours, learned["similarities"])
        stored = (learned["similarities"], neighbours, starts)
        # Row j: the neighbours of j.  Transposed, row i: the films that i is a neighbour of, hence what i adds to.
        self._neighbours: Csr = sparse.csr_array(stored, shape=(len(starts) - 1, len(starts) - 1))
        self._adds_to: Csr = self._neighbours.T.tocsr()

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        return (histories @ self._adds_to).toarray()

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        scores = np.zeros(self._adds_to.shape[0], np.float32)
        starts = self._adds_to.indptr
        for item, weight in zip(items.tolist(), weights, strict=True):
            row = slice(starts[item], starts[item + 1])
            scores[self._adds_to.indices[row]] += weight * self._adds_to.data[row]
        return scores

    def _similar(self, item: int) -> NDArray[np.float32]:
        return self._row(item)

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        return np.stack([weights * self._row(target)[items] for target in targets.tolist()])

    def _row(self, item: int) -> NDArray[np.float32]:
        dense = np.zeros(self._neighbours.shape[0], np.float32)
        row = slice(self._neighbours.indptr[item], self._neighbours.indptr[item + 1])
        dense[self._neighbours.indices[row]] = self._neighbours.data[row]
        return dense


def strongest_of(blocks: Iterable[NDArray[np.float32]], count: int) -> Arrays:
    """Return the arrays of a `NeighbourRecommender` that keeps the strongest of each row.

    Args:
        blocks: For each film what every film says for it, 0 for nothing and for itself: some rows at a time, in the
            order of the films, each block read once.
        count: How many are kept at most; only those above 0 are.

    Raises:
        TrainingError: A number is none.
    """
    lengths: list[NDArray[np.int64]] = []
    films: list[NDArray[np.int32]] = []
    similarities: list[NDArray[np.float32]] = []
    for block in blocks:
        if np.isnan(block).any():
            raise TrainingError("What films say for each other is no number.", next_step="Use smaller weights.")
        best = np.sort(top_k(block, min(count, block.shape[1])), axis=1)
        found = np.take_along_axis(block, best, axis=1)
        kept = found > 0
        lengths.append(kept.sum(axis=1))
        films.append(best[kept])
        similarities.append(found[kept])
    return {
        "neighbour_starts": np.concatenate(([0], np.cumsum(np.concatenate(lengths)))).astype(np.int64),
        "neighbours": np.concatenate(films),
        "similarities": np.concatenate(similarities),
    }


def lists_memory(n_items: int, count: int) -> int:
    """Return the bytes of `strongest_of`, its result, and what scoring makes of it."""
    return 32 * n_items * min(count, n_items) + 256 * n_items


def _check_neighbours(
    starts: NDArray[np.int64], neighbours: NDArray[np.int32], similarities: NDArray[np.float32]
) -> None:
    rising = starts[0] == 0 and starts[-1] == len(neighbours) and (np.diff(starts) >= 0).all()
    inside = not len(neighbours) or (neighbours.min() >= 0 and neighbours.max() < len(starts) - 1)
    if not (rising and inside and len(neighbours) == len(similarities)):
        raise RestoreError(
            "The stored lists of neighbours do not fit together.",
            next_step="Train the recommender again, or restore another bundle.",
        )
