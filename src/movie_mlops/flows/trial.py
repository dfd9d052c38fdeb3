"""One setting of a recommender, fitted and judged a few users at a time, so that it can be given up in between."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.memory import available_memory_bytes
from movie_mlops.core.progress import Advance
from movie_mlops.evaluation import EvaluationCase, EvaluationConfig, Scores, evaluate, pool
from movie_mlops.flows.errors import TimeUpError
from movie_mlops.flows.likes_features import as_it_answers, case_features
from movie_mlops.recommenders import BlendRecommender, Recommender, Remembered, create

Report = Callable[[int, float], None]
"""Told a step and what the setting achieved on the step's users; what it raises ends the trial."""

_BLOCKS: Final = 15
_ASKED_EARLY: Final = 8
_PIECES: Final = 5
_EARLY: Final = (1 / 3, 2 / 3)
_KEPT_MEMBERS: Final = 12
_SHARE_FOR_ANSWERS: Final = 4
"""One part in so many of the memory that is free goes to what members of blends have said."""

Watch = Callable[[Recommender, float], None]

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
    """The judged users of some cases, in a random order that is the same for every setting.

    The model is asked about them block by block, case by case. Where a recommender is trained step by step, some users
    of the first case are asked in the middle of the training too, when a third and when two thirds of it are done.

    Members of a blend are trained once for all the settings that take them as they are, and what they say of a block is
    kept: a setting that is nothing but other weights costs a sum and a ranking.

    Args:
        cases: What is learned from, and who is judged; at least one.
        metric: The metric that decides.
        config: What is measured.
        seed: Of the order.
    """

    def __init__(self, cases: Sequence[EvaluationCase], metric: str, config: EvaluationConfig, seed: int) -> None:
        self.cases, self.metric, self.config = tuple(cases), metric, config
        generator = np.random.default_rng(seed)
        orders = [generator.permutation(len(case.user_ids)) for case in cases]
        number = -(-_BLOCKS // len(cases))
        self._blocks = [_parts(case, order, number) for case, order in zip(cases, orders, strict=True)]
        self._pieces = _parts(cases[0], orders[0][: -(-orders[0].size // _ASKED_EARLY)], _PIECES)
        self._benches = [_Bench(case) for case in cases]

    @property
    def last_step(self) -> int:
        """The step after which everybody has been asked."""
        return FIRST_BLOCK + sum(map(len, self._blocks)) - 1

    def memory_needed(self, model: str, params: Mapping[str, Any]) -> int:
        """Return about how many bytes the training of a setting takes."""
        return max(_memory_needed(create(model, params), case) for case in self.cases)

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
        found: list[Scores] = []
        for bench, blocks in zip(self._benches, self._blocks, strict=True):
            watch = None if found else self._watch(report, deadline)
            recommender = bench.fitted(create(model, params), deadline, memory_limit, watch)
            for block in blocks:
                deadline.check()
                scores = evaluate(as_it_answers(recommender, block), block, self.config, model=model)
                report(FIRST_BLOCK + len(found), scores.mean(self.metric))
                found.append(scores)
        return replace(pool(found, self.cases[0].name), lists={})

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


class _Bench:
    """One case, with the members of blends that were trained on it and what they said."""

    def __init__(self, case: EvaluationCase) -> None:
        self._case = case
        self._members: list[Recommender] = []
        self._said: Remembered | None = None

    def fitted(
        self, recommender: Recommender, deadline: Deadline, memory_limit: int | None, watch: Watch | None
    ) -> Recommender:
        """Return the recommender, fitted on what the case knows."""
        for part in recommender.parts:
            if not any(one.is_like(part) for one in self._members):
                self._fit(part, deadline, memory_limit, None)
                self._members.append(part)
        self._members = self._members[-max(_KEPT_MEMBERS, len(recommender.parts)) :]
        self._fit(recommender, deadline, memory_limit, watch)
        if isinstance(recommender, BlendRecommender):
            if self._said is None:
                self._said = Remembered(available_memory_bytes() // _SHARE_FOR_ANSWERS)
            recommender.remember_in(self._said)
        return recommender

    def _fit(self, recommender: Recommender, deadline: Deadline, memory_limit: int | None, watch: Watch | None) -> None:
        recommender.fit(
            self._case.train,
            times=self._case.train_times,
            content=self._case.content,
            traits=self._case.train_traits,
            features=case_features(recommender, self._case),
            progress=_UntilDeadline(deadline),
            memory_limit_bytes=memory_limit,
            watch=watch,
            trained=self._members,
        )


class _UntilDeadline:
    """Hears how far a training is, and ends it when the time is over."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:  # noqa: ARG002
        """Listen to a task."""
        yield lambda _amount: self._deadline.check()


def _memory_needed(recommender: Recommender, case: EvaluationCase) -> int:
    train, content = case.train, case.content
    return recommender.memory_needed(
        int(np.count_nonzero(np.diff(train.indptr))),
        int(np.unique(train.indices).size),
        int(train.nnz),
        n_features=0 if content is None else content.shape[1],
        n_facts=0 if content is None else content.nnz,
        n_traits=0 if case.train_traits is None else case.train_traits.shape[1],
    )


def _parts(case: EvaluationCase, users: NDArray[np.int64], number: int) -> list[EvaluationCase]:
    return [case.of_users(part) for part in np.array_split(users, min(number, users.size))]
