"""A stage at a glance: is it fresh, is it healthy, what does it need of somebody?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

State = Literal["good", "look", "bad", "empty"]
"""As it should be; worth a look; broken; nothing there yet."""


@dataclass(frozen=True)
class Need:
    """Something that a person should do.

    Attributes:
        sentence: What is the matter, and what to do.
        urgent: Whether people are served worse, or nothing, until it is done.
    """

    sentence: str
    urgent: bool = False


def state_of(needs: Sequence[Need], otherwise: State = "good") -> State:
    """Return the state of a stage that needs this: broken where it is urgent, worth a look where it is not."""
    if any(need.urgent for need in needs):
        return "bad"
    return "look" if needs else otherwise


@dataclass(frozen=True)
class Glance:
    """What is to be seen of a stage without opening it.

    Attributes:
        number: Of the stage.
        title: Its name.
        section: The last part of the address of its page.
        state: How it is.
        headline: The one thing to know.
        facts: The few things beside it, by name.
        needs: What it needs of a person.
    """

    number: int
    title: str
    section: str
    state: State
    headline: str
    facts: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
