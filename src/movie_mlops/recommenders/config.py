"""The parameters of each recommender; the defaults suit data of the size of ML-1M."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches

from movie_mlops.recommenders.errors import ParameterError


def _require(holds: bool, name: str, value: float, allowed: str) -> None:
    if not (holds and math.isfinite(value)):
        raise ParameterError(f"{name} is {value}.", next_step=f"Give {allowed}.")


@dataclass(frozen=True)
class PopularParams:
    """The most popular films of all time need no parameter."""


@dataclass(frozen=True)
class PopularRecentParams:
    """Parameters of the most popular films of the last days.

    Attributes:
        days: Length of the window in days; it ends with the latest known time of the training data.
    """

    days: float = 30.0

    def __post_init__(self) -> None:
        _require(self.days > 0, "days", self.days, "a number of days above 0")


@dataclass(frozen=True)
class ItemKnnParams:
    """Parameters of the item-kNN model.

    Attributes:
        neighbours: How many most similar films each film keeps.
        shrinkage: Added to the cosine's denominator, so that films with few likes are not taken for near twins.
    """

    neighbours: int = 100
    shrinkage: float = 20.0

    def __post_init__(self) -> None:
        _require(self.neighbours >= 1, "neighbours", self.neighbours, "a whole number of at least 1")
        _require(self.shrinkage >= 0, "shrinkage", self.shrinkage, "a number of at least 0")


@dataclass(frozen=True)
class LinearParams:
    """Parameters that EASE and EDLAE share.

    Attributes:
        regularisation: The L2 penalty λ; about 250 for ML-1M, more for more users.
        threads: BLAS threads of the training. One gives the same bytes on a machine of any number of cores; more,
            never above the cores there are, is quicker for thousands of films and rounds differently.
        history_power: How much less a long history says of each of its films: as input, the history of a user with
            n likes weighs ``(n / mean n)^-power``. 0 leaves it as it is.
        target_power: How much less a long history counts as what is to be rebuilt, by the same formula.
        popularity_power: How much a film's score is lowered by the number m of its likes: it is multiplied by
            ``(m / mean m)^-power``. 0 leaves it as it is.
    """

    regularisation: float = 250.0
    threads: int = 1
    history_power: float = 0.0
    target_power: float = 0.0
    popularity_power: float = 0.0

    def __post_init__(self) -> None:
        _require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        _require(self.threads >= 1, "threads", self.threads, "a whole number of at least 1")
        for name in ("history_power", "target_power", "popularity_power"):
            power = getattr(self, name)
            _require(0 <= power <= 1, name, power, "a number from 0 to 1")


@dataclass(frozen=True)
class EaseParams(LinearParams):
    """Parameters of EASE."""


@dataclass(frozen=True)
class EdlaeParams(LinearParams):
    """Parameters of EDLAE.

    Attributes:
        dropout: Probability p that a film of a history is hidden in training; a film whose squared weights sum to n
            (its number of likes, where each weighs 1) pays a further penalty of n · p / (1 - p).
    """

    regularisation: float = 300.0
    dropout: float = 0.33

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "a number of at least 0 and below 1")


@dataclass(frozen=True)
class IalsParams:
    """Parameters of iALS.

    Attributes:
        factors: Length of a film's vector.
        regularisation: The L2 penalty λ on every vector, the same for all (not multiplied by the number of likes).
        alpha: Confidence of a like of weight 1; a film that is not liked has confidence 1.
        iterations: How often the users' and then the films' vectors are solved for.
        seed: Seed of the random start.
    """

    factors: int = 128
    regularisation: float = 50.0
    alpha: float = 3.0
    iterations: int = 15
    seed: int = 0

    def __post_init__(self) -> None:
        _require(self.factors >= 1, "factors", self.factors, "a whole number of at least 1")
        _require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        _require(self.alpha > 0, "alpha", self.alpha, "a number above 0")
        _require(self.iterations >= 1, "iterations", self.iterations, "a whole number of at least 1")
        _require(0 <= self.seed < 2**32, "seed", self.seed, "a whole number of at least 0 and below 2³²")


Params = PopularParams | PopularRecentParams | ItemKnnParams | LinearParams | IalsParams
"""The parameters of any recommender."""


def read_params(params_type: type[Params], values: Mapping[str, object]) -> Params:
    """Return parameters from plain values, as a configuration file or a manifest holds them.

    Raises:
        ParameterError: A name is unknown, or a value is of the wrong type or out of range.
    """
    known = {field.name: field.type for field in fields(params_type)}
    typed: dict[str, int | float] = {}
    for name, value in values.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It knows: {', '.join(known) or 'no parameter at all'}."
            raise ParameterError(f"{params_type.__name__} has no parameter {name!r}.", next_step=hint)
        typed[name] = _number(name, value, whole=known[name] is int)
    return params_type(**typed)  # type: ignore[arg-type]  # each value has just got its field's type


def _number(name: str, value: object, *, whole: bool) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and not float(value).is_integer()):
        raise ParameterError(
            f"{name} is {value!r}.", next_step=f"Give a {'whole number' if whole else 'number'} without quotes."
        )
    return int(value) if whole else float(value)
