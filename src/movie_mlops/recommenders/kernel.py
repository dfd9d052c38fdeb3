"""Kernel ridge regression over the training users: what people with a history like this one like besides.

Two histories are compared by the neural tangent kernel k (`tangent`), and the scores of a history x are
``Σ_v k(x, v) A_v`` with ``A = (K + λI)⁻¹ X`` over the training users v. So this is a network trained for ever with a
penalty, in closed form. Of K only the strongest eigenvectors are kept: the weak ones hold next to nothing but chance,
and without them an answer costs a tenth.

References:
    N. Sachdeva et al., "Infinite Recommendation Networks: A Data-Centric Approach", NeurIPS 2022 (this regression).
    N. Halko, P. Martinsson, J. Tropp, "Finding Structure with Randomness", SIAM Review 2011 (the eigenvectors).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lu, qr
from threadpoolctl import threadpool_limits

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import KernelParams
from movie_mlops.recommenders.errors import RestoreError, TrainingError
from movie_mlops.recommenders.gram import dense_gram, gram_block_memory, row_blocks
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.occlusion import OccludedRecommender
from movie_mlops.recommenders.stored import Arrays, Layout
from movie_mlops.recommenders.tangent import bend
from movie_mlops.recommenders.without import History, Moments, Remains

_SURPLUS = 50
_ROUNDS = 2


class KernelRecommender(OccludedRecommender):
    """The training users' histories, without anything that names them, and how each eigenvector turns into scores."""

    name = "kernel"
    capabilities = Capabilities(personalised=True, needs_times=False, similar=True, explains=True, additive=False)
    params_type = KernelParams
    params: KernelParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        users = _unit_rows(self._chosen(training.matrix)).astype(np.float32)
        # Left alone, BLAS takes every core, and rounds as their number has it.
        with threadpool_limits(limits=self.params.threads, user_api="blas"):
            kernel = dense_gram(users.T.tocsr())
            bend(kernel)
            advance(30)
            rank = min(self.params.rank, len(kernel))
            values, vectors = _strongest_eigenvectors(kernel, rank, self.params.seed, advance)
            del kernel
            liked = self._chosen(training.matrix).T.tocsr() @ vectors
        outputs = np.ascontiguousarray((liked / (values + np.float32(self.params.regularisation))).T, np.float32)
        advance(10)
        by_film = users.T.tocsr()
        return {
            "film_starts": by_film.indptr.astype(np.int64),
            "film_users": by_film.indices.astype(np.int32),
            "film_weights": by_film.data.astype(np.float32),
            "projection": vectors,
            "outputs": outputs,
        }

    def _layout(self, n_known: int) -> Layout:
        return {
            "film_starts": (np.int64, (n_known + 1,)),
            "film_users": (np.int32, (None,)),
            "film_weights": (np.float32, (None,)),
            "projection": (np.float32, (None, None)),
            "outputs": (np.float32, (None, n_known)),
        }

    def _adopt(self, learned: Arrays) -> None:
        # Every answer reads them from end to end: out of a mapped file's small pages that takes longer.
        self._projection: NDArray[np.float32] = np.array(learned["projection"], order="C")
        self._outputs: NDArray[np.float32] = np.array(learned["outputs"], order="C")
        shape = (len(learned["film_starts"]) - 1, len(self._projection))
        _check_histories(learned, shape, self._outputs.shape[0] == self._projection.shape[1])
        # Near to a cosine of one the kernel is steep: sums in single precision would show.
        weights = learned["film_weights"].astype(np.float64)
        stored = (weights, learned["film_users"], learned["film_starts"])
        self._moments: Moments | None = None
        self._by_film: sparse.csr_array[np.float64, tuple[int, int]] = sparse.csr_array(stored, shape=shape)

    def _answer(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:  # noqa: ARG002  # order says nothing here
        answers = np.empty((histories.shape[0], self._outputs.shape[1]), np.float32)
        unit = _unit_rows(histories)
        for start, stop in row_blocks(histories.shape[0], max(len(self._projection), 1)):
            likeness = sparse.csr_array(unit[start:stop] @ self._by_film).toarray().astype(np.float32)
            bend(likeness)
            np.matmul(likeness @ self._projection, self._outputs, out=answers[start:stop])
        return answers

    def _score_one_at(
        self,
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        times: NDArray[np.int64] | None,  # noqa: ARG002  # order says nothing here
    ) -> NDArray[np.float32]:
        if not len(items):
            return np.zeros(self._outputs.shape[1], np.float32)
        likeness = self._common(items, _of_length_one(weights)).astype(np.float32)
        bend(likeness[np.newaxis])
        return np.asarray((likeness @ self._projection) @ self._outputs, np.float32)

    def _remains(self, history: History, left_out: NDArray[np.int64], targets: NDArray[np.int32]) -> Remains:
        """Compare what is left of the history anew with those alone who like the film that is left out.

        To all others it is as like as the whole history, but that it is shorter by a factor.
        """
        items, weights, _ = history
        exact = weights.astype(np.float64)
        common, square = self._common(items, exact), exact @ exact
        asked = np.empty((len(left_out), len(self._outputs)), np.float32)
        for weight in np.unique(exact[left_out]):
            alike = np.flatnonzero(exact[left_out] == weight)
            length = np.sqrt(square - weight * weight)
            likeness = (common / length).astype(np.float32)
            bend(likeness[np.newaxis])
            parts = [self._likes_of(int(item)) for item in items[left_out[alike]]]
            users = np.concatenate([self._by_film.indices[part] for part in parts])
            values = np.concatenate([self._by_film.data[part] for part in parts])
            changed = ((common[users] - weight * values) / length).astype(np.float32)
            bend(changed[np.newaxis])
            starts = np.concatenate(([0], np.cumsum([part.stop - part.start for part in parts])))
            changes = sparse.csr_array((changed - likeness[users], users, starts), shape=(len(alike), len(common)))
            asked[alike] = changes @ self._projection
            asked[alike] += likeness @ self._projection
        if self._moments is None:
            self._moments = Moments(self._outputs.T)
        return self._moments.remains(asked, self._outputs[:, targets].T)

    def _common(self, items: NDArray[np.int32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what a history has in common with each training user: the product with their history."""
        parts = [self._likes_of(item) for item in items.tolist()]
        users = np.concatenate([self._by_film.indices[part] for part in parts])
        values = [weight * self._by_film.data[part] for weight, part in zip(weights, parts, strict=True)]
        return np.asarray(np.bincount(users, np.concatenate(values), minlength=len(self._projection)), np.float64)

    def _likes_of(self, item: int) -> slice:
        """Return where the likes of a film are stored."""
        return slice(int(self._by_film.indptr[item]), int(self._by_film.indptr[item + 1]))

    def _similar(self, item: int) -> NDArray[np.float32]:
        """How much more each film is expected of somebody who likes this one than of anybody."""
        rows = (np.ones(1, np.float32), np.array([item]), np.array([0, 1, 1]))
        alone, anybody = self._answer(sparse.csr_array(rows, shape=(2, self._outputs.shape[1])), None)
        more: NDArray[np.float32] = alone - anybody
        return more

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        users = min(n_users, self.params.users)
        rank = min(self.params.rank, users)
        eigenvectors = 12 * users * (rank + _SURPLUS) + 12 * rank * n_items
        return 4 * users**2 + eigenvectors + 24 * nnz + gram_block_memory(users, nnz)

    def _chosen(self, matrix: Csr) -> Csr:
        """Return the users that are compared with: all who like something, or a sample where they are too many."""
        active = np.flatnonzero(np.diff(matrix.indptr))
        if len(active) > self.params.users:
            generator = np.random.default_rng(self.params.seed)
            active = np.sort(generator.choice(active, self.params.users, replace=False))
        return matrix[active]


def _strongest_eigenvectors(
    kernel: NDArray[np.float32], rank: int, seed: int, advance: Advance
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the ``rank`` greatest eigenvalues and their vectors, the columns of a (users, rank) array."""
    generator = np.random.default_rng(seed)
    width = min(rank + _SURPLUS, len(kernel))
    basis = kernel @ generator.standard_normal((len(kernel), width), dtype=np.float32)
    for _ in range(_ROUNDS):
        # The same space as that of orthogonal columns, at a tenth of the cost; only the last ones must be orthogonal.
        basis = kernel @ lu(basis, permute_l=True, overwrite_a=True, check_finite=False)[0]
        advance(50 / _ROUNDS)
    basis = qr(basis, mode="economic", overwrite_a=True, check_finite=False)[0]
    inner = basis.T @ (kernel @ basis)
    try:
        values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    except np.linalg.LinAlgError as error:
        raise TrainingError(
            f"The kernel's eigenvectors cannot be found: {error}.", next_step="Train with a smaller rank."
        ) from error
    advance(10)
    best = np.arange(width - 1, width - 1 - rank, -1)
    return np.maximum(values[best], 0), np.ascontiguousarray(basis @ vectors[:, best])


def _unit_rows(matrix: Csr) -> Csr:
    """Return a matrix whose rows have length one, in double precision; a row without a value stays empty."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    lengths = np.sqrt(np.bincount(rows, matrix.data.astype(np.float64) ** 2, minlength=matrix.shape[0]))
    return sparse.csr_array((matrix.data / lengths[rows], matrix.indices, matrix.indptr), shape=matrix.shape)


def _of_length_one(weights: NDArray[np.float32]) -> NDArray[np.float64]:
    exact = weights.astype(np.float64)
    return exact / np.sqrt(exact @ exact)


def _check_histories(learned: Arrays, shape: tuple[int, int], joined: bool) -> None:
    starts, users = learned["film_starts"], learned["film_users"]
    rising = starts[0] == 0 and starts[-1] == len(users) and (np.diff(starts) >= 0).all()
    inside = not len(users) or (users.min() >= 0 and users.max() < shape[1])
    if not (rising and inside and joined and len(users) == len(learned["film_weights"])):
        raise RestoreError(
            "The stored histories of the kernel do not fit together.",
            next_step="Train the recommender again, or restore another bundle.",
        )
