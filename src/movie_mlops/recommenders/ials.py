"""iALS: matrix factorisation for implicit feedback, by alternating least squares.

References:
    Y. Hu, Y. Koren, C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008.
    G. Takács, I. Pilászy, D. Tikk, "Applications of the Conjugate Gradient Method for Implicit Feedback
    Collaborative Filtering", RecSys 2011 (a few steps towards each solution are enough; those here are
    preconditioned, see `conjugate.approach`).
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import get_cached_controller, threadpool_limits

from movie_mlops.core.engine import HERE, Engine
from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import IalsParams
from movie_mlops.recommenders.inputs import Csr, Training
from movie_mlops.recommenders.least_squares import LeastSquares, breakdown
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.rounded import RoundedVectors
from movie_mlops.recommenders.spread import cores, spread
from movie_mlops.recommenders.stored import Arrays, Layout
from movie_mlops.recommenders.strongest import strongest
from movie_mlops.recommenders.without import History, Moments, Remains, as_bytes

_STEPS: Final = 2
_LIKES_AT_ONCE: Final = 2048
_ROWS_AT_ONCE: Final = 256
_FIRST_LENGTH: Final = np.float32(0.01)
_Likes = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]
_Sides = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
_SHARES: Final = 2
"""So many parts for each worker of a cluster."""


class _Part(NamedTuple):
    """Rows of one side with what they like; ``first`` is the place of the first of them."""

    first: int
    likes: _Likes


def _parted(likes: _Likes, engine: Engine) -> list[_Part]:
    """Return the rows in as many parts as the engine has use for; each begins where rows that are done together do."""
    starts, liked, confidences = likes
    many = len(starts) - 1
    share = -(-many // (_SHARES * engine.workers)) if engine.workers else many
    share = max(_ROWS_AT_ONCE, -(-share // _ROWS_AT_ONCE) * _ROWS_AT_ONCE)
    parts = []
    for first in range(0, many, share):
        own = starts[first : first + share + 1]
        values = slice(int(own[0]), int(own[-1]))
        parts.append(_Part(first, (own - own[0], liked[values], confidences[values])))
    return parts


def _improved(sides: _Sides, part: _Part) -> tuple[int, NDArray[np.float32]]:
    """Return the vectors of some rows, nearer to the solutions of their least squares, after the place of the first."""
    inverse, base, others, vectors = sides
    own = vectors[part.first : part.first + len(part.likes[0]) - 1].copy()
    _improve_in_place((inverse, base, others, own), part._replace(first=0))
    return part.first, own


def _improve_in_place(sides: _Sides, part: _Part) -> tuple[int, NDArray[np.float32]]:
    from movie_mlops.recommenders.conjugate import approach  # noqa: PLC0415 - numba takes longer than all the room

    inverse, base, others, all_vectors = sides
    vectors = all_vectors[part.first : part.first + len(part.likes[0]) - 1]

    def work(first: int, stop: int) -> None:
        lefts = -(vectors[first:stop] @ base)
        approach(inverse, *part.likes, others, vectors, lefts, _STEPS, _LIKES_AT_ONCE, first, stop)

    with threadpool_limits(limits=1, user_api="blas"):
        spread(work, len(vectors), _ROWS_AT_ONCE)
    return part.first, vectors


class IalsRecommender(Recommender):
    """Only the films' vectors Y are kept; a history's own vector is solved for when it is asked about.

    With confidence ``c_i = alpha · weight_i`` of the history's films and 1 of all others, the vector is
    ``x = A⁻¹ Σ c_i y_i`` with ``A = YᵀY + λI + Σ (c_i - 1) y_i y_iᵀ``, and film j's score is ``x · y_j``.

    An answer asks in other coordinates: with ``(YᵀY + λI)⁻¹ = LLᵀ`` and ``Z = YL`` the same scores come from Z alone,
    and what all films have in common is the identity there.
    """

    name = "ials"
    capabilities = Capabilities(personalised=True, needs_times=False, similar=True, explains=True)
    params_type = IalsParams
    params: IalsParams

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        users, films = self._beginnings(training.matrix.shape)
        films = self._alternate(training.matrix, users, films, self.params.iterations, advance, engine=training.engine)
        return {"item_factors": films}

    def _beginnings(self, shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the vectors of users and of films that a training begins with: short ones, by chance."""
        chance = np.random.default_rng(self.params.seed)
        users, films = (chance.random((many, self.params.factors), np.float32) * _FIRST_LENGTH for many in shape)
        return users, films

    def continued(
        self, matrix: Csr, old: NDArray[np.float32], places: NDArray[np.int32], iterations: int
    ) -> NDArray[np.float32]:
        """Return films' vectors after a few more iterations, begun with those that were learned before.

        Args:
            matrix: Users by films, each with a like.
            old: float32[films learned before, factors].
            places: int32[films learned before]; which column of the matrix each is, -1 for one that is in it no more.
            iterations: How many.

        Raises:
            TrainingError: The numbers broke down.
        """
        users, films = self._beginnings(matrix.shape)
        films[places[places >= 0]] = old[places >= 0]
        return self._alternate(matrix, users, films, iterations, lambda _amount: None, engine=HERE)

    def _alternate(
        self,
        matrix: Csr,
        users: NDArray[np.float32],
        films: NDArray[np.float32],
        iterations: int,
        advance: Advance,
        *,
        engine: Engine,
    ) -> NDArray[np.float32]:
        by_user, by_film = (self._confident(likes) for likes in (matrix, matrix.T.tocsr()))
        # Rows are spread over the cores; BLAS threads below them would only stand in their way.
        with (
            threadpool_limits(limits=1, user_api="blas"),
            engine.keep(_parted(by_user, engine)) as of_users,
            engine.keep(_parted(by_film, engine)) as of_films,
        ):
            for iteration in range(iterations):
                self._improve(users, of_users, films, engine)
                self._improve(films, of_films, users, engine)
                advance(100 / iterations)
                self._after_step((iteration + 1) / iterations, lambda: {"item_factors": films.copy()})
        if not np.isfinite(films).all():
            raise breakdown("The training of ials")
        return films

    def _confident(self, likes: Csr) -> _Likes:
        return likes.indptr.astype(np.int64), likes.indices, likes.data * np.float32(self.params.alpha)

    def _improve(
        self, vectors: NDArray[np.float32], parts: "Iterable[_Part]", others: NDArray[np.float32], engine: Engine
    ) -> None:
        """Bring all of one side's vectors nearer to the solutions of their least squares."""
        base = self._with_penalty(others.T @ others)
        if not np.isfinite(base).all():
            raise breakdown("The training of ials")
        inverse = np.linalg.inv(base.astype(np.float64)).astype(np.float32)

        # Here they are written to in place. Elsewhere what is shared stays as it is: a part may be done again.
        work = _improved if engine.workers else _improve_in_place
        for first, improved in engine.each(work, (inverse, base, others, vectors), parts):
            if engine.workers:
                vectors[first : first + len(improved)] = improved

    def _with_penalty(self, gram: NDArray[np.float32]) -> NDArray[np.float32]:
        gram[np.diag_indices_from(gram)] += np.float32(self.params.regularisation)
        return gram

    def _layout(self, n_known: int) -> Layout:
        return {"item_factors": (np.float32, (n_known, self.params.factors))}

    def _adopt(self, learned: Arrays) -> None:
        # Only what is asked of two films reads these: they may stay in a mapped file.
        self._factors = factors = learned["item_factors"]
        self._lengths: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", factors, factors))
        base = self._with_penalty(factors.T @ factors).astype(np.float64)
        try:
            whitening = np.linalg.cholesky(np.linalg.inv(base))
        except np.linalg.LinAlgError as error:
            raise breakdown("The vectors of ials") from error
        self._vectors: NDArray[np.float32] = np.empty(factors.shape, np.float32)
        for first in range(0, len(factors), _LIKES_AT_ONCE):
            self._vectors[first : first + _LIKES_AT_ONCE] = factors[first : first + _LIKES_AT_ONCE] @ whitening
        self._rounded: RoundedVectors | None = None
        self._moments: Moments | None = None
        self._last: tuple[bytes, LeastSquares] | None = None

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        users = np.empty((histories.shape[0], self._vectors.shape[1]), np.float32)
        # One small system for each user: handing each to several BLAS threads costs more than solving it.
        # The libraries are looked for once, not with each request.
        with get_cached_controller().limit(limits=1, user_api="blas"):
            for user, (start, stop) in enumerate(zip(histories.indptr[:-1], histories.indptr[1:], strict=True)):
                users[user] = self._user(histories.indices[start:stop], histories.data[start:stop])
        return users @ self._vectors.T

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._vectors @ self._user(items, weights)

    def _similar(self, item: int) -> NDArray[np.float32]:
        """Cosine of the two films' vectors."""
        lengths = self._lengths * self._lengths[item]
        products = self._factors @ self._factors[item]
        cosines: NDArray[np.float32] = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        return cosines

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Share out ``z_jᵀ A⁻¹ Σ c_i z_i`` by the terms of its sum (Hu, Koren and Volinsky, section 5)."""
        squares = self._squares(items, weights)
        shares: NDArray[np.float32] = squares.confidences * squares.worth(self._vectors[targets]).T
        return shares

    def _remains(self, history: History, left_out: NDArray[np.int64], targets: NDArray[np.int32]) -> Remains:
        """Take one film's part out of the equations: their matrix changes by a product of one vector with itself.

        Reference:
            J. Sherman, W. J. Morrison, "Adjustment of an Inverse Matrix Corresponding to a Change in One Element of a
            Given Matrix", Annals of Mathematical Statistics 1950.
        """
        items, weights, _ = history
        squares = self._squares(items, weights)
        user, films, confidences = squares.vector, self._vectors[items[left_out]], squares.confidences[left_out]
        towards = squares.towards(left_out)
        own = np.einsum("ij,ij->i", films, towards)
        beyond = confidences - np.float32(1)
        taken = confidences - beyond * (films @ user - confidences * own) / (1 - beyond * own)
        if self._moments is None:
            self._moments = Moments(self._vectors)
        return self._moments.remains(user - taken[:, np.newaxis] * towards, self._vectors[targets])

    def _best(
        self,
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        k: int,
        without: NDArray[np.int64],
        among: NDArray[np.bool_] | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        if self._rounded is None:
            # Training and judging never ask for it.
            self._rounded = RoundedVectors(self._vectors)
        user = self._user(items, weights)
        candidates = self._rounded.candidates(user, k, without, among)
        if candidates is None:
            return None
        scores = self._vectors[candidates] @ user
        best = strongest(scores, k)
        return candidates[best], scores[best]

    def _user(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        if not len(items):
            return np.zeros(self._vectors.shape[1], np.float32)
        return self._squares(items, weights).vector

    def _squares(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> LeastSquares:
        """Return a history's equations; the last ones are kept, since its reasons follow its scores."""
        last, asked = self._last, as_bytes(items, weights)
        if last is not None and last[0] == asked:
            return last[1]
        confidences = np.float32(self.params.alpha) * weights
        squares = LeastSquares(confidences, self._vectors[items])
        # One assignment of something that is never changed: safe between threads.
        self._last = asked, squares
        return squares

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        vectors = 4 * self.params.factors * (n_users + 2 * n_items)
        # Each core has its own rows: a part of the vectors with what their steps need, and those of a row's likes.
        work = cores() * 4 * self.params.factors * (6 * _ROWS_AT_ONCE + _LIKES_AT_ONCE)
        return vectors + work + 32 * self.params.factors**2 + 32 * nnz + 16 * (n_users + n_items)
