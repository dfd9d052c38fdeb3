"""The least squares of one history against films' vectors, solved once for its scores and its reasons."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import sgesv, sgetrs, spotrf, spotrs

from movie_mlops.recommenders.errors import TrainingError

_Floats = NDArray[np.float32]


class LeastSquares:
    """The equations ``A x = Σ c_i z_i`` of a history, where ``A = I + Σ (c_i - 1) z_i z_iᵀ``.

    With fewer films than factors they are solved between the films: with the films' vectors as rows of Z,
    ``A⁻¹Zᵀ = Zᵀ (I + (C - I) Z Zᵀ)⁻¹`` holds exactly, and its inverse has a row for each film only.

    Args:
        confidences: float32[n], c of each film.
        films: float32[n, d], their vectors Z, in coordinates in which what all films have in common is the identity.

    Raises:
        TrainingError: The numbers broke down.
    """

    def __init__(self, confidences: _Floats, films: _Floats) -> None:
        self.confidences = confidences
        self._films = films
        beyond = (confidences - np.float32(1))[:, np.newaxis]
        self._few = len(films) < films.shape[1]
        if self._few:
            system = beyond * (films @ films.T)
            system.flat[:: len(films) + 1] += np.float32(1)
            # One call for the equations' factor and their solution: so small a system takes no longer than a call.
            self._factor, self._turns, shares, info = sgesv(system, confidences)
        else:
            system = films.T @ (beyond * films)
            system.flat[:: len(system) + 1] += np.float32(1)
            # It is symmetric; transposed it lies as LAPACK wants it, which would copy it otherwise.
            self._factor, info = spotrf(system.T, overwrite_a=1)
        if info != 0:
            raise breakdown("The vector of a history")
        if not self._few:
            solution, _ = spotrs(self._factor, confidences @ films)
        self.vector: _Floats = np.asarray(shares @ films if self._few else solution, np.float32)
        """x, float32[d]."""

    def towards(self, places: NDArray[np.int64]) -> _Floats:
        """Return ``A⁻¹ z`` of some films of the history, float32[places, d]."""
        if self._few:
            solved, _ = sgetrs(self._factor, self._turns, self._films, trans=1)
            return np.asarray(solved[places], np.float32)
        solution, _ = spotrs(self._factor, self._films[places].T)
        return np.asarray(solution.T, np.float32)

    def worth(self, targets: _Floats) -> _Floats:
        """Return ``Z A⁻¹ targetsᵀ``, float32[n, m]: what each film of the history says of each of m vectors."""
        if self._few:
            worth, _ = sgetrs(self._factor, self._turns, self._films @ targets.T, trans=1)
            return np.asarray(worth, np.float32)
        solution, _ = spotrs(self._factor, targets.T)
        return self._films @ np.asarray(solution, np.float32)


def breakdown(what: str) -> TrainingError:
    """Return the error that says of which computation single precision was not enough for."""
    return TrainingError(
        f"{what} broke down in single precision.",
        next_step="Raise the recommender's regularisation, or use smaller weights.",
    )
