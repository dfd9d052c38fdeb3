"""One setting of a recommender, fitted and judged a few users at a time, so that it can be given up in between."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.evaluation import EvaluationCase, EvaluationConfig, Scores, evaluate, pool
from movie_mlops.flows.errors import TimeUpError
from movie_mlops.recommenders import Recommender, create

Report = Callable[[int, float], None]
"""Told a step and what the setting achieved on the step's users; what it raises ends the trial."""

_BLOCKS: Final = 15
_ASKED_EARLY: Final = 8
_PIECES: Final = 5
_EARLY: Final = (1 / 3, 2 / 3)

FIRST_BLOCK: Final = len(_EARLY) * _PIECES
"""The first step that is asked of a model whose training has ended; those before it are asked in the middle of one."""


@dataclass(frozen=True)
class Deadline:
    """When to end, on the clock that never goes back.

    Attributes:
        started: When the time began to run.
        at: When it is over.
    """

    started: float
    at: float

    @classmethod
    def within(cls, seconds: float) -> Self:
        """Return the moment so many seconds from now."""
        now = time.monotonic()
        return cls(now, now + seconds)

    @property
    def left(self) -> float:
        """Seconds that are left, below 0 when it is over."""
        return self.at - time.monotonic()

    @property
    def share(self) -> float:
        """Share of the time that is gone, at most 1."""
        return min(1.0, 1.0 - self.left / (self.at - self.started))

    def check(self) -> None:
        """Do nothing while there is time.

        Raises:
            TimeUpError: There is none left.
        """
        if self.left <= 0:
            raise TimeUpError("The time is over.", next_step="Give more with --minutes.")


class Panel:
    """The judged users of a case, in a random order that is the same for every setting.

    The model is asked about them block by block. Where a recommender is trained step by step, some of the users are
    asked in the middle of the training too, when a third and when two thirds of it are done.

    Args:
        case: What is learned from, and who is judged.
        metric: The metric that decides.
        config: What is measured.
        seed: Of the order.
    """

    def __init__(self, case: EvaluationCase, metric: str, config: EvaluationConfig, seed: int) -> None:
        self.case, self.metric, self.config = case, metric, config
        order = np.random.default_rng(seed).permutation(len(case.user_ids))
        self._blocks = _parts(case, order, _BLOCKS)
        self._pieces = _parts(case, order[: -(-order.size // _ASKED_EARLY)], _PIECES)

    @property
    def last_step(self) -> int:
        """The step after which everybody has been asked."""
        return FIRST_BLOCK + len(self._blocks) - 1

    def memory_needed(self, model: str, params: Mapping[str, Any]) -> int:
        """Return about how many bytes the training of a setting takes."""
        train, content = self.case.train, self.case.content
        return create(model, params).memory_needed(
            int(np.count_nonzero(np.diff(train.indptr))),
            int(np.unique(train.indices).size),
            int(train.nnz),
            n_features=0 if content is None else content.shape[1],
            n_facts=0 if content is None else content.nnz,
            n_traits=0 if self.case.train_traits is None else self.case.train_traits.shape[1],
        )

    def judge(
        self, model: str, params: Mapping[str, Any], *, report: Report, deadline: Deadline, memory_limit: int | None
    ) -> Scores:
        """Fit a setting and judge it on everybody.

        Args:
            model: The recommender.
            params: Its parameters.
            report: Told each step: first those in the middle of a training, then one for each block of users.
            deadline: When to give up.
            memory_limit: Bytes that the training may take; ``None`` for no limit.

        Returns:
            What each user got; nothing is measured of all lists together.

        Raises:
            RecommenderError: The parameters do not fit, need too much memory, or break the training down.
            TimeUpError: The time was over first.
        """
        recommender = create(model, params)
        recommender.fit(
            self.case.train,
            times=self.case.train_times,
            content=self.case.content,
            traits=self.case.train_traits,
            progress=_UntilDeadline(deadline),
            memory_limit_bytes=memory_limit,
            watch=self._watch(report, deadline),
        )
        found = []
        for number, block in enumerate(self._blocks):
            deadline.check()
            found.append(evaluate(recommender, block, self.config, model=model))
            report(FIRST_BLOCK + number, found[-1].mean(self.metric))
        return replace(pool(found, self.case.name), lists={})

    def _watch(self, report: Report, deadline: Deadline) -> Callable[[Recommender, float], None]:
        asked = 0

        def watch(so_far: Recommender, share: float) -> None:
            nonlocal asked
            reached = sum(share >= early for early in _EARLY)
            if reached == asked or share >= 1:
                return
            asked = reached
            for number, piece in enumerate(self._pieces):
                deadline.check()
                value = evaluate(so_far, piece, self.config).mean(self.metric)
                report((reached - 1) * _PIECES + number, value)

        return watch


class _UntilDeadline:
    """Hears how far a training is, and ends it when the time is over."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:  # noqa: ARG002
        """Listen to a task."""
        yield lambda _amount: self._deadline.check()


def _parts(case: EvaluationCase, users: NDArray[np.int64], number: int) -> list[EvaluationCase]:
    return [case.of_users(part) for part in np.array_split(users, min(number, users.size))]
