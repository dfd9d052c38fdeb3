"""Many features at once: of those that are said to drift, only so many do not."""

import numpy as np
from numpy.typing import NDArray


def adjusted(p_values: NDArray[np.float64], *, any_dependence: bool) -> NDArray[np.float64]:
    """Return float64[features]: the false-discovery rate at which each would still be said to drift.

    Args:
        p_values: One for each feature.
        any_dependence: By Benjamini and Yekutieli (2001), whatever the features have to do with each other; otherwise
            by Benjamini and Hochberg (1995), who need that they do not go against each other.
    """
    many = p_values.size
    if not many:
        return p_values
    order = np.argsort(-p_values, kind="stable")
    factor = float((1 / np.arange(1, many + 1)).sum()) if any_dependence else 1.0
    ranks = np.arange(many, 0, -1)
    rates = np.empty(many)
    rates[order] = np.minimum(np.minimum.accumulate(p_values[order] * many * factor / ranks), 1.0)
    return rates
