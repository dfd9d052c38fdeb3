"""Several models on one case, side by side: what the command line prints, the report shows and programs read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from movie_mlops.evaluation.errors import NotComparableError
from movie_mlops.evaluation.intervals import Interval
from movie_mlops.evaluation.scores import Scores, WinsTiesLosses, compare, differences, wins_ties_losses
from movie_mlops.evaluation.significance import PairedTest, paired_tests


@dataclass(frozen=True)
class Standing:
    """One model's row.

    Attributes:
        model: Its name.
        metrics: Mean and interval of each per-user metric.
        lists: Value of each metric of all lists together.
        difference: Model minus baseline on the leading metric; ``None`` for the baseline itself.
        users: On how many users it does better than, as well as, and worse than the baseline; ``None`` likewise.
        against_baseline: Whether that difference could be chance, corrected for all models; ``None`` likewise.
        behind_best: Best minus model on the leading metric; ``None`` for the best itself.
        against_best: Whether that difference could be chance, corrected for all models; ``None`` likewise.
    """

    model: str
    metrics: dict[str, Interval]
    lists: dict[str, float]
    difference: Interval | None
    users: WinsTiesLosses | None
    against_baseline: PairedTest | None = None
    behind_best: Interval | None = None
    against_best: PairedTest | None = None


@dataclass(frozen=True)
class Leaderboard:
    """Several models on one case, the best first.

    Attributes:
        case: Name of the case.
        metric: The leading metric, which orders the models.
        baseline: The model that the others are compared with.
        level: Share of the bootstrap samples that the intervals hold.
        judged: Number of users.
        standings: The rows.
    """

    case: str
    metric: str
    baseline: str
    level: float
    judged: int
    standings: tuple[Standing, ...]

    @property
    def best(self) -> Standing:
        """The model with the highest mean."""
        return self.standings[0]

    @property
    def verdict(self) -> str:
        """One sentence: whether the best model is better than the baseline, and how sure that is."""
        if self.best.difference is None:
            return f"No model does better than the baseline {self.baseline} on {metric_label(self.metric)}."
        return self.verdict_of(self.best.model)

    def verdict_of(self, model: str) -> str:
        """Return the same of another model than the baseline, the best one or not."""
        (standing,) = (one for one in self.standings if one.model == model)
        gap, measure = standing.difference, metric_label(self.metric)
        assert gap is not None
        found = f"{gap.estimate:+.4f} {measure}, {self.level:.0%} interval {gap.low:+.4f} to {gap.high:+.4f}"
        if gap.above_zero:
            return f"{model} is better than {self.baseline} ({found})."
        if gap.below_zero:
            return f"{model} is worse than {self.baseline} ({found})."
        return f"That {model} is better than {self.baseline} is not certain ({found})."

    def to_json(self) -> dict[str, Any]:
        """Return the whole board as plain data, ready for JSON."""
        plain = asdict(self)
        return {**plain, "standings": list(plain["standings"]), "best": self.best.model, "verdict": self.verdict}


def leaderboard(scores: Sequence[Scores], *, baseline: str, metric: str = "ndcg@10") -> Leaderboard:
    """Order models by one metric and compare each with the baseline.

    Args:
        scores: One result for each model, all of one case.
        baseline: Name of the model to compare with; one of ``scores``.
        metric: The leading metric.

    Raises:
        NotComparableError: The baseline is missing, a model is there twice, or the results are not of the same users.
    """
    by_model = {one.model: one for one in scores}
    if baseline not in by_model or len(by_model) != len(scores):
        raise NotComparableError(
            f"The results are of {', '.join(one.model for one in scores) or 'no model'};"
            f" each model is wanted once, and the baseline {baseline!r} among them.",
            next_step="Evaluate the baseline on the same case, and give each result a name of its own.",
        )
    base = by_model[baseline]
    ordered = sorted(scores, key=lambda one: (-one.mean(metric), one.model))
    best = ordered[0]
    from_baseline, from_best = _tests(ordered, base, metric), _tests(ordered, best, metric)
    standings = [
        Standing(
            model=one.model,
            metrics=one.summary(),
            lists=dict(one.lists),
            difference=None if one is base else compare(one, base, metric),
            users=None if one is base else wins_ties_losses(one, base, metric),
            against_baseline=from_baseline.get(one.model),
            behind_best=None if one is best else compare(best, one, metric),
            against_best=from_best.get(one.model),
        )
        for one in ordered
    ]
    return Leaderboard(
        case=base.case,
        metric=metric,
        baseline=baseline,
        level=base.config.level,
        judged=len(base.user_ids),
        standings=tuple(standings),
    )


def _tests(scores: Sequence[Scores], reference: Scores, metric: str) -> dict[str, PairedTest]:
    """Test every model against one of them."""
    others = [one for one in scores if one is not reference]
    tests = paired_tests([differences(one, reference, metric) for one in others], reference.config)
    return dict(zip([one.model for one in others], tests, strict=True))


_LABELS = {
    "ndcg": "nDCG",
    "recall": "Recall",
    "map": "MAP",
    "hit_rate": "Hit rate",
    "precision": "Precision",
    "mrr": "MRR",
    "coverage": "Coverage",
    "novelty": "Novelty",
    "gini": "Gini",
    "ndcg_unbiased": "unbiased nDCG",
    "recall_unbiased": "unbiased Recall",
    "serendipity": "Serendipity",
    "popularity_lift": "Popularity lift",
    "diversity": "Diversity",
}


def metric_label(metric: str) -> str:
    """Return the name of a metric as people write it: ``ndcg@10`` is nDCG@10."""
    name, _, cutoff = metric.partition("@")
    return f"{_LABELS.get(name, name)}@{cutoff}"
