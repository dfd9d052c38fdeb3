"""What each further like of a new user is worth: models side by side, at each number of likes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from movie_mlops.evaluation.errors import NotComparableError
from movie_mlops.evaluation.intervals import Interval, bootstrap_means
from movie_mlops.evaluation.leaderboard import metric_label
from movie_mlops.evaluation.scores import Scores, compare, differences
from movie_mlops.evaluation.significance import PairedTest, paired_tests


@dataclass(frozen=True)
class CurvePoint:
    """One model after one number of likes.

    Attributes:
        likes: How many it was shown of each user.
        value: Mean of the metric with its interval.
        difference: Model minus baseline on the same users; ``None`` for the baseline itself.
        test: Whether that could be chance, corrected for all models and numbers of likes; ``None`` likewise.
    """

    likes: int
    value: Interval
    difference: Interval | None
    test: PairedTest | None


@dataclass(frozen=True)
class LearningCurve:
    """Several models on the same new users, at several numbers of likes.

    Attributes:
        metric: What was measured.
        baseline: The model that the others are compared with.
        level: Share of the bootstrap samples that the intervals hold.
        judged: Number of users.
        likes: The numbers of likes, ascending.
        models: The points of each model in the order of ``likes``; the best at the end first.
    """

    metric: str
    baseline: str
    level: float
    judged: int
    likes: tuple[int, ...]
    models: Mapping[str, tuple[CurvePoint, ...]]

    @property
    def verdict(self) -> str:
        """One sentence: from how many likes on the best model is better than the baseline."""
        best = next(iter(self.models))
        measure = metric_label(self.metric)
        if best == self.baseline:
            return f"No model does better than {self.baseline} on {measure} after {self.likes[-1]} likes."
        since = self.better_from(best)
        if since is None:
            return f"{best} leads after {self.likes[-1]} likes; that it is better than {self.baseline} is not certain."
        likes = {0: "before the first like", 1: "from the first like on"}.get(since, f"from {since} likes on")
        return f"{best} is better than {self.baseline} on {measure} {likes}."

    def better_from(self, model: str) -> int | None:
        """Return the number of likes from which a model is certainly better than the baseline, up to the last."""
        since = None
        for point in reversed(self.models[model]):
            gap = point.difference
            if gap is None or point.test is None or not gap.above_zero or not point.test.certain(self.level):
                break
            since = point.likes
        return since

    def to_json(self) -> dict[str, Any]:
        """Return the curve as plain data, ready for JSON."""
        return {
            **asdict(self),
            "models": {name: [asdict(point) for point in points] for name, points in self.models.items()},
            "better_from": {name: self.better_from(name) for name in self.models if name != self.baseline},
            "verdict": self.verdict,
        }


def learning_curve(scores: Mapping[int, Sequence[Scores]], *, baseline: str, metric: str = "ndcg@10") -> LearningCurve:
    """Set models side by side.

    Args:
        scores: For each number of likes one result of each model, all on the same users.
        baseline: Name of the model to compare with.
        metric: What is shown.

    Raises:
        NotComparableError: There are no results, the baseline is missing, or a number of likes lacks a model.
    """
    by_likes = {likes: {one.model: one for one in scores[likes]} for likes in sorted(scores)}
    names = list(next(iter(by_likes.values()), {}))
    if baseline not in names or any(list(models) != names for models in by_likes.values()):
        raise NotComparableError(
            f"A learning curve wants the same models at every number of likes, the baseline {baseline!r} among them.",
            next_step="Evaluate every model, the baseline too, on every case.",
        )
    others = [(likes, name) for likes in by_likes for name in names if name != baseline]
    gaps = [differences(by_likes[likes][name], by_likes[likes][baseline], metric) for likes, name in others]
    config = scores[next(iter(by_likes))][0].config
    tests = dict(zip(others, paired_tests(gaps, config), strict=True))

    def point(likes: int, name: str) -> CurvePoint:
        one, base = by_likes[likes][name], by_likes[likes][baseline]
        return CurvePoint(
            likes=likes,
            value=bootstrap_means(one.values(metric)[None], config)[0],
            difference=None if name == baseline else compare(one, base, metric),
            test=tests.get((likes, name)),
        )

    last = max(by_likes)
    ordered = sorted(names, key=lambda name: (-by_likes[last][name].mean(metric), name))
    return LearningCurve(
        metric=metric,
        baseline=baseline,
        level=config.level,
        judged=len(by_likes[last][baseline].user_ids),
        likes=tuple(by_likes),
        models={name: tuple(point(likes, name) for likes in by_likes) for name in ordered},
    )
