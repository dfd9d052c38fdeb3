"""The choices that a judgement of models rests on."""

from dataclasses import dataclass
from typing import Literal

from movie_mlops.evaluation.errors import EvaluationError
from movie_mlops.evaluation.metrics import PER_USER, SERENDIPITY, UNBIASED

NewUsers = Literal["fold-in", "drop"]


@dataclass(frozen=True)
class TimeSplitConfig:
    """How feedback is split at one moment for everybody.

    Attributes:
        test_share: Share of the feedback, counted from the latest back, that lies in the window that is predicted.
        new_users: What becomes of users who first appear in the window. ``fold-in``: the first half of what they did
            there is their history, as in the live system, which needs no training for a new user; the rest is held
            out. ``drop``: they are left out.
    """

    test_share: float = 0.1
    new_users: NewUsers = "fold-in"


@dataclass(frozen=True)
class UserFoldsConfig:
    """How each user's feedback is dealt into random folds.

    Attributes:
        folds: Number of folds; each holds out ``1 / folds`` of every user's feedback.
        cases: How many of the folds to use, from the first; ``None`` for all. ``folds=5, cases=1`` is one 80/20 split.
        seed: Seed of the deal.
    """

    folds: int = 5
    cases: int | None = None
    seed: int = 20


@dataclass(frozen=True)
class StrongGeneralisationConfig:
    """How users are held out whole.

    Attributes:
        user_share: Share of the users with enough feedback that no model is fitted on.
        shown_share: Share of a held-out user's feedback that the model is shown; the rest is to be predicted.
        least_positives: A user needs this many positives to be held out.
        seed: Seed of the choice.
    """

    user_share: float = 0.1
    shown_share: float = 0.8
    least_positives: int = 5
    seed: int = 20


@dataclass(frozen=True)
class LeaveOneOutConfig:
    """How the last positive of each user is held out.

    Attributes:
        least_positives: A user needs this many positives to be judged; at least 2, so that something is left to show.
        no_future: Models learn only from what came before one moment for everybody, and users are judged whose last
            positive came later.
        test_share: With ``no_future``, the share of the feedback, counted from the latest back, that lies after it.
    """

    least_positives: int = 2
    no_future: bool = False
    test_share: float = 0.1

    def __post_init__(self) -> None:
        _at_least("least_positives", self.least_positives, 2)


@dataclass(frozen=True)
class ColdUsersConfig:
    """How users of whom little is known are judged.

    Attributes:
        user_share: Share of the users with enough positives that no model is fitted on.
        fewest_shown: The least number of likes that a model is shown of a held-out user.
        most_shown: The greatest number; each user is given one in between.
        least_held_out: A user needs this many positives beyond the most that are shown.
        seed: Seed of the choice.
    """

    user_share: float = 0.1
    fewest_shown: int = 1
    most_shown: int = 5
    least_held_out: int = 5
    seed: int = 20

    def __post_init__(self) -> None:
        _at_least("fewest_shown", self.fewest_shown, 0)
        _at_least("most_shown", self.most_shown, self.fewest_shown)
        _at_least("least_held_out", self.least_held_out, 1)


@dataclass(frozen=True)
class ColdFilmsConfig:
    """How films that no model has seen are judged.

    Attributes:
        film_share: Share of the films with enough positives that are taken out of training whole.
        least_positives: A film needs this many positives to be taken out.
        among: ``cold``: the films that were taken out are ranked among themselves, as on a page of what is new.
            ``all``: they compete with every other film that a user does not know, of which none can be a hit.
        seed: Seed of the choice.
    """

    film_share: float = 0.1
    least_positives: int = 5
    among: Literal["cold", "all"] = "cold"
    seed: int = 20


@dataclass(frozen=True)
class LearningCurveConfig:
    """How it is measured what each further like of a new user is worth.

    Attributes:
        likes: How many likes a model is shown, in turn; ascending.
        user_share: Share of the users with enough positives that no model is fitted on.
        least_held_out: A user needs this many positives beyond the greatest of ``likes``.
        seed: Seed of the choice.
    """

    likes: tuple[int, ...] = (0, 1, 2, 5, 10)
    user_share: float = 0.2
    least_held_out: int = 5
    seed: int = 20

    def __post_init__(self) -> None:
        if not self.likes or min(self.likes) < 0 or list(self.likes) != sorted(set(self.likes)):
            raise EvaluationError(
                f"likes is {', '.join(map(str, self.likes)) or 'empty'}.",
                next_step="Give numbers of likes in ascending order, such as 0, 1, 2, 5, 10.",
            )
        _at_least("least_held_out", self.least_held_out, 1)


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise EvaluationError(f"{name} is {value}.", next_step=f"Give at least {least}.")


@dataclass(frozen=True)
class EvaluationConfig:
    """What is measured, and how its uncertainty is.

    Attributes:
        cutoffs: Lengths of the recommendation lists, smallest first.
        resamples: Number of bootstrap samples of the users.
        level: Share of the bootstrap samples that an interval holds.
        seed: Seed of the bootstrap.
        permutations: How often the signs of the differences are drawn anew for a p-value.
        propensity_power: A film is taken to be seen in proportion to this power of its popularity; a hit counts by one
            over that in the unbiased metrics. 0 makes all films equal.
        block_scores: How many scores a model is asked for at once; the memory is four bytes for each.

    Raises:
        EvaluationError: There is no cut-off, one is below 1, or the power is below 0.
    """

    cutoffs: tuple[int, ...] = (10,)
    resamples: int = 2000
    level: float = 0.95
    seed: int = 20
    permutations: int = 9_999
    propensity_power: float = 0.5
    block_scores: int = 1 << 24

    def __post_init__(self) -> None:
        if not self.cutoffs or min(self.cutoffs) < 1:
            raise EvaluationError(
                f"The cut-offs are {', '.join(map(str, self.cutoffs)) or 'missing'}.",
                next_step="Give one or more lengths of lists, each at least 1, such as 10.",
            )
        if self.propensity_power < 0.0:
            raise EvaluationError(
                f"propensity_power is {self.propensity_power}.",
                next_step="Give 0 (all films are equally visible) or more, such as 0.5.",
            )

    @property
    def metrics(self) -> list[str]:
        """The names of the per-user metrics that are measured, such as ``ndcg@10``."""
        return [f"{metric}@{k}" for k in self.cutoffs for metric in (*PER_USER, *UNBIASED, SERENDIPITY)]
