"""What another policy would have been worth, told from the log of the one that served.

The log holds lists that were drawn by chance, the probability of every choice, and what came of each place of a list.
Lists that the other policy would rather have shown count more, lists that it would hardly have shown count less; three
estimators differ in how they use these weights. Below, at place j of a list, ``r`` is the reward, ``p`` the logged
probability of the film given the films above it, and ``q`` the probability that the other policy, with the same films
above, would have chosen it. The estimand is the mean over requests of the rewards of a whole list:

``V = E[ sum_j r_j ]`` with lists drawn by the other policy.

What a reward depends on decides the weight (:class:`Reach`):

- ``list``: on the whole list. ``w_j = prod_i q_i / p_i`` over all places. Unbiased for V without any assumption, and
  soon of no use: the weights grow with every place.
- ``prefix``: on the film at its place and those above it (somebody reads from the top and never looks back).
  ``w_j = prod_{i<=j} q_i / p_i``; unbiased for V where this holds.
- ``place``: on the film and the place alone. ``w_j = q_j / p_j``. What it is unbiased for is V with *one place at a
  time* filled by the other policy below what was logged above it; where the policies choose places independently of
  one another that is V itself, else it comes near it.

References:
    D. G. Horvitz, D. J. Thompson, "A Generalization of Sampling Without Replacement From a Finite Universe", JASA 1952
    (IPS). A. Swaminathan, T. Joachims, "The Self-Normalized Estimator for Counterfactual Learning", NeurIPS 2015
    (SNIPS). N. Jiang, L. Li, "Doubly Robust Off-policy Value Evaluation for Reinforcement Learning", ICML 2016 (DR
    over several steps). J. McInerney et al., "Counterfactual Evaluation of Slate Recommendations with Sequential
    Reward Interactions", KDD 2020 (prefix weights). P. Hall, "On the Removal of Skewness by Transformation", JRSS B
    1992 (intervals). A. B. Owen, "Monte Carlo theory, methods and examples", 2013,
    chapter 9 (effective sample size).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from movie_mlops.evaluation.errors import SampleTooSmallError
from movie_mlops.evaluation.intervals import Interval
from movie_mlops.evaluation.logged_lists import Floats, LoggedLists, unusable

_SMALLEST: Final = 1e-9
_FAR: Final = 2.0
"""A mean weight beyond this, or below one over it, is refused."""
_ALARM: Final = 0.999
"""Level of the interval of the mean weight: its warning should hardly ever be false."""


class Reach(StrEnum):
    """What the reward of a place depends on."""

    PLACE = "place"
    PREFIX = "prefix"
    LIST = "list"


class Method(StrEnum):
    """How the weights are used.

    ``ips``: the mean of the weighted rewards. ``snips``: the same over the mean of the weights, place by place; a
    little biased, and steadier. ``dr``: a model's prediction, corrected by the weighted rewards that it did not
    foresee; unbiased whatever the model predicts, and the steadier the better it does.
    """

    IPS = "ips"
    SNIPS = "snips"
    DR = "dr"


@dataclass(frozen=True)
class OffPolicyConfig:
    """How an estimate is taken.

    Attributes:
        reach: What the reward of a place depends on.
        clip: Weights above this are cut to it, which steadies the estimate and lets it fall short of the truth for
            rewards that are never below zero; ``None`` leaves them.
        level: How often the interval holds the truth.
        least_effective: An effective sample size below this is refused: the interval could not be believed.
        few_effective: One below this is warned about.
        most_outside: Refused is a policy that gives more than this share of a place to films that the log's policy
            could never show.
    """

    reach: Reach = Reach.PLACE
    clip: float | None = None
    level: float = 0.95
    least_effective: float = 30.0
    few_effective: float = 300.0
    most_outside: float = 0.01


@dataclass(frozen=True)
class Estimate:
    """What a policy would have been worth.

    Attributes:
        method: How it was taken.
        reach: What rewards were taken to depend on.
        value: Mean reward of a list under the policy that was asked about, with its interval.
        gain: The same minus the mean reward of the logged lists, with its interval.
        requests: How many lists there were.
        effective: Effective sample size: so many lists drawn by the policy itself would be as sure; of the places the
            one with the least.
        mean_weight: Mean weight of all places together, with its 99.9 % interval: 1, or the propensities are wrong.
        heaviest: The greatest part that one list has in the weights of a place.
        clipped: The share of the weights that clipping cut off; 0 without.
        warnings: What a reader should know before believing the value.
    """

    method: Method
    reach: Reach
    value: Interval
    gain: Interval
    requests: int
    effective: float
    mean_weight: Interval
    heaviest: float
    clipped: float
    warnings: tuple[str, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        spans = {name: _span(getattr(self, name)) for name in ("value", "gain", "mean_weight")}
        plain = {name: getattr(self, name) for name in ("requests", "effective", "heaviest", "clipped")}
        return {
            "method": self.method.value, "reach": self.reach.value, **spans, **plain, "warnings": list(self.warnings)
        }  # fmt: skip


def _span(interval: Interval) -> Mapping[str, float]:
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}


def estimate(log: LoggedLists, method: Method, config: OffPolicyConfig | None = None) -> Estimate:
    """Return what the policy that is asked about would have been worth.

    Args:
        log: Lists, rewards and probabilities.
        method: How to take it.
        config: What rewards depend on, clipping, and what is refused.

    Raises:
        SampleTooSmallError: So few of the logged lists are like the policy's own that nothing can be said.
        PropensitiesUnusableError: The policy shows films that the log's never could, or ``dr`` has no predictions.
    """
    config = config or OffPolicyConfig()
    weights, before, shown = _weights(log, config.reach)
    raw = weights
    if config.clip is not None:
        weights, before = np.minimum(weights, config.clip), np.minimum(before, config.clip)
    effective, heaviest = _concentration(weights, shown)
    ratio = _sums(raw, shown) / max(shown.sum() / log.requests, _SMALLEST)
    mean_weight = _interval(float(ratio.mean()), ratio - ratio.mean(), log.users, _ALARM)
    _check_sample(log, shown, effective, mean_weight, config)
    if method is Method.SNIPS:
        value, influence = _self_normalised(log, weights, shown)
    else:
        per_list = _per_list(log, method, weights, before, shown)
        value, influence = float(per_list.mean()), per_list - per_list.mean()
    logged = _sums(log.rewards, shown)
    total = float(raw[shown].sum())
    return Estimate(
        method=method,
        reach=config.reach,
        value=_interval(value, influence, log.users, config.level),
        gain=_interval(value - float(logged.mean()), influence - (logged - logged.mean()), log.users, config.level),
        requests=log.requests,
        effective=effective,
        mean_weight=mean_weight,
        heaviest=heaviest,
        clipped=0.0 if total == 0 else 1 - float(weights[shown].sum()) / total,
        warnings=_warnings(effective, mean_weight, config),
    )


def _weights(log: LoggedLists, reach: Reach) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the weight of each place, that of what stands above it, and which places count."""
    shown = np.ones(log.rewards.shape, np.bool_) if log.filled is None else log.filled
    ratio = np.divide(log.target, log.logged, out=np.ones(log.rewards.shape), where=shown)
    if reach is Reach.PLACE:
        return ratio, np.ones(ratio.shape), shown
    grown = np.cumprod(ratio, axis=1).astype(np.float64)
    before = np.concatenate([np.ones((len(grown), 1)), grown[:, :-1]], axis=1)
    if reach is Reach.LIST:
        return np.repeat(grown[:, -1:], grown.shape[1], axis=1), before, shown
    return grown, before, shown


def _per_list(log: LoggedLists, method: Method, weights: Floats, before: Floats, shown: NDArray[np.bool_]) -> Floats:
    """Return float64[n], whose mean is the estimate: of IPS the weighted rewards, of DR also what was predicted."""
    if method is Method.IPS:
        return _sums(weights * log.rewards, shown)
    if log.predicted is None or log.expected is None:
        raise unusable(
            "The doubly robust estimate needs predicted rewards, and the log has none.",
            "Give 'predicted' and 'expected', or ask for ips or snips.",
        )
    corrected = before * log.expected + weights * (log.rewards - log.predicted)
    return _sums(corrected, shown)


def _sums(values: Floats, shown: NDArray[np.bool_]) -> Floats:
    """Return float64[n]: the sum of each list's places that have a film."""
    sums: Floats = np.where(shown, values, 0.0).sum(axis=1)
    return sums


def _self_normalised(log: LoggedLists, weights: Floats, shown: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Return the estimate and float64[n], how much each list moves it (the delta method's terms)."""
    weights = np.where(shown, weights, 0.0)
    rewards = np.where(shown, log.rewards, 0.0)
    mass = np.maximum(weights.mean(axis=0), _SMALLEST)
    # The value is that of a request, not of a full list: a place counts as often as lists reach it.
    shares = shown.mean(axis=0)
    means = (weights * rewards).mean(axis=0) / mass
    terms = shares * weights * (rewards - means) / mass + (shown - shares) * means
    return float((shares * means).sum()), terms.sum(axis=1)


def _concentration(weights: Floats, shown: NDArray[np.bool_]) -> tuple[float, float]:
    """Return Kish's effective sample size, and the greatest part of one list; of the places the worst."""
    weights = np.where(shown, weights, 0.0)[:, shown.any(axis=0)]
    if not weights.size:
        return 0.0, 0.0
    total, squares = weights.sum(axis=0), (weights**2).sum(axis=0)
    sizes = np.divide(total**2, squares, out=np.zeros(total.shape), where=squares > 0)
    parts = np.divide(weights.max(axis=0), total, out=np.ones(total.shape), where=total > 0)
    return float(sizes.min()), float(parts.max())


def _interval(value: float, influence: Floats, users: NDArray[np.int64] | None, level: float) -> Interval:
    """Return the interval of a mean whose terms around it are ``influence``, summed by user where they are known."""
    count = len(influence)
    sums = influence
    if users is not None:
        _, place = np.unique(users, return_inverse=True)
        sums = np.bincount(place, weights=influence).astype(np.float64)
    groups = len(sums)
    if groups < 2:  # noqa: PLR2004 - one has no spread
        raise SampleTooSmallError(
            "The log holds the lists of one person only.", next_step="Log the lists of more people."
        )
    spread = float(np.sqrt(groups / (groups - 1) * (sums**2).sum())) / count
    if spread == 0:
        return Interval(value, value, value)
    # Few lists weigh a lot: the terms are skewed, and a symmetric interval would miss on one side (Hall).
    skewness = float((sums**3).mean() / (sums**2).mean() ** 1.5)
    reach = float(stdtrit(groups - 1, (1 + level) / 2))
    low, high = (value - spread * _unskewed(sign * reach, skewness, groups) for sign in (1, -1))
    return Interval(value, low, high)


def _unskewed(quantile: float, skewness: float, groups: int) -> float:
    """Return where a quantile of the t distribution lies when the terms have this skewness (Hall's transformation)."""
    relative = skewness / np.sqrt(groups)
    if abs(relative) < _SMALLEST:
        return quantile
    return float(3 / relative * (np.cbrt(1 + relative * (quantile - relative / 6)) - 1))


def _check_sample(
    log: LoggedLists, shown: NDArray[np.bool_], effective: float, mean_weight: Interval, config: OffPolicyConfig
) -> None:
    if log.outside is not None and shown.any() and (outside := float(log.outside[shown].mean())) > config.most_outside:
        raise unusable(
            f"The policy gives {outside:.1%} of its places to films that the log's policy could never show.",
            "Log with more exploration or a larger pool, or ask about a policy that is nearer to the logged one.",
        )
    # The lists that would weigh the most may be missing altogether: then the others look evenly weighed.
    far = not 1 / _FAR <= mean_weight.estimate <= _FAR and not _holds_one(mean_weight)
    if far or effective < config.least_effective:
        why = f"the mean weight is {mean_weight.estimate:.3f} and should be 1" if far else "that is too few"
        raise SampleTooSmallError(
            f"The effective sample size is {effective:.1f} of {log.requests:,} lists, and {why}: the log holds next to "
            "nothing of what the policy would have shown, or its probabilities are wrong.",
            next_step=f"Log more lists or with more exploration, assume less than the reach '{config.reach}', "
            "or clip the weights.",
        )


def _holds_one(mean_weight: Interval) -> bool:
    return mean_weight.low <= 1 <= mean_weight.high


def _warnings(effective: float, mean_weight: Interval, config: OffPolicyConfig) -> tuple[str, ...]:
    found = []
    if effective < config.few_effective:
        found.append(f"The effective sample size is only {effective:.0f}: take the interval for a rough one.")
    if not _holds_one(mean_weight):
        found.append(
            f"The mean weight is {mean_weight.estimate:.3f} ({mean_weight.low:.3f} to {mean_weight.high:.3f}), and "
            "should be 1: the logged probabilities are not those by which the films were chosen, or the policy shows "
            "what the log's could not."
        )
    if config.clip is not None:
        found.append("Weights were clipped: for rewards that are never below zero the value is too low, if anything.")
    return tuple(found)
