"""The split that settings are chosen on: inside the training part of the split that judges, and nowhere else.

It is made by the same time split where that is by time, else at random, a fifth of each user's films being held out.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import polars as pl

from movie_mlops.core.columns import EVENT_TIME
from movie_mlops.core.digests import digest
from movie_mlops.evaluation import (
    EvaluationCase,
    UserFoldsConfig,
    known_before,
    known_of_fold,
    known_of_given_fold,
    time_split,
    user_folds,
)
from movie_mlops.flows.config import PlatformConfig
from movie_mlops.flows.errors import FlowError
from movie_mlops.flows.evaluate import with_content
from movie_mlops.flows.provenance import arrays_sha256, matrix_parts

TuningProtocol = Literal["auto", "time", "user-folds", "folds"]
"""Which split judges in the end."""

_FOLDS: Final = 5


def training_part(
    feedback: pl.DataFrame | None,
    config: PlatformConfig,
    *,
    protocol: TuningProtocol,
    fold: int = 0,
    folds: Path | None = None,
) -> tuple[pl.DataFrame, Literal["time", "user-folds"]]:
    """Return what a model may learn from before it is judged, and how it is to be split again.

    Args:
        feedback: What is known of users and films; unused with ``folds``.
        config: How feedback is split.
        protocol: Which split judges.
        fold: Which fold judges, where there are several.
        folds: A folder of given folds.

    Raises:
        EvaluationError: The split cannot be made.
    """
    if folds is not None:
        return known_of_given_fold(folds, fold), "user-folds"
    assert feedback is not None
    if protocol == "time" or (protocol == "auto" and feedback[EVENT_TIME].null_count() == 0):
        return known_before(feedback, config.time_split), "time"
    return known_of_fold(feedback, fold, config.user_folds), "user-folds"


def validation_cases(
    feedback: pl.DataFrame | None,
    config: PlatformConfig,
    *,
    protocol: TuningProtocol,
    fold: int = 0,
    folds: Path | None = None,
    movies: pl.DataFrame | None = None,
    windows: int = 1,
    seed: int,
) -> list[EvaluationCase]:
    """Split the training part again: what is learned from, and what a setting is judged on.

    Args:
        feedback: What is known of users and films; unused with ``folds``.
        config: How feedback is split.
        protocol: Which split judges.
        fold: Which fold judges, where there are several.
        folds: A folder of given folds.
        movies: One row for each film, where anything is known of them.
        windows: Of a split by time, how many windows are judged on: each one ends where the one before it begins, and
            what is judged there learns from nothing later.
        seed: Of the random split.

    Returns:
        One case for each window, the latest first; one case where the split is random.

    Raises:
        EvaluationError: A split cannot be made.
        FlowError: Several windows are asked for, and the split is not by time.
    """
    known, again = training_part(feedback, config, protocol=protocol, fold=fold, folds=folds)
    if again == "time":
        cases = []
        for number in range(windows):
            known = known if not number else known_before(known, config.time_split)
            cases.append(time_split(known, config.time_split))
    elif windows > 1:
        raise FlowError(
            "Only a split by time has several windows.", next_step="Leave --windows out, or give --protocol time."
        )
    else:
        cases = [user_folds(known, UserFoldsConfig(folds=_FOLDS, cases=1, seed=seed))[0]]
    cases = [replace(case, name="validation") for case in cases]
    return cases if movies is None else with_content(cases, movies)


def cases_sha256(cases: Sequence[EvaluationCase]) -> str:
    """Return the SHA-256 of what is learned from and judged on; of one case, that of the case."""
    each = [case_sha256(case) for case in cases]
    return each[0] if len(each) == 1 else digest(each)


def case_sha256(case: EvaluationCase) -> str:
    """Return the SHA-256 of what is learned from and judged on."""
    known = [case.train, case.histories, case.seen, case.held_out, case.content]
    stamps = [(times, "<i8") for times in (case.train_times, case.history_times) if times is not None]
    parts = (part for matrix in known if matrix is not None for part in matrix_parts(matrix))
    return arrays_sha256([(case.movie_ids, "<i8"), *parts, *stamps])
