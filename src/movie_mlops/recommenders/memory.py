"""How much memory training takes is known before anything is allocated."""

from typing import Final, Protocol

import numpy as np

from movie_mlops.recommenders.errors import MemoryNeededError
from movie_mlops.recommenders.inputs import Training

_MEBIBYTE: Final = 2**20


class Estimating(Protocol):
    """What tells how much memory its training takes."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def memory_needed(
        self, n_users: int, n_items: int, nnz: int, *, n_features: int = 0, n_facts: int = 0, n_traits: int = 0
    ) -> int:
        """Return about how many bytes training takes at its peak."""
        ...


def check_memory(recommender: Estimating, training: Training, limit: int | None) -> None:
    """Make sure that training takes no more than ``limit`` bytes; None for no limit.

    Raises:
        MemoryNeededError: It takes more.
    """
    if limit is None:
        return
    matrix, content = training.matrix, training.content
    n_users = int(np.count_nonzero(np.diff(matrix.indptr)))
    needed = recommender.memory_needed(
        n_users,
        matrix.shape[1],
        matrix.nnz,
        n_features=0 if content is None else content.shape[1],
        n_facts=0 if content is None else content.nnz,
        n_traits=0 if training.traits is None else training.traits.shape[1],
    )
    if needed > limit:
        raise MemoryNeededError(
            f"Training {recommender.name} on {n_users:,} users and {matrix.shape[1]:,} films with "
            f"{matrix.nnz:,} likes needs about {needed / _MEBIBYTE:,.0f} MiB, and {limit / _MEBIBYTE:,.0f} MiB are "
            "allowed.",
            next_step="Allow more memory, leave out films with few likes, or use a recommender that needs less.",
        )
