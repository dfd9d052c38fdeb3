"""The parameters of the models that stand alone and need no extra; the defaults suit data of the size of ML-1M."""

from dataclasses import dataclass
from typing import ClassVar, Final

from movie_mlops.recommenders.config.checks import require
from movie_mlops.recommenders.space import Range, Space

_CENTURY: Final = 36_500


@dataclass(frozen=True)
class PopularParams:
    """The most popular films of all time need no parameter."""

    space: ClassVar[Space] = {}


@dataclass(frozen=True)
class PopularRecentParams:
    """Parameters of the most popular films of the last days.

    Attributes:
        days: Length of the window in days; it ends with the latest known time of the training data.
        least: Where fewer likes are in it the window goes as far back as the newest so many likes do.
    """

    space: ClassVar[Space] = {"days": Range(1, 365, log=True)}

    days: float = 30.0
    least: int = 0

    def __post_init__(self) -> None:
        require(0 < self.days <= _CENTURY, "days", self.days, f"a number of days above 0 and up to {_CENTURY:,}")
        require(self.least >= 0, "least", self.least, "a number of at least 0")


@dataclass(frozen=True)
class LikedFirstParams:
    """Parameters of what people like first; chosen on the first fifth of ML-1M, and held against ml-latest-small.

    More fading foresaw the first like still better there, and worse what a newcomer likes after it.

    Attributes:
        days: Length of the window in days; it ends with the latest known time.
        fading: A user's n-th like counts ``n^-fading``; 0 counts all alike.
        everybody: So many likes are spread over the films as those of all time are, for times when few people come.
    """

    space: ClassVar[Space] = {
        "days": Range(1, 365, log=True),
        "fading": Range(0, 2),
        "everybody": Range(1, 1000, log=True),
    }

    days: float = 90.0
    fading: float = 0.5
    everybody: float = 300.0

    def __post_init__(self) -> None:
        require(0 < self.days <= _CENTURY, "days", self.days, f"a number of days above 0 and up to {_CENTURY:,}")
        require(self.fading >= 0, "fading", self.fading, "a number of at least 0")
        require(self.everybody >= 0, "everybody", self.everybody, "a number of at least 0")


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
        require(self.neighbours >= 1, "neighbours", self.neighbours, "a whole number of at least 1")
        require(self.shrinkage >= 0, "shrinkage", self.shrinkage, "a number of at least 0")


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
        require(self.alpha > 0, "alpha", self.alpha, "a number above 0")
        require(self.beta >= 0, "beta", self.beta, "a number of at least 0")
        require(self.neighbours >= 1, "neighbours", self.neighbours, "a whole number of at least 1")


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
        require(self.l1 >= 0, "l1", self.l1, "a number of at least 0")
        require(self.l2 > 0, "l2", self.l2, "a number above 0")
        require(self.neighbours >= 1, "neighbours", self.neighbours, "a whole number of at least 1")


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
        bend: How far the cosine of two films is bent towards their neural tangent kernel, from 0 (the cosine itself)
            to 1; where it is bent the two powers of a history must be the same, and a good penalty is lower.
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
    bend: float = 0.0

    def __post_init__(self) -> None:
        require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        require(self.threads >= 1, "threads", self.threads, "a whole number of at least 1")
        for name in ("history_power", "target_power", "popularity_power"):
            power = getattr(self, name)
            require(0 <= power <= 1, name, power, "a number from 0 to 1")
        require(0 <= self.bend <= 1, "bend", self.bend, "a number from 0 to 1")
        same = not self.bend or self.history_power == self.target_power
        require(same, "target_power", self.target_power, "the same as history_power, or no bend")


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
        require(0 <= self.dropout < 1, "dropout", self.dropout, "a number of at least 0 and below 1")


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
        require(value > 0, "content_regularisation", value, "a number above 0")
        require(self.features >= 1, "features", self.features, "a whole number of at least 1")


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
        require(self.factors >= 1, "factors", self.factors, "a whole number of at least 1")
        require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        require(self.alpha > 0, "alpha", self.alpha, "a number above 0")
        require(self.iterations >= 1, "iterations", self.iterations, "a whole number of at least 1")
        require(0 <= self.seed < 2**32, "seed", self.seed, "a whole number of at least 0 and below 2³²")


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
        require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        require(self.rank >= 1, "rank", self.rank, "a whole number of at least 1")
        require(self.users >= 1, "users", self.users, "a whole number of at least 1")
        require(0 <= self.seed < 2**32, "seed", self.seed, "a whole number of at least 0 and below 2³²")
        require(self.threads >= 1, "threads", self.threads, "a whole number of at least 1")


@dataclass(frozen=True)
class ComebackParams:
    """Parameters of what people like when they come back.

    Attributes:
        days: How long the first visit lasts: what is liked so many days after the first like, or later, is liked by who
            came back.
        regularisation: The L2 penalty λ that every film pays alike.
        threads: BLAS threads of the training, as for EASE.
    """

    space: ClassVar[Space] = {"days": Range(0.1, 30, log=True), "regularisation": Range(1, 10_000, log=True)}

    days: float = 1.0
    regularisation: float = 200.0
    threads: int = 1

    def __post_init__(self) -> None:
        require(self.days > 0, "days", self.days, "a number of days above 0")
        require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        require(self.threads >= 1, "threads", self.threads, "a whole number of at least 1")


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
        require(self.memory > 0, "memory", self.memory, "a number of films above 0")
        require(self.reach > 0, "reach", self.reach, "a number of films above 0")
        require(self.regularisation > 0, "regularisation", self.regularisation, "a number above 0")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "a number of at least 0 and below 1")
        require(self.history_power >= 0, "history_power", self.history_power, "a number of at least 0")
        require(self.threads >= 1, "threads", self.threads, "a whole number of at least 1")
