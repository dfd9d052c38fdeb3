"""What a model recommends: how its lists share themselves out over hits and rare films."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.recommenders import NO_ITEM, Recommender, top_k

_BLOCK_SCORES = 1 << 24


@dataclass(frozen=True)
class LongTail:
    """How often each film is liked, and how often it is recommended.

    Attributes:
        liked: int64[items]; by how many users.
        shown: int64[items]; in how many lists.
        users: How many lists were made.
        length: Their length.
    """

    liked: NDArray[np.int64]
    shown: NDArray[np.int64]
    users: int
    length: int

    @property
    def never(self) -> int:
        """How many films are in no list."""
        return int((self.shown == 0).sum())

    @property
    def rare_share(self) -> float:
        """Share of the places in the lists that films of the less popular half have."""
        rare = np.argsort(-self.liked, kind="stable")[len(self.liked) // 2 :]
        return float(self.shown[rare].sum() / max(1, self.shown.sum()))


def lists_of(model: Recommender, likes: sparse.csr_matrix, k: int) -> NDArray[np.int32]:
    """Return int32[n, k]: what each user is recommended, known films left out, block by block.

    Args:
        model: Fitted.
        likes: csr float32[n, items]; the histories.
        k: Length of the lists.
    """
    block = max(1, _BLOCK_SCORES // max(1, likes.shape[1]))
    parts = [likes[start : start + block] for start in range(0, likes.shape[0], block)]
    return np.concatenate([top_k(model.score(part), k, exclude=part) for part in parts])


def long_tail(model: Recommender, likes: sparse.csr_matrix, *, most_users: int, k: int) -> LongTail:
    """Count what a model recommends to an even choice of the users.

    Args:
        model: Fitted.
        likes: csr float32[users, items] of positive weights.
        most_users: Lists are made for no more users than these.
        k: Length of the lists.
    """
    users = np.unique(np.linspace(0, likes.shape[0] - 1, min(most_users, likes.shape[0])).round().astype(np.int64))
    lists = lists_of(model, likes[users], k)
    items = likes.shape[1]
    return LongTail(
        liked=np.bincount(likes.indices, minlength=items).astype(np.int64),
        shown=np.bincount(lists[lists != NO_ITEM], minlength=items).astype(np.int64),
        users=len(users),
        length=k,
    )
