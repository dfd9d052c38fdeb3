"""The words in which a recommender says where good values of its parameters may lie.

A params class declares them once, as its class variable ``space``; whoever searches reads nothing else.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from movie_mlops.recommenders.errors import ParameterError


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included.

    Attributes:
        low: The lowest value.
        high: The highest value.
        log: Whether equal ratios count as equally far apart, as for a penalty that may be 1 or 1,000.
        whole: Whether only whole numbers are meant.

    Raises:
        ParameterError: The bounds are no range.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ParameterError(
                f"From {self.low} to {self.high} is no {'logarithmic ' if self.log else ''}range.",
                next_step="Give a lower bound below the upper one, above 0 where the scale is logarithmic.",
            )

    @property
    def ends(self) -> tuple[float, float]:
        """The two bounds."""
        return self.low, self.high

    def holds(self, value: object) -> bool:
        """Return whether a value lies in it."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of a few values without an order.

    Attributes:
        values: The values.
    """

    values: tuple[bool | float | str, ...]

    @property
    def ends(self) -> tuple[bool | float | str, ...]:
        """All of them: each is as far out as any other."""
        return self.values

    def holds(self, value: object) -> bool:
        """Return whether a value is one of them."""
        return value in self.values


Space = Mapping[str, Range | Choice]
"""Where each parameter that is worth searching may lie; seeds and threads are not in it.

A name with points leads inwards: ``members.0.weight`` is the weight of a blend's first member.
"""


def value_at(params: Mapping[str, Any], place: str) -> Any:
    """Return the value of one name of a space in plain parameters."""
    value: Any = params
    for step in place.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def with_values(params: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain parameters with the values of a space's names put where these lead."""
    made = deepcopy(dict(params))
    for place, value in values.items():
        within, _, last = place.rpartition(".")
        holder = value_at(made, within) if within else made
        holder[last] = value
    return made
