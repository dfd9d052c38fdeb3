"""The choices that a judgement of models rests on."""

from dataclasses import dataclass
from typing import Literal

from movie_mlops.evaluation.errors import EvaluationError
from movie_mlops.evaluation.metrics import PER_USER

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
class EvaluationConfig:
    """What is measured, and how its uncertainty is.

    Attributes:
        cutoffs: Lengths of the recommendation lists, smallest first.
        resamples: Number of bootstrap samples of the users.
        level: Share of the bootstrap samples that an interval holds.
        seed: Seed of the bootstrap.
        block_scores: How many scores a model is asked for at once; the memory is four bytes for each.

    Raises:
        EvaluationError: There is no cut-off, or one is below 1.
    """

    cutoffs: tuple[int, ...] = (10,)
    resamples: int = 2000
    level: float = 0.95
    seed: int = 20
    block_scores: int = 1 << 24

    def __post_init__(self) -> None:
        if not self.cutoffs or min(self.cutoffs) < 1:
            raise EvaluationError(
                f"The cut-offs are {', '.join(map(str, self.cutoffs)) or 'missing'}.",
                next_step="Give one or more lengths of lists, each at least 1, such as 10.",
            )

    @property
    def metrics(self) -> list[str]:
        """The names of the per-user metrics that are measured, such as ``ndcg@10``."""
        return [f"{metric}@{k}" for k in self.cutoffs for metric in PER_USER]
