"""Item-kNN: a film's score is how similar it is to the films of the history.

Reference:
    B. Sarwar, G. Karypis, J. Konstan, J. Riedl, "Item-based collaborative filtering recommendation algorithms",
    WWW 2001; the shrinkage is that of R. Bell and Y. Koren's neighbourhood models (2007).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import ItemKnnParams
from movie_mlops.recommenders.errors import RestoreError
from movie_mlops.recommenders.gram import gram_block_memory, gram_blocks, squared_lengths
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.stored import Arrays, Layout
from movie_mlops.recommenders.strongest import strongest


class ItemKnnRecommender(Recommender):
    """Cosine similarity with shrinkage, of which each film keeps its most similar ones.

    Film j's score is the sum of the history's weights times the similarities of those of its films that are among
    the neighbours *of j*.
    """

    name = "item-knn"
    capabilities = Capabilities(personalised=True, needs_times=False, similar=True, explains=True)
    params_type = ItemKnnParams
    params: ItemKnnParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        matrix = training.matrix
        n_items = matrix.shape[1]
        norms = np.sqrt(squared_lengths(matrix)).astype(np.float32)
        shrinkage = np.float32(self.params.shrinkage)
        films: list[NDArray[np.int32]] = []
        similarities: list[NDArray[np.float32]] = []
        for start, block in gram_blocks(matrix):
            for offset, together in enumerate(block):
                item = start + offset
                together /= norms[item] * norms + shrinkage  # noqa: PLW2901  # in place: the block is ours
                together[item] = 0
                best = strongest(together, self.params.neighbours)
                best = np.sort(best[together[best] > 0])
                films.append(best.astype(np.int32))
                similarities.append(together[best])
            advance(100 * len(block) / n_items)
        return {
            "neighbour_starts": np.concatenate(([0], np.cumsum([len(row) for row in films]))).astype(np.int64),
            "neighbours": np.concatenate(films),
            "similarities": np.concatenate(similarities),
        }

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

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:  # noqa: ARG002  # users are never held
        kept = n_items * min(self.params.neighbours, n_items)
        return gram_block_memory(n_items, nnz) + 32 * kept


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
