"""The search for a recommender's best setting: Optuna proposes, a panel of users judges, a file remembers.

What is proposed depends on the seed and on what was tried before, and on nothing else: a search that was killed and
started again tries the same settings as one that ran through.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna
from optuna.importance import get_param_importances
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from movie_mlops.core.memory import available_memory_bytes
from movie_mlops.core.progress import Advance, Progress
from movie_mlops.evaluation import Scores, metric_label
from movie_mlops.flows.errors import NothingFoundError, TimeUpError
from movie_mlops.flows.scores import read_scores, write_scores
from movie_mlops.flows.studies import (
    INTERRUPTED,
    MEMORY,
    REASON,
    SECONDS,
    STATES,
    STEPS_A_LOOK,
    Tried,
    distribution,
    open_study,
    seconds_of,
    tried_of,
)
from movie_mlops.flows.trial import Deadline, Panel
from movie_mlops.recommenders import (
    RecommenderError,
    Space,
    TrainingError,
    value_at,
    with_values,
)

_AT_RANDOM: Final = 10
_BREAKDOWNS: Final = (RecommenderError, ArithmeticError, MemoryError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class Question:
    """What is searched for.

    Attributes:
        model: The recommender.
        start: All its parameters before the search; what is not searched stays as it is.
        space: Where each parameter that is searched may lie.
        seed: Of what is proposed.
        about: Everything that a result depends on, as plain data: a study is about one such thing alone.
    """

    model: str
    start: Mapping[str, Any]
    space: Space
    seed: int
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Searched:
    """What a search found.

    Attributes:
        tried: Every setting, in the order of trying.
        best: The one with the highest value; of equals the first.
        best_scores: What each judged user got from it.
        start_scores: What they got from the parameters before the search; ``None`` where these failed.
        importance: How much each parameter decides, as shares of 1; empty where too little was tried to tell.
    """

    tried: tuple[Tried, ...]
    best: Tried
    best_scores: Scores
    start_scores: Scores | None
    importance: dict[str, float]


def search(
    question: Question,
    panel: Panel,
    file: Path,
    *,
    trials: int | None,
    deadline: Deadline,
    memory_limit: int | None,
    progress: Progress,
) -> Searched:
    """Try settings until there are enough of them or the time is over.

    Args:
        question: What is searched for.
        panel: Who judges.
        file: The study's SQLite file; where it is there already, the search goes on.
        trials: How many settings there are to be in all, those of earlier runs included; ``None`` for no limit.
        deadline: When to end; a setting that is being tried is cut off.
        memory_limit: Bytes that a training may take; ``None`` for what is free at that moment.
        progress: Who listens.

    Raises:
        StudyChangedError: The file holds the study of another question.
        BusyError: Another process is at the same study.
        NothingFoundError: No setting was judged to the end.
    """
    with open_study(file, question.about) as study:
        run = _Run(question, panel, file, study, memory_limit)
        run.until(trials, deadline, progress)
        return run.found()


class _Run:
    """One process at work on one study."""

    def __init__(
        self, question: Question, panel: Panel, file: Path, study: optuna.Study, memory_limit: int | None
    ) -> None:
        self._question, self._panel, self._study, self._memory_limit = question, panel, study, memory_limit
        self._scores = file.with_suffix(".scores")
        self._space = {name: distribution(where) for name, where in question.space.items()}

    def until(self, trials: int | None, deadline: Deadline, progress: Progress) -> None:
        """Try settings until there are enough of them or the time is over."""
        for cut_off in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._interrupt(Trial(self._study, cut_off._trial_id), "the process ended")  # noqa: SLF001 - no other way
        while not self._enough(trials, deadline):
            settled = self._settled()
            with progress.task(self._title(len(settled), trials), total=100, unit="%") as advance:
                told = 0.0

                def tick(done: float = len(settled) / trials if trials else 0.0, tell: Advance = advance) -> None:
                    nonlocal told
                    share = 100 * max(deadline.share, done)
                    tell(share - told)
                    told = share

                tick()
                self._try(self._propose(settled), deadline, tick)

    def found(self) -> Searched:
        """Return what is there.

        Raises:
            NothingFoundError: No setting was judged to the end.
        """
        tried = tuple(tried_of(trial) for trial in self._study.get_trials(deepcopy=False, states=tuple(STATES)))
        complete = [one for one in tried if one.state == "complete"]
        if not complete:
            reasons = [one.reason for one in tried if one.state == "failed"]
            why = f": {reasons[-1]}" if reasons else ", for the time was over first."
            raise NothingFoundError(
                f"No setting of {self._question.model} was judged to the end{why}",
                next_step="Give more time with --minutes, more memory with --memory-mib, or less data.",
            )
        best = max(complete, key=lambda one: (one.value or 0.0, -one.number))
        start = next((one for one in complete if self._is_start(one)), None)
        return Searched(
            tried=tried,
            best=best,
            best_scores=self._scores_of(best),
            start_scores=None if start is None else self._scores_of(start),
            importance=self._importance(complete),
        )

    def _enough(self, trials: int | None, deadline: Deadline) -> bool:
        settled = self._settled()
        if trials is not None and len(settled) >= trials:
            return True
        # What cannot be judged to the end is not begun.
        quickest = min((seconds_of(one) for one in settled if one.state is TrialState.COMPLETE), default=0.0)
        return deadline.left <= quickest

    def _settled(self) -> list[FrozenTrial]:
        """Return the trials that ended by themselves; only they have a say in what is proposed next."""
        return [
            one
            for one in self._study.get_trials(deepcopy=False)
            if one.state.is_finished() and not one.user_attrs.get(INTERRUPTED)
        ]

    def _propose(self, settled: Sequence[FrozenTrial]) -> Trial:
        # The parameters that there are already come first: whatever is found is held against them.
        if not settled and not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self._study.enqueue_trial(self._start())
        # A sampler's own state would be lost with the process; a new one for each place in the row never is.
        place = int(np.random.SeedSequence([self._question.seed, len(settled)]).generate_state(1)[0])
        self._study.sampler = TPESampler(seed=place, n_startup_trials=_AT_RANDOM)
        return self._study.ask(self._space)

    def _try(self, trial: Trial, deadline: Deadline, tick: Callable[[], None]) -> None:
        params = with_values(self._question.start, trial.params)
        began = time.monotonic()
        state, value, reason, steps = TrialState.FAIL, None, "", 0

        def report(step: int, achieved: float) -> None:
            nonlocal steps
            tick()
            trial.report(achieved, step)
            steps += 1
            if steps % STEPS_A_LOOK == 0 and step != self._panel.last_step and trial.should_prune():
                raise optuna.TrialPruned

        try:
            trial.set_user_attr(MEMORY, self._panel.memory_needed(self._question.model, params))
            scores = self._panel.judge(
                self._question.model,
                params,
                report=report,
                deadline=deadline,
                memory_limit=available_memory_bytes() if self._memory_limit is None else self._memory_limit,
            )
            value = _finite(scores.mean(self._panel.metric))
            write_scores(self._file_of(trial.number), [scores])
            state = TrialState.COMPLETE
        except optuna.TrialPruned:
            state = TrialState.PRUNED
        except TimeUpError:
            self._interrupt(trial, "the time was over")
            return
        except _BREAKDOWNS as error:
            reason = str(error) or type(error).__name__
        trial.set_user_attr(SECONDS, round(time.monotonic() - began, 3))
        trial.set_user_attr(REASON, reason)
        self._study.tell(trial, value, state=state)
        self._clear()

    def _interrupt(self, trial: Trial, reason: str) -> None:
        trial.set_user_attr(INTERRUPTED, value=True)
        trial.set_user_attr(REASON, reason)
        self._study.tell(trial, state=TrialState.FAIL)

    def _clear(self) -> None:
        """Keep the users' scores of the best setting and of the first one alone."""
        complete = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if complete:
            best = max(complete, key=lambda one: (one.value or 0.0, -one.number))
            for one in complete:
                if one.number != best.number and not self._is_start(tried_of(one)):
                    self._file_of(one.number).unlink(missing_ok=True)

    def _start(self) -> dict[str, Any]:
        return {name: value_at(self._question.start, name) for name in self._space}

    def _is_start(self, tried: Tried) -> bool:
        return tried.params == self._start()

    def _file_of(self, number: int) -> Path:
        return self._scores / f"{number}.parquet"

    def _scores_of(self, tried: Tried) -> Scores:
        return read_scores(self._file_of(tried.number), self._panel.config)[self._question.model]

    def _title(self, settled: int, trials: int | None) -> str:
        values = [one.value for one in self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
        best = max((value for value in values if value is not None), default=None)
        so_far = "" if best is None else f", best {metric_label(self._panel.metric)} {best:.4f}"
        return f"Tuning {self._question.model}, setting {settled + 1}{f' of {trials}' if trials else ''}{so_far}"

    def _importance(self, complete: Sequence[Tried]) -> dict[str, float]:
        if len(complete) < _AT_RANDOM or len({one.value for one in complete}) == 1:
            return {}
        return {name: round(share, 4) for name, share in get_param_importances(self._study).items()}


def _finite(value: float) -> float:
    if not np.isfinite(value):
        raise TrainingError("Its scores are no finite numbers.", next_step="Search in narrower bounds.")
    return value
