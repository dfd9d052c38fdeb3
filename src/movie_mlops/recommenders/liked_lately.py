"""What is popular lately, where many come and where few do."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_SECONDS_PER_DAY: Final = 86_400


def lately_since(times: NDArray[np.int64], *, days: float, least: int, now: int) -> int:
    """Return after which moment a like is a late one.

    The window has so many days; where fewer likes than the least are in it, it goes as far back as the newest likes do
    that make them up.

    Args:
        times: When films were liked, in Unix seconds, in any order; -1 where unknown, which is never late.
        days: How many days.
        least: So many likes the window holds where there are so many; those of one moment are in it or out of it
            together.
        now: Unix seconds at which the window ends.

    Returns:
        Unix seconds: what came after it is late. It is -1 at least, so that an unknown time never is.
    """
    since = int(now - days * _SECONDS_PER_DAY)
    known = times[times >= 0]
    if least and np.count_nonzero(known > since) < least:
        earliest = known.min() if known.size <= least else np.partition(known, -least)[-least]
        since = min(since, int(earliest) - 1) if known.size else since
    return max(-1, since)
