"""The parameters of each recommender; the defaults suit data of the size of ML-1M."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import ClassVar

from movie_mlops.recommenders.errors import ParameterError
from movie_mlops.recommenders.space import Choice, Range, Space


def _require(holds: bool, name: str, value: float, allowed: str) -> None:
    if not (holds and math.isfinite(value)):
        raise ParameterError(f"{name} is {value}.", next_step=f"Give {allowed}.")


@dataclass(frozen=True)
class PopularParams:
    """The most popular films of all time need no parameter."""

    space: ClassVar[Space] = {}


@dataclass(frozen=True)
class PopularRecentParams:
    """Parameters of the most popular films of the last days.

    Attributes:
        days: Length of the window in days; it ends with the latest known time of the training data.
    """

    space: ClassVar[Space] = {"days": Range(1, 365, log=True)}

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

    space: ClassVar[Space] = {
        "neighbours": Range(5, 1000, log=True, whole=True),
        "shrinkage": Range(0.1, 1000, log=True),
    }

    neighbours: int = 100
    shrinkage: float = 20.0

    def __post_init__(self) -> None:
        _require(self.neighbours >= 1, "neighbours", self.neighbours, "a whole number of at least 1")
        _require(self.shrinkage >= 0, "shrinkage", self.shrinkage, "a number of at least 0")


@dataclass(frozen=True)
class Rp3BetaParams:
    """Parameters of RP3β.

    Attributes:
        alpha: The power of each step's probability; below 1, rare steps count for more.
        beta: The power of a film's popularity by which its score is divided; 0 is P3.
        neighbours: How many films that say most for it each film keeps.
    """

    space: ClassVar[Space] = {
        "alpha": Range(0.2, 2),
        "beta": Range(0, 1),
        "neighbours": Range(5, 1000, log=True, whole=True),
    }

    alpha: float = 0.8
    beta: float = 0.5
    neighbours: int = 200

    def __post_init__(self) -> None:
        _require(self.alpha > 0, "alpha", self.alpha, "a number above 0")
        _require(self.beta >= 0, "beta", self.beta, "a number of at least 0")
        _require(self.neighbours >= 1, "neighbours", self.neighbours, "a whole number of at least 1")


@dataclass(frozen=True)
class SlimParams:
    """Parameters of SLIM.

    Attributes:
        l1: The penalty λ₁ on a film's sum of weights; films that fewer users have in common say nothing for each other.
        l2: The penalty λ₂ on half of the sum of its squared weights.
        neighbours: How many weights each film keeps at most, the largest.
    """

    space: ClassVar[Space] = {"l1": Range(0.1, 50, log=True), "l2": Range(1, 5000, log=True)}

    l1: float = 1.0
    l2: float = 200.0
    neighbours: int = 500

    def __post_init__(self) -> None:
        _require(self.l1 >= 0, "l1", self.l1, "a number of at least 0")
        _require(self.l2 > 0, "l2", self.l2, "a number above 0")
        _require(self.neighbours >= 1, "neighbours", self.neighbours, "a whole number of at least 1")


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

    space: ClassVar[Space] = {
        "regularisation": Range(1, 10_000, log=True),
        "history_power": Range(0, 1),
        "target_power": Range(0, 1),
        "popularity_power": Range(0, 1),
    }

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

    space: ClassVar[Space] = {**LinearParams.space, "dropout": Range(0, 0.9)}

    regularisation: float = 300.0
    dropout: float = 0.33

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "a number of at least 0 and below 1")


@dataclass(frozen=True)
class ContentEdlaeParams(EdlaeParams):
    """Parameters of EDLAE with facts of films.

    Attributes:
        content_regularisation: The L2 penalty of each fact; the more facts a film has, the higher.
        features: How many of the most frequent facts are used.
    """

    space: ClassVar[Space] = {
        **EdlaeParams.space,
        "content_regularisation": Range(0.1, 1000, log=True),
        "features": Range(50, 5000, log=True, whole=True),
    }

    content_regularisation: float = 10.0
    features: int = 2000

    def __post_init__(self) -> None:
        super().__post_init__()
        value = self.content_regularisation
        _require(value > 0, "content_regularisation", value, "a number above 0")
        _require(self.features >= 1, "features", self.features, "a whole number of at least 1")


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

    space: ClassVar[Space] = {
        "factors": Range(8, 512, log=True, whole=True),
        "regularisation": Range(0.01, 1000, log=True),
        "alpha": Range(0.1, 100, log=True),
        "iterations": Range(3, 40, whole=True),
    }

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


@dataclass(frozen=True)
class KernelParams:
    """Parameters of the kernel regression over users.

    Attributes:
        regularisation: The L2 penalty λ.
        rank: How many eigenvectors of the kernel are kept, from the strongest.
        users: With how many training users a history is compared at most; of more, a sample is drawn.
        seed: Seed of that sample, and of the start of the search for eigenvectors.
        threads: BLAS threads of the training, as for EASE.
    """

    space: ClassVar[Space] = {
        "regularisation": Range(0.5, 500, log=True),
        "rank": Range(100, 3000, log=True, whole=True),
    }

    regularisation: float = 15.0
    rank: int = 800
    users: int = 12_000
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        _require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        _require(self.rank >= 1, "rank", self.rank, "a whole number of at least 1")
        _require(self.users >= 1, "users", self.users, "a whole number of at least 1")
        _require(0 <= self.seed < 2**32, "seed", self.seed, "a whole number of at least 0 and below 2³²")
        _require(self.threads >= 1, "threads", self.threads, "a whole number of at least 1")


@dataclass(frozen=True)
class SlistParams:
    """Parameters of SLIST.

    Attributes:
        memory: After how many further films a film of a history counts 1/e of what it did.
        reach: How many films ahead are predicted: one that comes so many places later counts 1/e of the next.
        regularisation: The L2 penalty λ that every film pays alike.
        dropout: A further penalty in proportion to how much a film counts, as for EDLAE.
        history_power: A history of n films counts ``n^-history_power`` in each of its films; at 0 a long history
            has as many more moments as it is longer.
        threads: BLAS threads of the training, as for EASE.
    """

    space: ClassVar[Space] = {
        "memory": Range(1, 200, log=True),
        "reach": Range(1, 200, log=True),
        "regularisation": Range(1, 10_000, log=True),
        "dropout": Range(0, 0.9),
        "history_power": Range(0, 1),
    }

    memory: float = 20.0
    reach: float = 20.0
    regularisation: float = 200.0
    dropout: float = 0.3
    history_power: float = 0.0
    threads: int = 1

    def __post_init__(self) -> None:
        _require(self.memory > 0, "memory", self.memory, "a number of films above 0")
        _require(self.reach > 0, "reach", self.reach, "a number of films above 0")
        _require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "a number of at least 0 and below 1")
        _require(self.history_power >= 0, "history_power", self.history_power, "a number of at least 0")
        _require(self.threads >= 1, "threads", self.threads, "a whole number of at least 1")


@dataclass(frozen=True)
class Member:
    """One recommender of a blend.

    Attributes:
        model: Its name.
        weight: What its scores count, once each user's are brought to mean 0 and deviation 1; it may be below 0.
        params: Its own parameters.
    """

    model: str
    weight: float = 1.0
    params: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(self.weight != 0, f"The weight of {self.model}", self.weight, "a number that is not 0")


@dataclass(frozen=True)
class BlendParams:
    """Parameters of a blend.

    Attributes:
        members: What is blended.
        popularity: What the logarithm of a film's number of likes counts beside the members.
        seed: Given to each member that takes a seed and has none of its own.
        threads: Likewise.
    """

    members: tuple[Member, ...] = (
        Member(
            "edlae",
            0.4,
            {
                "regularisation": 250,
                "dropout": 0.4,
                "history_power": 0.5,
                "target_power": 0.25,
                "popularity_power": 0.1,
            },
        ),
        Member("kernel", 0.6),
        Member("ials", 0.15),
    )
    popularity: float = 0.0
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        _require(len(self.members) > 0, "The number of members", len(self.members), "at least one")
        _require(True, "popularity", self.popularity, "a number")
        _require(0 <= self.seed < 2**32, "seed", self.seed, "a whole number of at least 0 and below 2³²")
        _require(self.threads >= 1, "threads", self.threads, "a whole number of at least 1")

    @property
    def space(self) -> Space:
        """What each member counts, and how popularity does; the members' own parameters are searched one by one."""
        weights = {f"members.{place}.weight": Range(0.02, 2, log=True) for place in range(len(self.members))}
        return {**weights, "popularity": Range(-0.5, 0.5)}


@dataclass(frozen=True)
class RerankParams(BlendParams):
    """Parameters of a blend whose best films are put in order by trees.

    Attributes:
        candidates: How many of a blend's best films the trees see.
        trees: How many trees.
        leaves: Leaves of each.
        learning_rate: What each tree counts.
        least: How many candidates a leaf must hold in training.
        hidden: Share of each history that is hidden from the blend, for the trees to find.
        strength: What the trees count beside the blend, both at deviation 1 over the candidates.
    """

    candidates: int = 150
    trees: int = 200
    leaves: int = 15
    learning_rate: float = 0.05
    least: int = 200
    hidden: float = 0.2
    strength: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.candidates >= 1, "candidates", self.candidates, "a whole number of at least 1")
        _require(self.trees >= 1, "trees", self.trees, "a whole number of at least 1")
        _require(2 <= self.leaves <= 1024, "leaves", self.leaves, "a whole number from 2 to 1024")  # noqa: PLR2004
        _require(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "a number above 0, at most 1")
        _require(self.least >= 1, "least", self.least, "a whole number of at least 1")
        _require(0 < self.hidden < 1, "hidden", self.hidden, "a share between 0 and 1")
        _require(self.strength > 0, "strength", self.strength, "a number above 0")

    @property
    def space(self) -> Space:
        """That of the blend, and how the trees are grown."""
        return {
            **super().space,
            "candidates": Range(50, 300, log=True, whole=True),
            "trees": Range(50, 500, log=True, whole=True),
            "leaves": Range(7, 63, log=True, whole=True),
            "learning_rate": Range(0.02, 0.2, log=True),
            "strength": Range(0.1, 2, log=True),
        }


@dataclass(frozen=True)
class VaeParams:
    """Parameters of the variational autoencoder.

    Attributes:
        hidden: Width of the encoder's hidden layer.
        factors: Length of a history's code.
        dropout: Probability that a film of a history is hidden from the encoder in training.
        pull: How much a film of a history pulls its code towards what was expected of it (RecVAE's gamma).
        epochs: How often training goes through all histories.
        batch: Histories in one step.
        learning_rate: The highest; it rises over the first tenth of the steps and then falls.
        seed: Seed of everything that is drawn.
        threads: Threads of the training where there is no GPU. One gives the same bytes again.
    """

    space: ClassVar[Space] = {
        "hidden": Range(100, 1000, log=True, whole=True),
        "factors": Range(32, 400, log=True, whole=True),
        "dropout": Range(0.1, 0.8),
        "pull": Range(1e-4, 0.1, log=True),
        "epochs": Range(10, 100, log=True, whole=True),
        "learning_rate": Range(3e-4, 1e-2, log=True),
    }

    hidden: int = 600
    factors: int = 200
    dropout: float = 0.5
    pull: float = 0.01
    epochs: int = 50
    batch: int = 256
    learning_rate: float = 0.002
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        _require(self.hidden >= 1, "hidden", self.hidden, "a whole number of at least 1")
        _require(self.factors >= 1, "factors", self.factors, "a whole number of at least 1")
        _require(self.pull >= 0, "pull", self.pull, "a number of at least 0")
        _require_training(self)


@dataclass(frozen=True)
class SasrecParams:
    """Parameters of the sequential model.

    Attributes:
        factors: Length of a film's vector.
        heads: How many ways of looking back there are; they divide the vector.
        length: How many of the latest films of a history are looked at.
        ahead: A film is learned from as the next one after those that lie up to so many places before it.
        targets: How many places of a history are learned from in one epoch.
        dropout: Probability that a number between two layers is left out in training.
        untimed: Share of the histories that are learned from as if no time were known.
        epochs: As for the autoencoder.
        batch: As for the autoencoder.
        learning_rate: As for the autoencoder.
        seed: As for the autoencoder.
        threads: As for the autoencoder.
    """

    space: ClassVar[Space] = {
        "factors": Choice((32, 64, 128)),
        "heads": Choice((1, 2, 4)),
        "length": Range(20, 200, log=True, whole=True),
        "ahead": Range(1, 20, whole=True),
        "dropout": Range(0, 0.6),
        "epochs": Range(10, 80, log=True, whole=True),
        "learning_rate": Range(5e-4, 1e-2, log=True),
    }

    factors: int = 64
    heads: int = 2
    length: int = 100
    ahead: int = 10
    targets: int = 16
    dropout: float = 0.3
    untimed: float = 0.15
    epochs: int = 40
    batch: int = 128
    learning_rate: float = 0.003
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        _require(self.factors >= 1, "factors", self.factors, "a whole number of at least 1")
        divides = self.heads >= 1 and self.factors % self.heads == 0
        _require(divides, "heads", self.heads, "a whole number of at least 1 that divides factors")
        for name in ("length", "ahead", "targets"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "a whole number of at least 1")
        _require(0 <= self.untimed <= 1, "untimed", self.untimed, "a number from 0 to 1")
        _require_training(self)


def _require_training(params: VaeParams | SasrecParams) -> None:
    """Check what every model that is trained in steps has."""
    _require(0 <= params.dropout < 1, "dropout", params.dropout, "a number of at least 0 and below 1")
    _require(params.epochs >= 1, "epochs", params.epochs, "a whole number of at least 1")
    _require(params.batch >= 1, "batch", params.batch, "a whole number of at least 1")
    _require(params.learning_rate > 0, "learning_rate", params.learning_rate, "a number above 0")
    _require(0 <= params.seed < 2**32, "seed", params.seed, "a whole number of at least 0 and below 2³²")
    _require(params.threads >= 1, "threads", params.threads, "a whole number of at least 1")


Params = (
    PopularParams
    | PopularRecentParams
    | ItemKnnParams
    | Rp3BetaParams
    | SlimParams
    | LinearParams
    | IalsParams
    | KernelParams
    | SlistParams
    | VaeParams
    | SasrecParams
    | BlendParams
)
"""The parameters of any recommender."""


def read_params(params_type: type[Params], values: Mapping[str, object]) -> Params:
    """Return parameters from plain values, as a configuration file or a manifest holds them.

    Raises:
        ParameterError: A name is unknown, or a value is of the wrong type or out of range.
    """
    return params_type(**_typed(params_type, values))  # type: ignore[arg-type]  # each value has just got its field's type


def _typed(params_type: type, values: Mapping[str, object]) -> dict[str, object]:
    known = {field.name: field.type for field in fields(params_type)}
    typed: dict[str, object] = {}
    for name, value in values.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It knows: {', '.join(known) or 'no parameter at all'}."
            raise ParameterError(f"{params_type.__name__} has no parameter {name!r}.", next_step=hint)
        typed[name] = _members(value) if name == "members" else _number(name, value, whole=known[name] is int)
    return typed


def _members(value: object) -> tuple[Member, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) and "model" in one for one in value):
        raise ParameterError(
            "The members of a blend are not a list of models.",
            next_step="Write for example: members: [{model: ease, weight: 1.0, params: {regularisation: 300}}]",
        )
    return tuple(_member(one) for one in value)


def _member(value: Mapping[str, object]) -> Member:
    unknown = sorted(set(value) - {field.name for field in fields(Member)})
    params = value.get("params", {})
    if unknown or not isinstance(params, Mapping):
        raise ParameterError(
            f"The member {value['model']!r} of a blend has {', '.join(unknown) or 'params that are no mapping'}.",
            next_step="Give each member its model, and if you like a weight and params.",
        )
    weight = float(_number("weight", value.get("weight", 1.0), whole=False))
    return Member(str(value["model"]), weight, dict(params))


def _number(name: str, value: object, *, whole: bool) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and not float(value).is_integer()):
        raise ParameterError(
            f"{name} is {value!r}.", next_step=f"Give a {'whole number' if whole else 'number'} without quotes."
        )
    return int(value) if whole else float(value)
