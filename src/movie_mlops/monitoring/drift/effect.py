"""How far two spreads over cells are apart, how sure that is, and how surprising where it is not more than matters.

The effect is ``sum (p - q)^2 / ((p + q) / 2)`` over the cells: the population stability index to second order, between
0 and 4, and 0.1 is about a third of a standard deviation (Cohen 1988 calls its root 0.3 medium). Its estimate is
compared with what users who scatter as these do would give by chance: Rao and Scott's (1984) second-order correction,
two moments of a quadratic form. So the p-value is that of the hypothesis that the effect is *no larger than what
matters* (Hodges and Lehmann 1954; Murphy and Myors 1999): a million rows make nothing of importance no alarm. The
interval inverts the same test (Steiger 2004).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.monitoring.drift.tally import Tally

FEW: Final = 5.0
"""Cells of which fewer units are expected on either side are put together."""

MOST_EFFECT: Final = 4.0
"""The effect where no cell has rows on both sides."""


@dataclass(frozen=True)
class Effect:
    """How far two windows are apart.

    Attributes:
        value: The effect, less what chance alone adds; at least 0.
        scale: By this the quadratic form is larger than a chi-square.
        freedom: That chi-square's degrees of freedom.
        form: The quadratic form as it came out.
    """

    value: float
    scale: float
    freedom: float
    form: float

    def p_value(self, smallest: float) -> float:
        """Return how probable it is to find so much or more where the effect is no larger than ``smallest``."""
        from scipy.special import chdtrc, chndtr  # noqa: PLC0415 (heavy)

        if smallest <= 0:
            return float(chdtrc(self.freedom, self.form / self.scale))
        below = float(chndtr(self.form / self.scale, self.freedom, smallest / self.scale))
        # Where the numbers leave what can be computed, the form lies far below or far above what was asked about.
        return float(self.form < smallest) if not np.isfinite(below) else min(max(1.0 - below, 0.0), 1.0)

    def interval(self, rate: float) -> tuple[float, float]:
        """Return the interval that misses the true effect with this probability, half of it on either side."""
        return self._bound(1 - rate / 2), self._bound(rate / 2)

    def _bound(self, share: float) -> float:
        """Return the effect under which so much or less is found with probability ``share``."""
        low, high = 0.0, MOST_EFFECT
        if 1 - self.p_value(0.0) <= share:
            return 0.0
        # Halving 40 times: to the twelfth decimal.
        for _ in range(40):
            middle = (low + high) / 2
            if 1 - self.p_value(middle) > share:
                low = middle
            else:
                high = middle
        return (low + high) / 2


def groups_of(reference: Tally, live: Tally, *, ordered: bool) -> NDArray[np.int64]:
    """Return which cells are put together, so that enough is expected in each.

    Args:
        reference: The one side.
        live: The other.
        ordered: Whether neighbours belong together, as with numbers; of names all rare ones do, with the last cell,
            which has those that the reference does not tell apart. Which are rare depends on both sides alike: where
            nothing has changed, it leans to neither.
    """
    share = (reference.sums + live.sums) / max(reference.units + live.units, 1)
    expected = share * min(reference.units, live.units)
    if not ordered:
        rare = expected < FEW
        rare[-1] = True
        groups = np.zeros(share.size, np.int64)
        groups[~rare] = np.arange(1, int((~rare).sum()) + 1)
        # The rare ones together may still be too few: they go to the rarest that is not.
        if not rare.all() and expected[rare].sum() < FEW:
            rarest = int(np.flatnonzero(~rare)[np.argmin(expected[~rare])])
            groups[rare] = groups[rarest]
            groups = np.unique(groups, return_inverse=True)[1].astype(np.int64)
        return groups
    groups, inside, group = np.zeros(share.size, np.int64), 0.0, 0
    for cell in range(share.size):
        if inside >= FEW:
            group, inside = group + 1, 0.0
        groups[cell] = group
        inside += expected[cell]
    if inside < FEW and group:
        groups[groups == group] = group - 1
    return groups


def effect_of(reference: Tally, live: Tally) -> Effect | None:
    """Return how far two tallies of the same cells are apart; ``None`` where there are no two cells to compare."""
    p, q = reference.shares, live.shares
    met = p + q > 0
    if met.sum() <= 1:
        return None
    p, q = p[met], q[met]
    weight = 2 / (p + q)
    chance = (reference.scatter / reference.units + live.scatter / live.units)[np.ix_(met, met)]
    spread = chance * weight[:, None]
    first, second = float(np.trace(spread)), float((spread * spread.T).sum())
    form = float(((p - q) ** 2 * weight).sum())
    if first <= 0 or second <= 0:
        # Every user votes alike on each side: there is nothing by chance.
        first = second = np.finfo(float).tiny
        return Effect(form, 1e-12, 1.0, form)
    return Effect(max(form - first, 0.0), second / first, first * first / second, form)
