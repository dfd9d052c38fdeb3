"""The parameters of the linear model for catalogues of hundreds of thousands of films."""

from dataclasses import dataclass
from typing import ClassVar

from movie_mlops.recommenders.config.checks import require
from movie_mlops.recommenders.space import Range, Space


@dataclass(frozen=True)
class SparseEaseParams:
    """Parameters of EASE with few weights for each film.

    Attributes:
        regularisation: The L2 penalty λ, as for EASE.
        neighbours: From how many films each film is rebuilt at most. Memory grows with it, time with its square.
    """

    space: ClassVar[Space] = {
        "regularisation": Range(1, 10_000, log=True),
        "neighbours": Range(10, 500, log=True, whole=True),
    }

    regularisation: float = 250.0
    neighbours: int = 100

    def __post_init__(self) -> None:
        require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        require(self.neighbours >= 1, "neighbours", self.neighbours, "a whole number of at least 1")
