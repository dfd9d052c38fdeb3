"""The parameters of the models that PyTorch trains."""

from dataclasses import dataclass
from typing import ClassVar

from movie_mlops.recommenders.config.checks import require
from movie_mlops.recommenders.space import Choice, Range, Space


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
        require(self.hidden >= 1, "hidden", self.hidden, "a whole number of at least 1")
        require(self.factors >= 1, "factors", self.factors, "a whole number of at least 1")
        require(self.pull >= 0, "pull", self.pull, "a number of at least 0")
        require_training(self)


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
    ahead: int = 20
    targets: int = 16
    dropout: float = 0.3
    untimed: float = 0.15
    epochs: int = 40
    batch: int = 128
    learning_rate: float = 0.003
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        require(self.factors >= 1, "factors", self.factors, "a whole number of at least 1")
        divides = self.heads >= 1 and self.factors % self.heads == 0
        require(divides, "heads", self.heads, "a whole number of at least 1 that divides factors")
        for name in ("length", "ahead", "targets"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "a whole number of at least 1")
        require(0 <= self.untimed <= 1, "untimed", self.untimed, "a number from 0 to 1")
        require_training(self)


def require_training(params: VaeParams | SasrecParams) -> None:
    """Check what every model that is trained in steps has."""
    require(0 <= params.dropout < 1, "dropout", params.dropout, "a number of at least 0 and below 1")
    require(params.epochs >= 1, "epochs", params.epochs, "a whole number of at least 1")
    require(params.batch >= 1, "batch", params.batch, "a whole number of at least 1")
    require(params.learning_rate > 0, "learning_rate", params.learning_rate, "a number above 0")
    require(0 <= params.seed < 2**32, "seed", params.seed, "a whole number of at least 0 and below 2³²")
    require(params.threads >= 1, "threads", params.threads, "a whole number of at least 1")
