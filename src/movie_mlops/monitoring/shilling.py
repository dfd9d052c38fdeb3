"""Invented users who push a film: found by what they like, before a model is trained on it.

Profiles that were made up do not hang together: their films were drawn, while people's go together (the small
covariance that Mehta and Nejdl's PCA-VarSelect looks for: *Unsupervised strategies for shilling detection and robust
collaborative filtering*, UMUAI 2009). That alone also meets people of unusual taste, so it only makes suspects. Found
is who of them likes a film that suspects like far more often than everybody else (target item analysis: Zhou, Wen, Koh,
Alam and Dobbie, *Attack detection in recommender systems based on target item analysis*, IJCNN 2014).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats


@dataclass(frozen=True)
class ShillingConfig:
    """How sure one must be.

    Attributes:
        suspects: The share of users whose likes hang together least, who are looked at.
        times: How many times as often as everybody else suspects must like a film.
        least_share: The share of suspects who must like it: fewer who gather at a film are people of its taste.
        least_users: How many suspects must like it.
        significance: The largest chance of that under no attack, over all films (Bonferroni).
        least_likes: Users with fewer likes are not looked at, for nothing hangs together there.
    """

    suspects: float = 0.15
    times: float = 16.0
    least_share: float = 0.06
    least_users: int = 8
    significance: float = 1e-6
    least_likes: int = 5


@dataclass(frozen=True)
class Pushed:
    """A film that is pushed, as it seems.

    Attributes:
        film: Its column.
        users: Rows of those who push it.
        suspects: The share of suspects who like it.
        others: The share of everybody else.
    """

    film: int
    users: NDArray[np.int64]
    suspects: float
    others: float


def find_pushed(likes: sparse.csr_matrix, config: ShillingConfig | None = None) -> tuple[Pushed, ...]:
    """Return the films that invented users push, the most pushed first; none where nothing is sure enough.

    Args:
        likes: csr[users, films]; whatever is not zero is a like.
        config: How sure one must be.
    """
    config = config or ShillingConfig()
    binary = sparse.csr_matrix(likes, dtype=np.float64, copy=True)
    binary.eliminate_zeros()
    binary.data[:] = 1.0
    looked_at = np.flatnonzero(np.diff(binary.indptr) >= config.least_likes)
    if looked_at.size < config.least_users / config.suspects:
        return ()
    some = sparse.csr_matrix(binary[looked_at])
    together = hanging_together(some)
    count = round(config.suspects * looked_at.size)
    order = np.argsort(together, kind="stable")
    found: list[Pushed] = []
    left = np.ones(looked_at.size, dtype=bool)
    while True:
        # The users of a film that was found are no suspects of the next one, nor part of everybody else.
        rows = order[left[order]][:count]
        rest = np.setdiff1d(np.flatnonzero(left), rows)
        one = _most_pushed(some, rows, rest, config)
        if one is None:
            return tuple(found)
        film, told = one
        pushing = rows[some[rows][:, [film]].toarray()[:, 0] > 0]
        found.append(Pushed(film, np.sort(looked_at[pushing]), *told))
        left[pushing] = False


def hanging_together(likes: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return for each user how much two of their films are liked together on average (cosine, without their own)."""
    counts = np.asarray(likes.sum(axis=0)).ravel()
    sizes = np.diff(likes.indptr)
    norms = 1.0 / np.sqrt(np.maximum(counts, 1.0))
    common = np.asarray((likes.T @ likes).todense(), dtype=np.float64)
    result = np.zeros(likes.shape[0])
    for row in range(likes.shape[0]):
        films = likes.indices[likes.indptr[row] : likes.indptr[row + 1]]
        if films.size > 1:
            # Each pair was counted once by this very user.
            pairs = (common[np.ix_(films, films)] - 1.0) * np.outer(norms[films], norms[films])
            result[row] = (pairs.sum() - np.trace(pairs)) / (sizes[row] * (sizes[row] - 1))
    return result


def _most_pushed(
    likes: sparse.csr_matrix, rows: NDArray[np.int64], rest: NDArray[np.int64], config: ShillingConfig
) -> tuple[int, tuple[float, float]] | None:
    """Return the film that these rows like most beyond the rest, if that is sure."""
    if not rows.size or not rest.size:
        return None
    mine = np.asarray(likes[rows].sum(axis=0)).ravel()
    theirs = (np.asarray(likes[rest].sum(axis=0)).ravel() + 1.0) / (rest.size + 1.0)
    shares = mine / rows.size
    chance = stats.binom.sf(mine - 1, rows.size, theirs) * likes.shape[1]
    sure = (
        (mine >= config.least_users)
        & (shares >= config.least_share)
        & (shares >= config.times * theirs)
        & (chance <= config.significance)
    )
    if not sure.any():
        return None
    film = int(np.argmax(np.where(sure, shares - theirs, -1.0)))
    return film, (float(shares[film]), float(theirs[film]))
