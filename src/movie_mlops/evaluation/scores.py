"""What one model achieved on one case, user by user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from movie_mlops.evaluation.config import EvaluationConfig
from movie_mlops.evaluation.errors import NotComparableError
from movie_mlops.evaluation.intervals import Interval, bootstrap_means


@dataclass(frozen=True)
class Scores:
    """What one model achieved on one case.

    Attributes:
        model: Name of the model.
        case: Name of the case.
        user_ids: The m judged users, in the case's order.
        per_user: float64[m] for each per-user metric, named ``ndcg@10`` and the like.
        lists: One value for each metric of all the lists together: ``coverage@10``, ``novelty@10``, ``gini@10``,
            ``popularity_lift@10``, and with the films' facts ``diversity@10`` and ``miscalibration@10``.
        history_sizes: int64[m]; how many films the model was shown of each user.
        config: What was measured and how.
        slices: float64[m] for each slice of the films, such as ``genre: Western``: the sliced metric with nothing but
            the films of the slice to be found; NaN for a user who has none of them to find.
        miscalibration: float64[m]; how far the genres of each list are from those of the history; NaN where there are
            none. ``None`` where the films' facts were not given.
    """

    model: str
    case: str
    user_ids: list[str]
    per_user: Mapping[str, NDArray[np.float64]]
    lists: Mapping[str, float]
    history_sizes: NDArray[np.int64]
    config: EvaluationConfig
    slices: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    miscalibration: NDArray[np.float64] | None = None

    def values(self, metric: str) -> NDArray[np.float64]:
        """Return float64[m] of one per-user metric.

        Raises:
            NotComparableError: The metric was not measured.
        """
        if metric not in self.per_user:
            raise NotComparableError(
                f"{metric!r} was not measured for {self.model!r}; measured were {', '.join(self.per_user)}.",
                next_step="Ask for one of these, or evaluate with another cut-off.",
            )
        return self.per_user[metric]

    def mean(self, metric: str) -> float:
        """Return the mean over users of one per-user metric."""
        return float(self.values(metric).mean())

    def summary(self) -> dict[str, Interval]:
        """Return the mean over users of each per-user metric with its bootstrap interval."""
        intervals = bootstrap_means(np.stack(list(self.per_user.values())), self.config)
        return dict(zip(self.per_user, intervals, strict=True))


@dataclass(frozen=True)
class WinsTiesLosses:
    """On how many users one model did better than, as well as, and worse than another."""

    wins: int
    ties: int
    losses: int


def compare(a: Scores, b: Scores, metric: str = "ndcg@10") -> Interval:
    """Return the mean of ``a - b`` over the users with its paired bootstrap interval (percentile, seeded by ``a``).

    Raises:
        NotComparableError: The two were not measured on the same users, or not with this metric.
    """
    return bootstrap_means(differences(a, b, metric)[None, :], a.config)[0]


def wins_ties_losses(a: Scores, b: Scores, metric: str = "ndcg@10") -> WinsTiesLosses:
    """Return on how many users ``a`` did better than, as well as, and worse than ``b``.

    Raises:
        NotComparableError: The two were not measured on the same users, or not with this metric.
    """
    found = differences(a, b, metric)
    return WinsTiesLosses(
        wins=int((found > 0).sum()),
        ties=int((found == 0).sum()),
        losses=int((found < 0).sum()),
    )


def differences(a: Scores, b: Scores, metric: str) -> NDArray[np.float64]:
    """Return float64[m]: ``a - b`` of each user.

    Raises:
        NotComparableError: The two were not measured on the same users, or not with this metric.
    """
    if a.user_ids != b.user_ids or a.case != b.case:
        raise NotComparableError(
            f"{a.model!r} (case {a.case!r}, {len(a.user_ids):,} users) and {b.model!r} (case {b.case!r},"
            f" {len(b.user_ids):,} users) were not measured on the same users.",
            next_step="Evaluate both on one case.",
        )
    return a.values(metric) - b.values(metric)


def pool(folds: Sequence[Scores], case: str) -> Scores:
    """Join one model's results on several folds into one, named ``case``.

    A user who was judged in several folds counts once, with the mean of their values: folds of one user are not
    independent, and an interval that took them so would be too narrow. List metrics are the mean over the folds.

    Raises:
        NotComparableError: There is nothing to join, or the results are of several models.
    """
    if not folds or len({scores.model for scores in folds}) != 1:
        raise NotComparableError(
            f"Only results of one model can be joined, not of {sorted({scores.model for scores in folds})}.",
            next_step="Join the folds of each model by itself.",
        )
    first = folds[0]
    names = np.concatenate([np.asarray(scores.user_ids, dtype=np.str_) for scores in folds])
    users, place, times = np.unique(names, return_inverse=True, return_counts=True)

    def by_user(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.bincount(place, weights=np.concatenate(parts), minlength=users.size) / times

    def by_user_where_known(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        values = np.concatenate(parts)
        known = np.isfinite(values)
        counts = np.bincount(place[known], minlength=users.size)
        sums = np.bincount(place[known], weights=values[known], minlength=users.size)
        return np.asarray(np.divide(sums, counts, out=np.full(users.size, np.nan), where=counts > 0), dtype=np.float64)

    calibrations = [scores.miscalibration for scores in folds if scores.miscalibration is not None]

    return Scores(
        model=first.model,
        case=case,
        user_ids=[str(user) for user in users],
        per_user={metric: by_user([scores.values(metric) for scores in folds]) for metric in first.per_user},
        lists={
            metric: float(np.mean([scores.lists[metric] for scores in folds]))
            for metric in first.lists
            if all(metric in scores.lists for scores in folds)
        },
        history_sizes=np.rint(by_user([s.history_sizes.astype(np.float64) for s in folds])).astype(np.int64),
        config=first.config,
        slices={name: by_user_where_known([scores.slices[name] for scores in folds]) for name in _in_all(folds)},
        miscalibration=by_user_where_known(calibrations) if len(calibrations) == len(folds) else None,
    )


def _in_all(folds: Sequence[Scores]) -> list[str]:
    return [name for name in folds[0].slices if all(name in scores.slices for scores in folds)]
