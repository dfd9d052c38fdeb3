"""The k largest of some values, in an order that never depends on chance."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_FEW: Final = 256
"""So few are sorted sooner than told apart."""


def strongest(values: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the positions of the ``k`` largest values (fewer where there are fewer), largest first.

    Equal values come in the order of their positions, also where the k-th is one of several equals.
    """
    if len(values) <= _FEW:
        return np.argsort(-values, kind="stable")[:k]
    if len(values) > k:
        threshold = np.partition(values, len(values) - k)[len(values) - k]
        above = np.flatnonzero(values > threshold)
        level = np.flatnonzero(values == threshold)[: k - len(above)]
        chosen = np.sort(np.concatenate((above, level)))
    else:
        chosen = np.arange(len(values))
    return chosen[np.argsort(-values[chosen], kind="stable")]
