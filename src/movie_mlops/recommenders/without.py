"""Histories without one of their films, and what is left of scores then: by that a blend tells what carried a film.

For each film that is left out the rest of the history is scored anew. Of all these scores a blend needs those of a few
targets, and mean and deviation of all, which bring them to its scale; where its arithmetic allows, a recommender says
that much without scoring every film (`Arithmetic._remains`).
"""

from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.recommenders.inputs import Csr

History = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64] | None]
"""Films, weights and, where they are known, times."""
_LITTLE: Final = 1 / 16


class Remains(NamedTuple):
    """What is left of scores where a film is left out; each row is another film's.

    Attributes:
        scores: float32[left out, targets].
        means: float32[left out], of the scores of all films.
        deviations: float32[left out], likewise.
    """

    scores: NDArray[np.float32]
    means: NDArray[np.float32]
    deviations: NDArray[np.float32]

    @classmethod
    def of(cls, scores: NDArray[np.float32], targets: NDArray[np.int32]) -> Self:
        """Return them from the scores of all films: (left out, films)."""
        means = scores.mean(axis=1)
        centred = scores - means[:, np.newaxis]
        return cls(scores[:, targets], means, np.sqrt(np.einsum("ij,ij->i", centred, centred) / scores.shape[1]))

    def times(self, factor: np.float32) -> "Remains":
        """Return what is left of scores that are so many times as large; above 0."""
        return Remains(self.scores * factor, self.means * factor, self.deviations * factor)

    def standardised(self) -> NDArray[np.float32]:
        """Return the targets' scores where those of all films have mean 0 and deviation 1; 0 where all are equal."""
        some = self.deviations > 0
        scales = np.divide(np.float32(1), self.deviations, out=np.zeros_like(self.deviations), where=some)
        return (self.scores - self.means[:, np.newaxis]) * scales[:, np.newaxis]


class Moments:
    """Mean and deviation of products with many vectors, from the vectors' own.

    Args:
        vectors: float32[films, d].
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        exact = vectors.astype(np.float64)
        mean = exact.mean(axis=0)
        exact -= mean
        self._mean = mean.astype(np.float32)
        self._spread = (exact.T @ exact / len(exact)).astype(np.float32)

    def remains(self, asked: NDArray[np.float32], targets: NDArray[np.float32]) -> Remains:
        """Return what is left where the films' scores are their vectors' products with each row of ``asked``.

        Args:
            asked: float32[left out, d].
            targets: float32[targets, d], the vectors of these films.
        """
        squares = np.einsum("ij,ij->i", asked @ self._spread, asked)
        return Remains(asked @ targets.T, asked @ self._mean, np.sqrt(np.maximum(squares, 0)))


def less_each(
    total: NDArray[np.float32], rows: NDArray[np.float32], lost: NDArray[np.float32], targets: NDArray[np.int32]
) -> Remains:
    """Return what is left of scores that are a sum, without one row of it times its factor, each on its own.

    Mean and deviation follow from those of the sum and of the rows, and from what these have in common.

    Args:
        total: float32[films], the sum.
        rows: float32[left out, films].
        lost: float32[left out], the factors.
        targets: Of which scores are told.
    """
    films = np.float32(len(total))
    mean = total.sum() / films
    centred = total - mean
    means = rows @ np.ones_like(total) / films
    spread = lost * lost * (np.einsum("ij,ij->i", rows, rows) / films - means * means)
    whole = centred @ centred / films
    left = whole - 2 * lost * (rows @ centred) / films + spread
    scores = total[targets] - lost[:, np.newaxis] * rows[:, targets]
    remains = Remains(scores, mean - lost * means, np.sqrt(np.maximum(left, 0)))
    # Where next to nothing is left of two large numbers, nothing but their rounding may be.
    little = left < _LITTLE * (whole + spread)
    if little.any():
        anew = Remains.of(total - lost[little, np.newaxis] * rows[little], targets)
        remains.means[little], remains.deviations[little] = anew.means, anew.deviations
    return remains


def as_bytes(items: NDArray[np.int32], weights: NDArray[np.float32]) -> bytes:
    """Return by what a history is known again: its films and their weights."""
    return items.tobytes() + weights.tobytes()


def each_without(history: History, left_out: NDArray[np.int64], n_items: int) -> tuple[Csr, NDArray[np.int64] | None]:
    """Return a history without each of some films, a row for each, and the times.

    Args:
        history: Films, weights and times of all of it.
        left_out: Places of the history, each left out on its own; below 0 nothing is.
        n_items: How many films there are.
    """
    items, weights, times = history
    stays = np.arange(len(items)) != left_out[:, np.newaxis]
    kept = np.nonzero(stays)[1]
    starts = np.concatenate(([0], np.cumsum(stays.sum(axis=1))))
    rows = sparse.csr_array((weights[kept], items[kept], starts), shape=(len(left_out), n_items))
    return rows, None if times is None else times[kept]
