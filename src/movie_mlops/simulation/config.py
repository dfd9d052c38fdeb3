"""Who lives in a simulation, how they behave, and what the loop around them does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from movie_mlops.features import FeedbackConfig
from movie_mlops.recommenders import ExploringPolicy
from movie_mlops.simulation.errors import SimulationError

_USERS = 2


def _default_params() -> dict[str, Any]:
    return {"regularisation": 20.0}


@dataclass(frozen=True)
class PopulationConfig:
    """Who lives in a simulation.

    Attributes:
        seed: Where all randomness starts; the same seed gives the same people and the same choices.
        users: How many people there are at any time.
        films: How many films of the sample's catalogue there are, drawn by the seed.
        generations: How many times the model is trained and answers.
        drift: How far tastes turn in a generation, in radians: at 0.02 they point elsewhere by 28 degrees after 25.
        churn: The share of the people who leave after a generation; as many newcomers take their places.

    Raises:
        SimulationError: A number is out of range.
    """

    seed: int = 2025
    users: int = 300
    films: int = 500
    generations: int = 24
    drift: float = 0.02
    churn: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a population that cannot live."""
        _require(self.seed >= 0, "seed", self.seed, "a whole number from 0")
        _require(self.users >= _USERS, "users", self.users, f"at least {_USERS}")
        _require(self.films >= _USERS, "films", self.films, f"at least {_USERS}")
        _require(self.generations >= 1, "generations", self.generations, "at least 1")
        _require(0 <= self.drift <= 1, "drift", self.drift, "a number from 0 to 1")
        _require(0 <= self.churn < 1, "churn", self.churn, "a share of at least 0 and below 1")


@dataclass(frozen=True)
class LoopConfig:
    """What the loop does with the answers.

    Attributes:
        model: The recommender.
        params: Its parameters.
        k: Length of the lists.
        exploration: The probability that a place of a list is filled by chance.
        pool: Chance draws from so many of a person's best films; ``None``: from all of them.
        debias: How much less a film's likes weigh in training the more often it was looked at: they are divided by
            this power of its exposure. 0 takes them as they are, 1 takes out all that showing it more has brought.
        examination: How quickly people stop reading a list: the film at place j is looked at with probability
            ``j ** -examination``.
        starting_films: How many films each person has found without a recommender when they come.
        found_films: How many each finds without it in a later generation; both on average.
        feedback: What the kinds of feedback weigh in training and in histories.

    Raises:
        SimulationError: A number is out of range.
    """

    model: str = "ease"
    params: Mapping[str, Any] = field(default_factory=_default_params)
    k: int = 10
    exploration: float = 0.1
    pool: int | None = None
    debias: float = 0.5
    examination: float = 0.7
    starting_films: int = 8
    found_films: float = 0.1
    feedback: FeedbackConfig = field(default_factory=FeedbackConfig)

    def __post_init__(self) -> None:
        """Refuse a loop that cannot run."""
        _require(self.k >= 1, "k", self.k, "at least 1")
        _require(0 <= self.debias <= 1, "debias", self.debias, "a power from 0 to 1")
        _require(self.examination >= 0, "examination", self.examination, "a number of at least 0")
        _require(self.starting_films >= 1, "starting_films", self.starting_films, "at least 1")
        _require(self.found_films >= 0, "found_films", self.found_films, "a number of at least 0")

    @property
    def policy(self) -> ExploringPolicy:
        """How lists are filled.

        Raises:
            ParameterError: The exploration or the pool is out of range.
        """
        return ExploringPolicy(self.exploration, self.pool)

    @property
    def is_guarded(self) -> bool:
        """Whether anything keeps the loop from feeding on itself."""
        return self.exploration > 0 or self.debias > 0

    def unguarded(self) -> Self:
        """Return the same loop without exploration and without debiased training."""
        return replace(self, exploration=0.0, debias=0.0)


def _require(holds: bool, name: str, value: float, allowed: str) -> None:
    if not holds:
        raise SimulationError(f"{name} is {value}.", next_step=f"Give {allowed}.")
