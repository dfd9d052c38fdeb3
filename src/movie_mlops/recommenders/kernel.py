"""Kernel ridge regression over the training users: what people with a history like this one like besides.

Two histories are compared by the neural tangent kernel k (`tangent`), and the scores of a history x are
``Σ_v k(x, v) A_v`` with ``A = (K + λI)⁻¹ X`` over the training users v. So this is a network trained for ever with a
penalty, in closed form. Of K only the strongest eigenvectors are kept: the weak ones hold next to nothing but chance,
and without them an answer costs a tenth.

References:
    N. Sachdeva et al., "Infinite Recommendation Networks: A Data-Centric Approach", NeurIPS 2022 (this regression).
    N. Halko, P. Martinsson, J. Tropp, "Finding Structure with Randomness", SIAM Review 2011 (the eigenvectors).
"""

from itertools import accumulate
from math import sqrt
from typing import Final, NamedTuple, TypeVar

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
from movie_mlops.recommenders.without import History, Moments, Remains, as_bytes

_T = TypeVar("_T", bound=np.generic)
_SURPLUS = 50
_ROUNDS = 2
_FEW_WEIGHTS: Final = 3
_AT_ONCE: Final = 10**6
"""Products of matrices with no more terms than this BLAS does at once, without laying the matrices out anew."""


class _Compared(NamedTuple):
    """A history beside the training users', and what is left of it without one of its films.

    To all who do not like the film that is left out, the rest is as like as the whole history, but that it is shorter:
    so for these there is one comparison for each weight that a film of the history has.

    Attributes:
        asked: Its films and weights.
        common: float64[users], its product with each of their histories.
        users: int32[likes], who likes each of its films, one film after another.
        values: float64[likes], how much.
        parts: Where each film's likes are among them.
        weights: float64[1 + weights], 0 and then, in rising order, those that films of it have. A row of what follows
            is for the history without a film of that weight; the first is for all of it.
        lengths: float64[1 + weights], how long it is.
        likeness: float32[1 + weights, users], how like it is to them, all but those who like the film.
        projected: float32[1 + weights, rank], that times the eigenvectors.
    """

    asked: bytes
    common: NDArray[np.float64]
    users: NDArray[np.int32]
    values: NDArray[np.float64]
    parts: list[slice]
    weights: NDArray[np.float64]
    lengths: NDArray[np.float64]
    likeness: NDArray[np.float32]
    projected: NDArray[np.float32]


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
        # A row for each film: whoever asks for a few films reads these alone.
        self._outputs: NDArray[np.float32] = np.array(learned["outputs"].T, order="C")
        shape = (len(learned["film_starts"]) - 1, len(self._projection))
        _check_histories(learned, shape, self._outputs.shape[1] == self._projection.shape[1])
        # Near to a cosine of one the kernel is steep: sums in single precision would show.
        weights = learned["film_weights"].astype(np.float64)
        stored = (weights, learned["film_users"], learned["film_starts"])
        self._starts: list[int] = learned["film_starts"].tolist()
        self._moments: Moments | None = None
        self._last: _Compared | None = None
        self._by_film: sparse.csr_array[np.float64, tuple[int, int]] = sparse.csr_array(stored, shape=shape)

    def _answer(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:  # noqa: ARG002  # order says nothing here
        answers = np.empty((histories.shape[0], len(self._outputs)), np.float32)
        unit = _unit_rows(histories)
        for start, stop in row_blocks(histories.shape[0], max(len(self._projection), 1)):
            likeness = sparse.csr_array(unit[start:stop] @ self._by_film).toarray().astype(np.float32)
            bend(likeness)
            np.matmul(likeness @ self._projection, self._outputs.T, out=answers[start:stop])
        return answers

    def _score_one_at(
        self,
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        times: NDArray[np.int64] | None,  # noqa: ARG002  # order says nothing here
    ) -> NDArray[np.float32]:
        if not len(items):
            return np.zeros(len(self._outputs), np.float32)
        return np.asarray(self._outputs @ self._compare(items, weights).projected[0], np.float32)

    def _remains(self, history: History, left_out: NDArray[np.int64], targets: NDArray[np.int32]) -> Remains:
        """Compare what is left of the history anew with those alone who like the film that is left out."""
        items, weights, _ = history
        there = self._last
        if there is None or there.asked != as_bytes(items, weights) or len(there.weights) == 1:
            there = self._compare(items, weights, few=len(items))
        parts = [there.parts[place] for place in left_out.tolist()]
        users, values, many = _taken(there.users, parts), _taken(there.values, parts), _many(parts)
        own = weights[left_out].astype(np.float64)
        places = np.searchsorted(there.weights, own)
        values *= np.repeat(-own, many)
        values += there.common[users]
        values /= np.repeat(there.lengths[places], many)
        changed = values.astype(np.float32)
        bend(changed[np.newaxis])
        changed -= there.likeness[np.repeat(places, many), users]
        ends = np.array([0, *accumulate(many)])
        changes = sparse.csr_array((changed, users, ends), shape=(len(left_out), len(there.common)))
        asked = changes @ self._projection
        asked += there.projected[places]
        if self._moments is None:
            self._moments = Moments(self._outputs)
        return self._moments.remains(asked, self._outputs[targets])

    def _compare(self, items: NDArray[np.int32], weights: NDArray[np.float32], few: int = _FEW_WEIGHTS) -> _Compared:
        """Compare a history with the training users', also for its reasons, and keep it for these.

        Reasons follow most answers. What they need of the eigenvectors costs next to nothing while these are read for
        the answer, and half of an answer afterwards.

        Args:
            items: Its films.
            weights: Their weights.
            few: With more different weights than this, what is left without films is not looked at.
        """
        exact = weights.astype(np.float64)
        parts = [slice(self._starts[item], self._starts[item + 1]) for item in items.tolist()]
        users, values, many = _taken(self._by_film.indices, parts), _taken(self._by_film.data, parts), _many(parts)
        products = values * np.repeat(exact, many)
        common = np.asarray(np.bincount(users, products, minlength=len(self._projection)), np.float64)
        different: set[float] = set() if len(items) == 1 else set(exact.tolist())
        left = [0.0, *(sorted(different) if len(different) <= few else ())]
        square = float(exact @ exact)
        # A weight beside which all others are too small to be told apart leaves nothing.
        lengths = [sqrt(square - weight * weight) or 1.0 for weight in left]
        likeness = np.empty((len(left), len(common)), np.float32)
        for row, length in zip(likeness, lengths, strict=True):
            np.divide(common, length, out=row, casting="same_kind")
        bend(likeness)
        compared = _Compared(
            as_bytes(items, weights),
            common,
            users,
            values,
            [slice(end - n, end) for end, n in zip(accumulate(many), many, strict=True)],
            np.array(left),
            np.array(lengths),
            likeness,
            self._projected(likeness),
        )
        # One assignment of something that is never changed: safe between threads.
        self._last = compared
        return compared

    def _projected(self, likeness: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how like histories are to the users, times the eigenvectors: float32[histories, rank]."""
        projected = np.zeros((len(likeness), self._projection.shape[1]), np.float32)
        step = max(_AT_ONCE // max(projected.size, 1), 1)
        for start in range(0, len(self._projection), step):
            projected += likeness[:, start : start + step] @ self._projection[start : start + step]
        return projected

    def _similar(self, item: int) -> NDArray[np.float32]:
        """How much more each film is expected of somebody who likes this one than of anybody."""
        rows = (np.ones(1, np.float32), np.array([item]), np.array([0, 1, 1]))
        alone, anybody = self._answer(sparse.csr_array(rows, shape=(2, len(self._outputs))), None)
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


def _taken(values: NDArray[_T], parts: list[slice]) -> NDArray[_T]:
    """Return parts of an array, one after another."""
    return np.concatenate([values[part] for part in parts])


def _many(parts: list[slice]) -> list[int]:
    """Return how long each part is."""
    return [part.stop - part.start for part in parts]


def _check_histories(learned: Arrays, shape: tuple[int, int], joined: bool) -> None:
    starts, users = learned["film_starts"], learned["film_users"]
    rising = starts[0] == 0 and starts[-1] == len(users) and (np.diff(starts) >= 0).all()
    inside = not len(users) or (users.min() >= 0 and users.max() < shape[1])
    if not (rising and inside and joined and len(users) == len(learned["film_weights"])):
        raise RestoreError(
            "The stored histories of the kernel do not fit together.",
            next_step="Train the recommender again, or restore another bundle.",
        )
