"""Whether a difference between two models could be chance: the paired permutation test, and many of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.evaluation.config import EvaluationConfig

_BLOCK_SIGNS: Final = 1 << 22
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class PairedTest:
    """A difference of two models, tested.

    Attributes:
        p_value: How often chance alone makes a difference this large, to either side.
        corrected: The same after Holm's correction for all the comparisons that were made beside it.
    """

    p_value: float
    corrected: float

    def certain(self, level: float) -> bool:
        """Whether the corrected value is below one minus the level."""
        return self.corrected < 1.0 - level


def paired_tests(differences: Sequence[NDArray[np.float64]], config: EvaluationConfig) -> list[PairedTest]:
    """Test several models against one other, on the same users.

    If two models were equally good, each user's difference could as well have the other sign. The signs are drawn anew
    ``config.permutations`` times, and ``p = (1 + how often |sum| is at least as large) / (1 + permutations)``, which is
    never 0 (Phipson and Smyth, *Permutation p-values should never be zero*, 2010). Smucker et al., *A comparison of
    statistical significance tests for information retrieval evaluation* (CIKM 2007), compare the test with others. All
    comparisons are made with the same draws.

    Args:
        differences: float64[m] each; one model's values minus the other's.
        config: How many permutations, and their seed.
    """
    if not differences:
        return []
    values = np.stack(differences)
    p_values = _permuted(values, config.permutations, config.seed)
    return [PairedTest(float(p), float(c)) for p, c in zip(p_values, holm(p_values), strict=True)]


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values that are right for the family: the smallest times n, the next times n - 1, never falling.

    Whichever of the differences are chance, the probability that any of those is called certain is at most the level
    that the corrected values are held against (Holm, *Scandinavian Journal of Statistics* 1979).

    Args:
        p_values: float64[n].
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(p_values.size, 0, -1)
    corrected = np.empty(p_values.size)
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return corrected


def _permuted(values: NDArray[np.float64], permutations: int, seed: int) -> NDArray[np.float64]:
    users = values.shape[1]
    generator = np.random.default_rng(seed)
    observed = np.abs(values.sum(axis=1))
    # Sums that are equal on paper differ in their last digits; they count as equal.
    least = observed - _ROUNDING * np.abs(values).sum(axis=1)
    beyond = np.zeros(values.shape[0], dtype=np.int64)
    block = max(1, _BLOCK_SIGNS // users)
    for start in range(0, permutations, block):
        many = min(block, permutations - start)
        flipped = generator.integers(0, 2, size=(many, users), dtype=np.int8)
        # The sum with signs drawn anew: all of it minus twice what is turned round.
        sums = values.sum(axis=1) - 2.0 * (flipped.astype(np.float64) @ values.T)
        beyond += np.count_nonzero(np.abs(sums) >= least, axis=0)
    return np.asarray((1.0 + beyond) / (1.0 + permutations), dtype=np.float64)
