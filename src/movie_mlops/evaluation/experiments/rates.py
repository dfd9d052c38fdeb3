"""Rates that may be looked at after every single answer: exact, however few there are and however often one looks.

For a rate ``p`` and ``k`` of ``n`` the ratio

``M(p) = B(a + k, b + n - k) / B(a, b) / (p^k (1 - p)^(n - k))``

of a mixture of all rates to ``p`` itself is a martingale that begins at 1 where ``p`` is the true rate. So it exceeds
``1 / alpha`` at any time whatever with probability ``alpha`` at most (Ville), and the rates for which it does not are
an interval that holds the truth at all times together. It depends on the counts alone, not on when somebody looked:
two servers, or one that was started again, say the same of the same counts.

References:
    H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical Statistics
    1970. S. R. Howard et al., "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics
    2021 (the beta-binomial mixture). The mixture's beta is that of R. Krichevsky and V. Trofimov, "The performance of
    universal encoding", IEEE Transactions on Information Theory 1981: it loses little at any rate, also at tiny ones.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, xlog1py, xlogy

Floats = NDArray[np.float64]

_HALF: Final = 0.5
_HALVINGS: Final = 40
"""To a trillionth."""


def rate_interval(successes: ArrayLike, trials: ArrayLike, alpha: float) -> tuple[Floats, Floats]:
    """Return the interval of each rate; at all times together it misses the truth with probability ``alpha`` at most.

    Args:
        successes: Counts, of any shape.
        trials: Of how many, of the same shape; nothing is known of a rate without any.
        alpha: How often an interval may ever miss.

    Returns:
        The lower and the upper ends.
    """
    k, n = (np.asarray(values, np.float64) for values in np.broadcast_arrays(successes, trials))
    mixture = betaln(_HALF + k, _HALF + n - k) - betaln(_HALF, _HALF)
    most = mixture + np.log(alpha)

    def excluded(rate: Floats) -> NDArray[np.bool_]:
        outside: NDArray[np.bool_] = most >= xlogy(k, rate) + xlog1py(n - k, -rate)
        return outside

    middle = np.divide(k, n, out=np.full(k.shape, _HALF), where=n > 0)
    # Between each end, where a rate is excluded if anywhere, and the middle, where none is.
    ends = np.stack([np.zeros(k.shape), np.ones(k.shape)])
    far, near = ends, np.stack([middle, middle])
    open_ends = ~excluded(ends)
    for _ in range(_HALVINGS):
        between = (far + near) / 2
        outside = excluded(between)
        far, near = np.where(outside, between, far), np.where(outside, near, between)
    low, high = np.where(open_ends, ends, far)
    return low, high


def rate_difference(
    successes: tuple[ArrayLike, ArrayLike], trials: tuple[ArrayLike, ArrayLike], alpha: float
) -> tuple[Floats, Floats]:
    """Return the interval of the first rate minus the second, for all numbers of trials of both together.

    Args:
        successes: Of the first and of the second.
        trials: Of how many each.
        alpha: How often an interval may ever miss; each rate has half of it.
    """
    counts = np.stack(np.broadcast_arrays(*successes, *trials))
    (low, other_low), (high, other_high) = rate_interval(counts[:2], counts[2:], alpha / 2)
    return low - other_high, high - other_low
