"""What is planned when a roll-out begins; it stands in the ledger as it is here and never changes."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, Self

from movie_mlops.release.errors import RolloutError
from movie_mlops.release.rollout.assignment import Layer, Span
from movie_mlops.release.rollout.config import CanaryConfig

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_FEWEST: Final = 2


Design = Literal["always-valid", "obrien-fleming", "pocock"]
DESIGNS: Final[tuple[Design, ...]] = ("always-valid", "obrien-fleming", "pocock")


class Kind(StrEnum):
    """What is rolled out how."""

    CANARY = "canary"
    EXPERIMENT = "experiment"
    SHADOW = "shadow"


@dataclass(frozen=True)
class CanaryPlan:
    """A candidate that gets more and more of the users.

    Attributes:
        bundle_id: The candidate.
        control_id: The champion that it is held against.
        config: How it goes.
        gate: The gate's report on the candidate, which its promotion will carry.
    """

    bundle_id: str
    control_id: str
    config: CanaryConfig
    gate: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bundles(self) -> tuple[str, ...]:
        """What a server must have in memory for it."""
        return (self.bundle_id,)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        config = {**asdict(self.config), "stages": list(self.config.stages), "guards": dict(self.config.guards)}
        return {"bundle_id": self.bundle_id, "control_id": self.control_id, "config": config, "gate": dict(self.gate)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        config = dict(document["config"])
        config["stages"] = tuple(config["stages"])
        return cls(document["bundle_id"], document["control_id"], CanaryConfig(**config), document["gate"])


@dataclass(frozen=True)
class ShadowPlan:
    """A candidate that answers beside the champion; nobody sees what it says.

    Attributes:
        bundle_id: The candidate.
        share: The share of the answers that it is asked for too.
    """

    bundle_id: str
    share: float

    @property
    def bundles(self) -> tuple[str, ...]:
        """What a server must have in memory for it."""
        return (self.bundle_id,)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        return cls(document["bundle_id"], document["share"])


@dataclass(frozen=True)
class Arm:
    """One arm of an experiment.

    Attributes:
        name: What it is called.
        weight: How many of the users it gets, in relation to the other arms.
        bundle_id: Which bundle answers, in the layer of models.
        exploration: The share of the answers that are explored, in the layer of exploration.
    """

    name: str
    weight: float = 1.0
    bundle_id: str | None = None
    exploration: float | None = None


@dataclass(frozen=True)
class ExperimentPlan:
    """Arms that are compared on a share of the users; the first is the one that the others are held against.

    Attributes:
        layer: Which exclusion group; it says what its arms may set.
        share: The share of the layer's users.
        span: The slots of the layer that are theirs.
        arms: Two or more.
        how: ``arms``: each user has one arm. ``interleaved``: two models make every list together.
        design: ``always-valid``: it may be looked at all the time. ``obrien-fleming`` and ``pocock``: at planned looks.
        people: How many people in each arm are planned for, by the looks of a planned design.
        looks: At what shares of ``people`` it is looked at.
        alpha: How often a difference may be found where there is none, over all arms and looks.
        response_seconds: How long after a user's first list what they do counts as their answer to it.
    """

    layer: Layer
    share: float
    span: Span
    arms: tuple[Arm, ...]
    how: Literal["arms", "interleaved"] = "arms"
    design: Design = "always-valid"
    people: int = 1000
    looks: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    alpha: float = 0.05
    response_seconds: float = 1800.0

    def __post_init__(self) -> None:
        """Refuse arms that contradict each other or the layer."""
        names = [arm.name for arm in self.arms]
        if len(self.arms) < _FEWEST or len(set(names)) != len(names) or not all(map(NAME.fullmatch, names)):
            raise RolloutError(
                f"The arms {names} are not two or more with names of their own.",
                next_step="Name them by small letters, digits and hyphens.",
            )
        if any(not 0 < arm.weight < float("inf") for arm in self.arms):
            raise RolloutError("An arm has no weight.", next_step="Give each a number above 0.")
        of_models = self.layer is Layer.MODELS
        if any((arm.bundle_id is None) is of_models or (arm.exploration is None) is not of_models for arm in self.arms):
            sets = "a bundle" if of_models else "a share of explored answers"
            raise RolloutError(
                f"Each arm of the layer {self.layer} sets {sets}, and nothing else.",
                next_step="Use the other layer for the other thing.",
            )
        if any(arm.exploration is not None and not 0 <= arm.exploration <= 1 for arm in self.arms):
            raise RolloutError("An arm explores no share.", next_step="Give a share from 0 to 1.")
        if self.how == "interleaved" and (len(self.arms) != _FEWEST or not of_models):
            raise RolloutError("Only two models can make a list together.", next_step="Give two bundles.")
        if not 0 < self.alpha < 1 or self.people < 1:
            raise RolloutError(
                f"alpha is {self.alpha}, people {self.people}.", next_step="Give a rate, and at least one person."
            )

    @property
    def bundles(self) -> tuple[str, ...]:
        """What a server must have in memory for it."""
        return tuple(arm.bundle_id for arm in self.arms if arm.bundle_id is not None)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {
            **asdict(self),
            "layer": self.layer.value,
            "looks": list(self.looks),
            "arms": [asdict(arm) for arm in self.arms],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        return cls(
            **{
                **document,
                "layer": Layer(document["layer"]),
                "span": Span(**document["span"]),
                "arms": tuple(Arm(**arm) for arm in document["arms"]),
                "looks": tuple(document["looks"]),
            }
        )


Plan = CanaryPlan | ExperimentPlan | ShadowPlan
PLANS: Final[Mapping[Kind, type[CanaryPlan] | type[ExperimentPlan] | type[ShadowPlan]]] = {
    Kind.CANARY: CanaryPlan,
    Kind.EXPERIMENT: ExperimentPlan,
    Kind.SHADOW: ShadowPlan,
}
