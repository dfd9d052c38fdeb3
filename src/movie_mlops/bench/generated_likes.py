"""Likes as people have them, made up: a few users like very much, a few films are liked by very many, tastes differ."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.bench.errors import BenchError

_TASTES = 50
_FAVOURITES = 3
_BY_TASTE = 0.6
_SPREAD = 1.1
_FULL = 0.3


def generated_likes(n_users: int, n_films: int, n_likes: int, seed: int) -> sparse.csr_array:
    """Return users by films with exactly ``n_likes`` ones.

    The numbers of likes of the users are log-normal, those of the films fall as a power of their rank, and of each
    user's likes more than half are among the films of three tastes.

    Args:
        n_users: How many users.
        n_films: How many films.
        n_likes: How many likes.
        seed: Of everything that is drawn.

    Raises:
        BenchError: So many likes are too large a part of all pairs to be drawn.
    """
    if n_likes > _FULL * n_users * n_films:
        raise BenchError(
            f"{n_likes:,} likes are too many for {n_users:,} users and {n_films:,} films.",
            next_step="Give fewer likes, or more users or films.",
        )
    chance = np.random.default_rng(seed)
    eager = np.cumsum(chance.lognormal(0, _SPREAD, n_users))
    popular = np.cumsum(chance.permutation((np.arange(n_films) + 20.0) ** -0.9))
    edges = np.concatenate(([0.0], popular))[np.linspace(0, n_films, _TASTES + 1).astype(np.int64)]
    favourites = chance.integers(0, _TASTES, (n_users, _FAVOURITES))
    pairs = np.empty(0, np.int64)
    while len(pairs) < n_likes:
        draws = n_likes - len(pairs) + n_likes // 10
        users = np.searchsorted(eager, chance.random(draws) * eager[-1])
        tastes = favourites[users, chance.integers(0, _FAVOURITES, draws)]
        by_taste = chance.random(draws) < _BY_TASTE
        low, high = np.where(by_taste, edges[tastes], 0.0), np.where(by_taste, edges[tastes + 1], popular[-1])
        films = np.minimum(np.searchsorted(popular, low + chance.random(draws) * (high - low)), n_films - 1)
        pairs = _distinct(np.concatenate((pairs, users * n_films + films)))
    kept = np.ones(len(pairs), dtype=bool)
    kept[chance.choice(len(pairs), len(pairs) - n_likes, replace=False)] = False
    users, films = np.divmod(pairs[kept], n_films)
    ones = np.ones(n_likes, np.float32)
    return sparse.csr_array((ones, (users.astype(np.int32), films.astype(np.int32))), shape=(n_users, n_films))


def _distinct(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    ordered = np.sort(pairs)
    different: NDArray[np.int64] = ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
    return different
