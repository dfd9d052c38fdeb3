"""EASE with few weights for each film: for catalogues whose matrix of all pairs no machine holds.

EASE's column for film j is the ridge regression of j's likes on those of all other films. Here it is the same
regression on a few of them, and exact for these: nothing is inverted that has more rows than a film has neighbours.

References:
    H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019 (EASE).
    H. Steck, "Markov Random Fields for Collaborative Filtering", NeurIPS 2019 (its sparse form: which weights may
    differ from zero is chosen first, and they are solved for in small systems).
    J. Fan, J. Lv, "Sure Independence Screening for Ultrahigh Dimensional Feature Space", JRSS B 70(5), 2008 (choosing
    by what each one explains alone).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.config import SparseEaseParams
from movie_mlops.recommenders.errors import TrainingError
from movie_mlops.recommenders.gram import dense_gram, gram_block_memory, squared_lengths
from movie_mlops.recommenders.inputs import Csr, Training, positions
from movie_mlops.recommenders.neighbours import NeighbourRecommender, lists_memory
from movie_mlops.recommenders.spread import cores, spread
from movie_mlops.recommenders.stored import Arrays
from movie_mlops.recommenders.strongest import strongest

_PAIRS_AT_ONCE = 1 << 18
"""About how many pairs of films are counted before they are looked at, unless one film alone has more."""

_FILMS_AT_ONCE = 16

_OFTEN = 4096
"""Of so many films, those with the most likes, all pairs are counted once: 64 MiB."""


class SparseEaseRecommender(NeighbourRecommender):
    """Film j's column x_j of the matrix X is rebuilt as ``X w`` from films N, its neighbours: ``(G_NN + λI) w = G_Nj``.

    G is ``XᵀX``. The neighbours are the films that would explain most of x_j if each were the only one: those with the
    largest ``G_ij² / (G_ii + λ)``, of equals the lower index; none that has no like in common with j. With all others
    as neighbours this is EASE.
    """

    name = "sparse-ease"
    params_type = SparseEaseParams
    params: SparseEaseParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        matrix = training.matrix
        squares = squared_lengths(matrix)
        by_film = matrix.T.tocsr()
        known = _Common(matrix, by_film)
        lengths: list[NDArray[np.int64]] = []
        films: list[NDArray[np.int32]] = []
        weights: list[NDArray[np.float32]] = []
        # Left alone, LAPACK takes every core for each small system, and rounds as their number has it.
        with threadpool_limits(limits=1, user_api="blas"):
            for start, stop in _blocks(matrix, by_film):
                chosen = self._chosen(by_film[start:stop] @ matrix, start, squares)
                solved: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(chosen)

                def work(first: int, last: int, chosen: list[_Chosen] = chosen, solved: _Solved = solved) -> None:
                    place = known.nowhere()
                    for row in range(first, last):
                        films, common = chosen[row]
                        solved[row] = self._solve(known.among(films, place), common)

                spread(work, len(chosen), _FILMS_AT_ONCE)
                lengths.append(np.array([len(own) for own, _ in chosen], np.int64))
                films.extend(own for own, _ in chosen)
                weights.extend(solved)
                advance(100 * (stop - start) / len(squares))
        return {
            "neighbour_starts": np.concatenate(([0], np.cumsum(np.concatenate(lengths)))).astype(np.int64),
            "neighbours": np.concatenate(films),
            "similarities": np.concatenate(weights),
        }

    def _chosen(self, together: Csr, start: int, squares: NDArray[np.float64]) -> "list[_Chosen]":
        """Return for some films their neighbours, in rising order, and what the two have in common."""
        chosen = []
        for row in range(together.shape[0]):
            part = slice(together.indptr[row], together.indptr[row + 1])
            films, common = together.indices[part], together.data[part].astype(np.float64)
            gains = common**2 / (squares[films] + self.params.regularisation)
            # Of what a product of sparse matrices gives, only the order of a row is not promised.
            order = np.argsort(films)
            order = order[films[order] != start + row]
            best = order[np.sort(strongest(gains[order].astype(np.float32), self.params.neighbours))]
            chosen.append((films[best].astype(np.int32), common[best]))
        return chosen

    def _solve(self, gram: NDArray[np.float64], common: NDArray[np.float64]) -> NDArray[np.float32]:
        if not len(common):
            return np.empty(0, np.float32)
        gram[np.diag_indices_from(gram)] += self.params.regularisation
        try:
            solution = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), common)
        except (LinAlgError, ValueError) as error:
            raise TrainingError(
                f"The weights of a film's {len(common):,} neighbours cannot be solved for ({error}).",
                next_step="Use a larger regularisation, or smaller weights.",
            ) from error
        weights: NDArray[np.float32] = solution.astype(np.float32)
        return weights

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        count = min(self.params.neighbours, n_items)
        solving = cores() * (24 * count**2 + 4 * n_items)
        counting = 24 * max(min(_PAIRS_AT_ONCE, n_items**2), n_items)
        often = min(_OFTEN, n_items)
        liked = 4 * often**2 + 12 * nnz + gram_block_memory(often, nnz)
        return 24 * (nnz + n_items + n_users) + liked + counting + solving + lists_memory(n_items, count)


class _Common:
    """What films have in common: of those with the most likes known from the start, of the others counted when asked.

    The neighbours of most films are films with many likes: to count these again for each would take most of the time.
    """

    def __init__(self, matrix: Csr, by_film: Csr) -> None:
        starts = by_film.indptr.astype(np.int64)
        self._likes = starts, by_film.indices, by_film.data, matrix.indptr.astype(np.int64), matrix.indices, matrix.data
        likes = np.diff(starts)
        often = np.sort(np.argsort(-likes, kind="stable")[:_OFTEN])
        self._often_at = positions(often.astype(np.int32), len(likes))
        self._often = dense_gram(matrix[:, often].tocsr())

    def nowhere(self) -> NDArray[np.int32]:
        """Return what :meth:`among` works with, one for each thread."""
        return np.full(len(self._often_at), -1, np.int32)

    def among(self, films: NDArray[np.int32], place: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return ``XᵀX`` of some films; ``place`` is left as it was."""
        from movie_mlops.recommenders.compiled import add_common  # noqa: PLC0415 - numba takes longer than the room

        places = self._often_at[films]
        often, rest = np.flatnonzero(places >= 0), np.flatnonzero(places < 0)
        gram = np.zeros((len(films), len(films)))
        gram[np.ix_(often, often)] = self._often[np.ix_(places[often], places[often])]
        place[films] = np.arange(len(films), dtype=np.int32)
        add_common(rest, films, *self._likes, place, gram)
        place[films] = -1
        gram[:, rest] = gram[rest].T
        return gram


_Chosen = tuple[NDArray[np.int32], NDArray[np.float64]]
_Solved = list[NDArray[np.float32]]


def _blocks(matrix: Csr, by_film: Csr) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of films whose pairs with others are few enough to be counted together."""
    lengths = np.diff(matrix.indptr).astype(np.float64)
    sums = np.concatenate(([0.0], np.cumsum(lengths[by_film.indices])))
    most = np.minimum(np.diff(sums[by_film.indptr]), matrix.shape[1])
    ends = np.cumsum(most)
    start = 0
    while start < len(most):
        before = ends[start - 1] if start else 0.0
        stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS_AT_ONCE, side="right")))
        yield start, stop
        start = stop
