"""Studies: everything that a search has tried, in a SQLite file that Optuna keeps."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import WilcoxonPruner
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event

from movie_mlops.flows.errors import StudyChangedError
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.flows.trial import FIRST_BLOCK
from movie_mlops.recommenders import Choice, Range

State = Literal["complete", "pruned", "failed", "interrupted"]
"""How a trial ended: judged on everybody, given up for certain to be worse, broken down, or cut off."""

STATES: Final[Mapping[TrialState, State]] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
"""How Optuna calls what has ended."""

INTERRUPTED, REASON, SECONDS, MEMORY = "interrupted", "reason", "seconds", "memory_bytes"
"""What is written beside a trial."""

STEPS_A_LOOK: Final = 5
"""After each so many steps a setting may be given up. Seldom: each look is one more chance to give up what is good."""

_ABOUT: Final = "about"
_SURE: Final = 0.05


@dataclass(frozen=True)
class Tried:
    """One setting that was tried.

    Attributes:
        number: From 0, in the order of trying.
        state: How it ended.
        params: The parameters that were searched.
        value: Mean of the metric over all judged users; ``None`` where it was not judged to the end.
        so_far: Mean of the metric over the users who were asked until it ended, as far as whole blocks of them go;
            ``None`` where there was none.
        steps: What each step achieved, by the step's number.
        seconds: How long it took.
        memory_bytes: What its training was estimated to need.
        reason: Why it failed; empty where it did not.
    """

    number: int
    state: State
    params: dict[str, Any]
    value: float | None
    so_far: float | None
    steps: dict[int, float]
    seconds: float
    memory_bytes: int
    reason: str


@contextmanager
def open_study(file: Path, about: Mapping[str, Any]) -> Iterator[optuna.Study]:
    """Open a study, or begin it, and keep other processes off it while the block runs.

    Args:
        file: Its SQLite file.
        about: Everything that a result depends on, as plain data: a study is about one such thing alone.

    Raises:
        StudyChangedError: It is there, and about something else.
        BusyError: Another process is at it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(file.with_suffix(".lock"), what=f"the study {file.stem}"):
        storage = _storage(file)
        try:
            yield _study(storage, file.stem, dict(about))
        finally:
            storage.remove_session()
            storage.engine.dispose()


def distribution(where: Range | Choice) -> BaseDistribution:
    """Return a range or choice as Optuna has it."""
    if isinstance(where, Choice):
        return CategoricalDistribution(where.values)
    if where.whole:
        return IntDistribution(int(where.low), int(where.high), log=where.log)
    return FloatDistribution(where.low, where.high, log=where.log)


def tried_of(trial: FrozenTrial) -> Tried:
    """Return what is known of a trial that has ended."""
    told = trial.user_attrs
    blocks = [achieved for step, achieved in trial.intermediate_values.items() if step >= FIRST_BLOCK]
    return Tried(
        number=trial.number,
        state="interrupted" if told.get(INTERRUPTED) else STATES[trial.state],
        params=dict(trial.params),
        value=trial.value if trial.state is TrialState.COMPLETE else None,
        so_far=fmean(blocks) if blocks else None,
        steps=dict(trial.intermediate_values),
        seconds=seconds_of(trial),
        memory_bytes=int(told.get(MEMORY, 0)),
        reason=str(told.get(REASON, "")),
    )


def seconds_of(trial: FrozenTrial) -> float:
    """Return how long a trial took."""
    return float(trial.user_attrs.get(SECONDS, 0.0))


def _storage(file: Path) -> RDBStorage:
    storage = RDBStorage(f"sqlite:///{file}")

    def quickly(connection: Any, _record: object) -> None:
        # Each step of each setting is a commit: whole after a crash, and not waiting for the disk.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    event.listen(storage.engine, "connect", quickly)
    storage.engine.dispose()
    return storage


def _study(storage: RDBStorage, name: str, about: dict[str, Any]) -> optuna.Study:
    with warnings.catch_warnings():
        # It may change from one release of Optuna to the next; the release is pinned.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        pruner = WilcoxonPruner(p_threshold=_SURE, n_startup_steps=STEPS_A_LOOK)
    study = optuna.create_study(
        storage=storage, study_name=name, load_if_exists=True, direction="maximize", pruner=pruner
    )
    known = study.user_attrs.get(_ABOUT)
    if known is None:
        study.set_user_attr(_ABOUT, about)
    elif known != about:
        changed = ", ".join(sorted(key for key in {*known, *about} if known.get(key) != about.get(key)))
        raise StudyChangedError(
            f"The study {name} was begun with something else: {changed} changed.",
            next_step="Give --study another name, or leave it out: each question then has a study of its own.",
        )
    return study
