"""How long people take to answer, and what of an answer that is young is still to come.

A like that has not come yet is not a dislike (Chapelle, *Modeling delayed feedback in display advertising*, KDD 2014).
Of a young answer only the quick likes are known: delays are truncated on the right by the answer's age. The estimate
that takes this into account is the product-limit estimate with time reversed (Lagakos, Barraj and De Gruttola,
*Nonparametric analysis of truncated survival data*, Biometrika 1988): of those that came within a delay of answers that
are at least as old, the share that came in its last moment.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Early:
    """What young and old answers together say of the share of answers with a success.

    Attributes:
        hit_ratio: The share, with what is still to come of the young ones counted.
        complete: The part of all successes that is in by now, on average over the answers.
        arrived: By tenths of the horizon, which part of the successes has come; ends at 1.
    """

    hit_ratio: float
    complete: float
    arrived: tuple[float, ...]


class Delays:
    """Counts delays and ages, page by page, in so many equal parts of the horizon.

    Args:
        horizon_seconds: When an answer is final.
        bins: How many parts.
    """

    def __init__(self, horizon_seconds: float, bins: int = 100) -> None:
        self._width = horizon_seconds / bins
        self._bins = bins
        # By the part in which a success came, and the number of whole parts that its answer is old.
        self._came = np.zeros((bins, bins + 1))
        self._answers = np.zeros(bins + 1)

    def add(self, ages_seconds: pl.Series, delays_seconds: pl.Series) -> None:
        """Count answers.

        Args:
            ages_seconds: How old each is.
            delays_seconds: When its first success came; null where none has.
        """
        ages = np.clip(ages_seconds.to_numpy() // self._width, 0, self._bins).astype(np.int64)
        np.add.at(self._answers, ages, 1)
        came = delays_seconds.is_not_null().to_numpy()
        parts = np.clip(delays_seconds.drop_nulls().to_numpy() // self._width, 0, self._bins - 1).astype(np.int64)
        # What came in the part that is not over is left: others like it have not come yet.
        whole = parts < ages[came]
        np.add.at(self._came, (parts[whole], ages[came][whole]), 1)

    @property
    def answers(self) -> int:
        """How many answers were counted."""
        return int(self._answers.sum())

    def arrived(self) -> Shares | None:
        """Return float64[bins + 1]: of the successes, the share that comes within so many parts.

        ``None`` where no success of a final answer is known: how many come late nobody can say then.
        """
        if not self._came[:, self._bins].any():
            return None
        shares = np.ones(self._bins + 1)
        for part in range(self._bins - 1, -1, -1):
            old_enough = self._came[: part + 1, part + 1 :]
            at_risk, last = old_enough.sum(), old_enough[part].sum()
            shares[part] = shares[part + 1] * (1 - last / at_risk) if at_risk else shares[part + 1]
        return shares

    def early(self) -> Early | None:
        """Return what all answers say, young ones weighed by what of them is in; ``None`` as in :meth:`arrived`."""
        shares = self.arrived()
        if shares is None:
            return None
        expected = float(self._answers @ shares)
        tenths = tuple(float(shares[round(self._bins * tenth / 10)]) for tenth in range(11))
        return Early(float(self._came.sum()) / expected, expected / self.answers, tenths)
