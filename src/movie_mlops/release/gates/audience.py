"""The users on whom a bundle is tried: a seeded sample of real ones, in the order of the bundle's films."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.columns import MOVIE_ID, USER_ID, WEIGHT


@dataclass(frozen=True)
class Audience:
    """Users and what is known of them.

    Attributes:
        user_ids: The n users, ascending.
        histories: csr float32[n, items]; weights of the films that each liked.
        seen: csr float32[n, items]; stored for each film that each met, liked or not.
    """

    user_ids: tuple[str, ...]
    histories: sparse.csr_matrix
    seen: sparse.csr_matrix

    @classmethod
    def of(cls, feedback: pl.DataFrame, movie_ids: NDArray[np.int64]) -> Self:
        """Take the users of a feedback frame who like at least one of the films.

        Args:
            feedback: user_id, movie_id and weight, one row per user and film.
            movie_ids: int64[items], ascending; films that are not among them are left out.
        """
        liking = feedback.filter(pl.col(WEIGHT) > 0, pl.col(MOVIE_ID).is_in(movie_ids))[USER_ID].unique()
        known = feedback.filter(pl.col(MOVIE_ID).is_in(movie_ids), pl.col(USER_ID).is_in(liking.implode()))
        known = known.sort(USER_ID, MOVIE_ID)
        users = known[USER_ID].rle_id().to_numpy().astype(np.int64)
        items = np.searchsorted(movie_ids, known[MOVIE_ID].to_numpy())
        weights = known[WEIGHT].to_numpy().astype(np.float32)
        shape = (int(users[-1]) + 1 if users.size else 0, movie_ids.size)
        liked = weights > 0
        return cls(
            user_ids=tuple(known[USER_ID].unique(maintain_order=True).to_list()),
            histories=sparse.csr_matrix((weights[liked], (users[liked], items[liked])), shape=shape),
            seen=sparse.csr_matrix((np.ones_like(weights), (users, items)), shape=shape),
        )

    def __len__(self) -> int:
        return len(self.user_ids)

    def take(self, users: NDArray[np.int64]) -> Self:
        """Return some of the users, by place."""
        return replace(
            self,
            user_ids=tuple(self.user_ids[user] for user in users),
            histories=self.histories[users],
            seen=self.seen[users],
        )

    def sample(self, users: int, seed: int) -> Self:
        """Return so many users at most, drawn by the seed, in the same order."""
        if len(self) <= users:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), users, replace=False)))

    def likes(self) -> NDArray[np.int64]:
        """Return int64[items]: how many users like each film."""
        return np.bincount(self.histories.indices, minlength=self.histories.shape[1]).astype(np.int64)

    def met(self) -> NDArray[np.int64]:
        """Return int64[items]: how many users met each film."""
        return np.bincount(self.seen.indices, minlength=self.seen.shape[1]).astype(np.int64)
