"""Item-kNN: a film's score is how similar it is to the films of the history.

Reference:
    B. Sarwar, G. Karypis, J. Konstan, J. Riedl, "Item-based collaborative filtering recommendation algorithms",
    WWW 2001; the shrinkage is that of R. Bell and Y. Koren's neighbourhood models (2007).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.config import ItemKnnParams
from movie_mlops.recommenders.gram import gram_block_memory, gram_blocks, squared_lengths
from movie_mlops.recommenders.inputs import Training
from movie_mlops.recommenders.neighbours import NeighbourRecommender, lists_memory, strongest_of
from movie_mlops.recommenders.stored import Arrays


class ItemKnnRecommender(NeighbourRecommender):
    """Cosine similarity with shrinkage, of which each film keeps its most similar ones."""

    name = "item-knn"
    params_type = ItemKnnParams
    params: ItemKnnParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        return strongest_of(self._blocks(training, advance), self.params.neighbours)

    def _blocks(self, training: Training, advance: Advance) -> Iterator[NDArray[np.float32]]:
        matrix = training.matrix
        norms = np.sqrt(squared_lengths(matrix)).astype(np.float32)
        shrinkage = np.float32(self.params.shrinkage)
        for start, block in gram_blocks(matrix, training.engine):
            for item, together in enumerate(block, start):
                together /= norms[item] * norms + shrinkage  # noqa: PLW2901  # in place: the block is ours
                together[item] = 0
            yield block
            advance(100 * len(block) / len(norms))

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:  # noqa: ARG002  # users are never held
        return gram_block_memory(n_items, nnz) + lists_memory(n_items, self.params.neighbours)
