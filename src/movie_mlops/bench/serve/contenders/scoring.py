"""What every other server computes: the vector of a list of liked films, a score for every film, the best unseen ones.

Plain NumPy on the factors of the same bundle, as one would write it for any of them: run with their Python, not
imported by the platform.
"""

from pathlib import Path

import numpy as np


class Scoring:
    """The films' vectors, in memory.

    Args:
        folder: Holds ``scoring.npz``: ``factors`` float32[films, n], ``movie_ids`` int64[films], ``alpha``,
            ``regularisation`` and ``k``.
    """

    def __init__(self, folder: str) -> None:
        with np.load(Path(folder) / "scoring.npz") as given:
            self._factors = np.ascontiguousarray(given["factors"])
            self._movie_ids = given["movie_ids"]
            self._alpha = np.float32(given["alpha"])
            regularisation, self._k = np.float32(given["regularisation"]), int(given["k"])
        self._items = {movie_id: item for item, movie_id in enumerate(self._movie_ids.tolist())}
        self._base = self._factors.T @ self._factors + regularisation * np.eye(self._factors.shape[1], dtype=np.float32)

    def best(self, movie_ids: list[int]) -> list[int]:
        """Return the films that somebody who likes these would like the most, the best first, none of these."""
        items = np.array([self._items[movie_id] for movie_id in movie_ids if movie_id in self._items])
        liked = self._factors[items]
        system = self._base + (self._alpha - 1) * (liked.T @ liked)
        scores = self._factors @ np.linalg.solve(system, self._alpha * liked.sum(axis=0))
        scores[items] = -np.inf
        best = np.argpartition(scores, -self._k)[-self._k :]
        found: list[int] = self._movie_ids[best[np.argsort(-scores[best])]].tolist()
        return found
