"""What a feature store knows of users and films, as a recommender is handed it: numbers by name, as of a moment.

A recommender knows no store. Whoever trains or asks it hands in what looks the numbers up, for the films that the
recommender names.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.recommenders.errors import MatrixError
from movie_mlops.recommenders.inputs import Csr


class TrainingFeatures(Protocol):
    """Looks features up for the users of a training matrix."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features, in the order of the columns."""
        ...

    def at(
        self, users: NDArray[np.int64], films: NDArray[np.int32], moments: NDArray[np.int64] | None, shown: Csr
    ) -> NDArray[np.float32]:
        """Return what was known of pairs of a user and a film.

        Args:
            users: int64[n], rows of the training matrix.
            films: int32[n, films], columns of it.
            moments: int64[n], Unix seconds: of each user only what was before it, of anybody, may be known. ``None``
                where the training has no times.
            shown: The training matrix without what a model has to find, users by films; without times nothing else
                may be known.

        Returns:
            float32[n, films, features], NaN where something is not known.
        """
        ...


class AnswerFeatures(Protocol):
    """Looks features up, as of now, for those who are asked about."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features, in the order of the columns."""
        ...

    def of(self, people: NDArray[np.int64], films: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return what is known of pairs of somebody and a film.

        Args:
            people: int64[n], rows of the histories; 0 where there is one alone.
            films: int32[n, films], columns of them.

        Returns:
            float32[n, films, features], NaN where something is not known.
        """
        ...


@dataclass(frozen=True)
class KnownFilms:
    """Features for the training of a recommender that leaves films out, by the places of those that it knows.

    Attributes:
        features: By the places of all films.
        known: The place of each known film.
    """

    features: TrainingFeatures
    known: NDArray[np.int32]

    @property
    def names(self) -> tuple[str, ...]:
        """The features."""
        return self.features.names

    def at(
        self, users: NDArray[np.int64], films: NDArray[np.int32], moments: NDArray[np.int64] | None, shown: Csr
    ) -> NDArray[np.float32]:
        """Return what was known; ``shown`` has the known films alone."""
        columns = self.known[shown.indices]
        shape = (shown.shape[0], int(self.known[-1]) + 1)
        whole: Csr = sparse.csr_array((shown.data, columns, shown.indptr), shape=shape)
        return self.features.at(users, self.known[films], moments, whole)


@dataclass(frozen=True)
class Asked:
    """Features of those who are asked about, by the places of the films that a recommender knows.

    Attributes:
        features: By the places of all films.
        known: The place of each known film.
        alone: Whether all histories that are scored are variations of one person's.
    """

    features: AnswerFeatures
    known: NDArray[np.int32]
    alone: bool

    def of(self, rows: range, films: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return what is known of the people of some rows."""
        people = np.zeros(len(rows), np.int64) if self.alone else np.arange(rows.start, rows.stop, dtype=np.int64)
        return self.features.of(people, self.known[films])


def check_names(given: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """Refuse features that are not those that a recommender reads.

    Raises:
        MatrixError: They differ, or are in another order.
    """
    if given != wanted:
        raise MatrixError(
            f"The features are {', '.join(given) or 'none'}; the recommender reads {', '.join(wanted)}.",
            next_step="Give those that its parameters name, in their order.",
        )
