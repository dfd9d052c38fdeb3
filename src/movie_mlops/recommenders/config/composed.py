"""The parameters of the models that are made of others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from movie_mlops.recommenders.config.checks import require
from movie_mlops.recommenders.space import Choice, Range, Space

BENDS: Final = Choice((0.0, 0.5, 1.0))
"""Few, for each is a training of its own."""


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
        require(self.weight != 0, f"The weight of {self.model}", self.weight, "a number that is not 0")


@dataclass(frozen=True)
class BlendParams:
    """Parameters of a blend.

    Attributes:
        members: What is blended.
        popularity: What the logarithm of a film's number of likes counts beside the members.
        expectation: What is expected of somebody, by traits where they are known, counts beside the members after one
            like, once it is brought to deviation 1 for each user; after n likes it counts ``n^-1.5`` of
            that. At 0 traits are not read.
        trait_regularisation: The penalty of a trait: so many users with it are taken to be like everybody.
        seed: Given to each member that takes a seed and has none of its own.
        threads: Likewise.
    """

    members: tuple[Member, ...] = (
        Member(
            "edlae",
            0.6,
            {
                "regularisation": 60,
                "dropout": 0.4,
                "history_power": 0.375,
                "target_power": 0.375,
                "popularity_power": 0.1,
                "bend": 1,
            },
        ),
        # Beside the others the weak eigenvectors are in the way.
        Member("kernel", 0.2, {"rank": 300}),
        Member("ials", 0.3, {"factors": 64, "alpha": 6, "regularisation": 60}),
    )
    popularity: float = 0.0
    expectation: float = 0.0
    trait_regularisation: float = 200.0
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        require(len(self.members) > 0, "The number of members", len(self.members), "at least one")
        require(True, "popularity", self.popularity, "a number")
        require(self.expectation >= 0, "expectation", self.expectation, "a number of at least 0")
        require(self.trait_regularisation > 0, "trait_regularisation", self.trait_regularisation, "a number above 0")
        require(0 <= self.seed < 2**32, "seed", self.seed, "a whole number of at least 0 and below 2³²")
        require(self.threads >= 1, "threads", self.threads, "a whole number of at least 1")

    @property
    def space(self) -> Space:
        """What each member counts, how popularity does, and how far those are bent that say how far they are.

        The members' other parameters are searched one by one.
        """
        weights = {f"members.{place}.weight": Range(0.02, 2, log=True) for place in range(len(self.members))}
        bends = {
            f"members.{place}.params.bend": BENDS
            for place, member in enumerate(self.members)
            if "bend" in member.params
        }
        # Whoever leaves it at 0 does without; it is not to come in through the back door of a search.
        expected = {"expectation": Range(0, 5)} if self.expectation else {}
        return {**weights, **bends, "popularity": Range(-0.5, 0.5), **expected}


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
        store_features: What the trees also look at of a feature store's views, where the recommender is handed it.
    """

    candidates: int = 150
    trees: int = 200
    leaves: int = 15
    learning_rate: float = 0.05
    least: int = 200
    hidden: float = 0.2
    strength: float = 0.5
    store_features: tuple[str, ...] = (
        "film_features:likes_30d",
        "film_features:likes_trend",
        "film_features:age_years",
        "user_features:positives",
        "match_features:genre_match",
        "match_features:decade_match",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.candidates >= 1, "candidates", self.candidates, "a whole number of at least 1")
        require(self.trees >= 1, "trees", self.trees, "a whole number of at least 1")
        require(2 <= self.leaves <= 1024, "leaves", self.leaves, "a whole number from 2 to 1024")  # noqa: PLR2004
        require(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "a number above 0, at most 1")
        require(self.least >= 1, "least", self.least, "a whole number of at least 1")
        require(0 < self.hidden < 1, "hidden", self.hidden, "a share between 0 and 1")
        require(self.strength > 0, "strength", self.strength, "a number above 0")
        twice = len(self.store_features) - len(set(self.store_features))
        require(not twice, "The number of store_features that are named twice", twice, "each once")

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
