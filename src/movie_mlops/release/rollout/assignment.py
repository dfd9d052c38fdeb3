"""Who belongs where: by a hash of the user, so that every server says the same and nobody has to remember it.

A layer is an exclusion group: of the experiments of one layer a user is in one at most, and who is in which layer's
experiment says nothing of the other layer. A layer has 10,000 slots; an experiment owns a span of them, and hashes its
own users once more, with its own salt, into arms.

Reference:
    D. Tang, A. Agarwal, D. O'Brien, M. Meyer, "Overlapping Experiment Infrastructure: More, Better, Faster
    Experimentation", KDD 2010.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import Final

from movie_mlops.release.errors import RolloutError

SLOTS: Final = 10_000
"""Shares are told apart to a hundredth of a per cent."""


class Layer(StrEnum):
    """An exclusion group; each is about one thing that an arm may set, so that two layers cannot contradict."""

    MODELS = "models"
    EXPLORATION = "exploration"


@dataclass(frozen=True, slots=True)
class Span:
    """Slots of a layer.

    Attributes:
        first: The first.
        size: How many.
    """

    first: int
    size: int

    def __contains__(self, place: int) -> bool:
        return self.first <= place < self.first + self.size


def slot(user_id: str, salt: str) -> int:
    """Return the slot of a user, from 0 to 9,999: as likely each as any other, and unrelated from salt to salt."""
    hashed = blake2b(user_id.encode("utf-8", "surrogatepass"), digest_size=8, key=_key(salt))
    return int.from_bytes(hashed.digest()) % SLOTS


@lru_cache(1024)
def _key(salt: str) -> bytes:
    return blake2b(salt.encode()).digest()


def slots_of(share: float) -> int:
    """Return how many slots a share is.

    Raises:
        RolloutError: It is no share, or less than one slot.
    """
    size = round(share * SLOTS) if 0 < share <= 1 else 0
    if size < 1:
        raise RolloutError(f"The share {share} is none.", next_step=f"Give one from {1 / SLOTS} to 1.")
    return size


def free_span(taken: Iterable[Span], size: int) -> Span:
    """Return the first free span of a layer.

    Args:
        taken: What other experiments own.
        size: How many slots are wanted.

    Raises:
        RolloutError: There are not so many together.
    """
    first = 0
    for span in sorted(taken, key=lambda span: span.first):
        if span.first - first >= size:
            break
        first = span.first + span.size
    if first + size > SLOTS:
        raise RolloutError(
            f"The layer has no {size / SLOTS:.2%} of its users left together.",
            next_step="Ask for a smaller share, or stop another experiment of the layer.",
        )
    return Span(first, size)


def arm_of(user_id: str, salt: str, weights: Sequence[float]) -> int:
    """Return the arm of a user, by weights in any unit."""
    reach = list(accumulate(weights))
    place = (slot(user_id, salt) + 0.5) / SLOTS * reach[-1]
    return next((arm for arm, end in enumerate(reach) if place < end), len(reach) - 1)
