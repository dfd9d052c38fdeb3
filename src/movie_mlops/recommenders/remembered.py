"""What members of blends have said, kept: blends that differ in nothing but weights need not ask the members again."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from movie_mlops.recommenders.inputs import Csr

Answer = NDArray[np.float32]


class Remembered:
    """Scores by who gave them to which histories; where there are too many, those that nobody asked for longest go.

    It is of recommenders of one training alone: two that have the same name and parameters are the same to it.

    Args:
        most_bytes: So much it holds at most.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, bytes], Answer] = OrderedDict()

    def answers(self, who: str, histories: bytes, ask: Callable[[], Answer]) -> Answer:
        """Return what somebody says of some histories, and ask for it where that is not known.

        Args:
            who: Name and parameters of a recommender.
            histories: As `digest_of` has them.
            ask: Gives the answer.
        """
        key = (who, histories)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        answer = ask()
        if answer.nbytes <= self._most_bytes:
            self._kept[key] = answer
            self._bytes += answer.nbytes
        while self._bytes > self._most_bytes:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return answer


def digest_of(histories: Csr, times: NDArray[np.int64] | None) -> bytes:
    """Return what stands for these histories: of two that differ in anything, another one."""
    made = blake2b(repr((histories.shape, times is None)).encode())
    for array in (histories.indptr, histories.indices, histories.data, *(() if times is None else (times,))):
        made.update(np.ascontiguousarray(array).data)
    return made.digest()
