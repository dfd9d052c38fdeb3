"""What a benchmark runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from movie_mlops.bench.errors import BenchError
from movie_mlops.evaluation import LearningCurveConfig

_LEAST_ROWS = 1_000


@dataclass(frozen=True)
class FeaturesBenchConfig:
    """The benchmark of the join by two times.

    Attributes:
        rows: How many training rows are joined.
        feature_rows: With how many feature rows, and over how many interactions a view is folded.
        entities: How many users they are about.
        features: How many columns a feature row has.
        repeats: How often each is measured; the median counts.
        feast_python: The Python of an environment that has Feast; ``None`` leaves Feast out.
        seed: Of everything that is made up.
        times_faster: The target: so many times as fast as the fastest engine of Feast.

    Raises:
        BenchError: A number is out of range.
    """

    rows: int = 1_000_000
    feature_rows: int = 1_000_000
    entities: int = 50_000
    features: int = 4
    repeats: int = 3
    feast_python: Path | None = None
    seed: int = 0
    times_faster: float = 5.0

    def __post_init__(self) -> None:
        for name in ("rows", "feature_rows", "entities", "features", "repeats"):
            if getattr(self, name) <= 0:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step="Give a number above 0.")


@dataclass(frozen=True)
class OnlineBenchConfig:
    """The benchmark of the online store.

    Attributes:
        users: How many users have rows.
        films: How many films there are.
        history: How many interactions each user has.
        reads: How often each read is measured; a tenth as often where it is of many rows.
        feast_python: The Python of an environment that has Feast; ``None`` leaves Feast out.
        seed: Of everything that is made up.

    Raises:
        BenchError: A number is out of range.
    """

    users: int = 5_000
    films: int = 2_000
    history: int = 40
    reads: int = 5_000
    feast_python: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("users", 100), ("films", 1), ("history", 1), ("reads", 20)):
            if getattr(self, name) < least:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step=f"Give at least {least}.")


@dataclass(frozen=True)
class SearchBenchConfig:
    """The benchmark of the search by title.

    Attributes:
        films: How many films are made up.
        catalogue: A file of films as MovieLens lays it out (movieId,title,genres) instead; ``None`` makes films up.
        queries: How many queries of each kind are measured.
        seed: Of everything that is made up.
        p99_ms: The target for 99 of 100 queries of each kind, in milliseconds.

    Raises:
        BenchError: A number is out of range.
    """

    films: int = 62_423
    catalogue: Path | None = None
    queries: int = 1000
    seed: int = 0
    p99_ms: float = 5.0

    def __post_init__(self) -> None:
        for name, least in (("films", 100), ("queries", 10)):
            if getattr(self, name) < least:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step=f"Give at least {least}.")


@dataclass(frozen=True)
class PageBenchConfig:
    """The benchmark of the page.

    Attributes:
        visits: How many visitors of each kind come, one after the other.
        films: How many films the catalogue has.
        seed: Of everything that is made up.
        limit_ms: The target for the median visit, in milliseconds.

    Raises:
        BenchError: A number is out of range.
    """

    visits: int = 20
    films: int = 27_278
    seed: int = 0
    limit_ms: float = 300.0

    def __post_init__(self) -> None:
        for name in ("visits", "films"):
            if getattr(self, name) <= 0:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step="Give a number above 0.")


@dataclass(frozen=True)
class MainJobBenchConfig:
    """The benchmark of the main job.

    Attributes:
        runs: What each run gives to ``movie-mlops run``, as one would type it.

    Raises:
        BenchError: There is nothing to run.
    """

    runs: tuple[str, ...] = ("--source sample",)

    def __post_init__(self) -> None:
        if not self.runs:
            raise BenchError("There is nothing to run.", next_step="Give at least one run, such as '--source sample'.")


@dataclass(frozen=True)
class StandardBenchConfig:
    """The benchmark of the standard's check.

    Attributes:
        files: How many files the generated repository has.
        folders: In how many folders.
        runs: How often each contender is timed.
        ls_lint: The program of the other linter; ``None`` leaves it out.
        all_seconds: The target for all rules, median.
        staged_seconds: The target for ten staged files, median.
        memory_mib: The target for the peak memory of all rules.

    Raises:
        BenchError: A number is out of range.
    """

    files: int = 20_000
    folders: int = 300
    runs: int = 15
    ls_lint: Path | None = None
    all_seconds: float = 0.12
    staged_seconds: float = 0.07
    memory_mib: int = 60

    def __post_init__(self) -> None:
        for name, least in (("files", 2_000), ("folders", 50), ("runs", 1)):
            if getattr(self, name) < least:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step=f"Give at least {least}.")
        if self.ls_lint is not None and not os.access(self.ls_lint, os.X_OK):
            raise BenchError(f"{self.ls_lint} is no program.", next_step="Install it: npm install @ls-lint/ls-lint")


@dataclass(frozen=True)
class IngestBenchConfig:
    """The benchmark of bringing ratings in.

    Attributes:
        rows: Ratings in the generated file.
        films: Films in it.
        bad_rows: Ratings among them that break the contract; without one nobody could tell that it was held.
        runs: How often each contender has its turn.
        seed: Of everything that is made up.
        times_a_copy: The target: at most so many times the time of the faster plain copy by polars.
        times_without_pseudonyms: The target: at most so many times the time that it takes without them.
        times_unsealed: The target: at most so many times the time that it takes with facts of users in the clear.
        memory_mib: The target for peak memory.

    Raises:
        BenchError: A number is out of range.
    """

    rows: int = 25_000_000
    films: int = 59_047
    bad_rows: int = 1000
    runs: int = 3
    seed: int = 0
    times_a_copy: float = 4.0
    times_without_pseudonyms: float = 1.2
    times_unsealed: float = 1.2
    memory_mib: int = 2048

    def __post_init__(self) -> None:
        for name in ("rows", "films", "runs"):
            if getattr(self, name) < 1:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step="Give a number above 0.")
        if not 0 <= self.bad_rows < self.rows:
            raise BenchError(
                f"{self.bad_rows:,} of {self.rows:,} rows cannot be bad.",
                next_step="Give fewer bad rows, or more rows.",
            )


@dataclass(frozen=True)
class NewcomersBenchConfig:
    """The benchmark of what is worth knowing of somebody new.

    Attributes:
        params: Of the blend.
        expectation: What is expected of somebody counts so much; chosen on new users of the training part.
        curve: Whose likes are held out, and how many of them are shown.
    """

    params: Mapping[str, object] = field(default_factory=lambda: {"threads": 2})
    expectation: float = 2.0
    curve: LearningCurveConfig = field(default_factory=lambda: LearningCurveConfig(likes=(0, 1, 2, 5, 10)))

    def __post_init__(self) -> None:
        if self.expectation <= 0:
            raise BenchError(
                f"expectation is {self.expectation}.", next_step="Give a number above 0, or nothing is expected."
            )


@dataclass(frozen=True)
class DriftBenchConfig:
    """The benchmark of drift.

    Attributes:
        rows: How many rows either side has.
        numbers: How many columns of numbers.
        names: How many columns of names.
        rival_rows: How many of the rows the rival gets, which holds all at once.
        evidently_python: The Python of an environment that has Evidently; ``None`` leaves it out.
        seed: Of everything that is made up.
        most_seconds: The target for the live rows, reading included.
        most_memory_mib: The target for the whole process.

    Raises:
        BenchError: A number is out of range.
    """

    rows: int = 10_000_000
    numbers: int = 14
    names: int = 6
    rival_rows: int = 200_000
    evidently_python: Path | None = None
    seed: int = 0
    most_seconds: float = 20.0
    most_memory_mib: float = 1024.0

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        if not (_LEAST_ROWS <= self.rival_rows <= self.rows and self.numbers >= 1 and self.names >= 0):
            raise BenchError(
                f"Drift of {self.rows:,} rows, {self.rival_rows:,} for the rival, cannot be measured.",
                next_step="Give at least 1,000 rows, the rival no more than us, and one column of numbers.",
            )


@dataclass(frozen=True)
class EvaluateBenchConfig:
    """The benchmark of evaluation.

    Attributes:
        users: How many users are judged.
        films: How many films are ranked for each.
        known: How many films each user knows, less the ones drawn twice.
        held_out: How many films are to be found for each, likewise.
        cutoffs: Lengths of the lists.
        repeats: How often each is measured; the median counts.
        rivals_python: The Python of an environment that has RecTools and ranx; ``None`` leaves them out.
        seed: Of everything that is made up.
        times_faster: The target: so many times as fast as each of them.

    Raises:
        BenchError: A number is out of range.
    """

    users: int = 6_000
    films: int = 27_278
    known: int = 130
    held_out: int = 25
    cutoffs: tuple[int, ...] = (10, 20, 50)
    repeats: int = 3
    rivals_python: Path | None = None
    seed: int = 0
    times_faster: float = 5.0

    def __post_init__(self) -> None:
        for name in ("users", "known", "held_out", "repeats"):
            if getattr(self, name) <= 0:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step="Give a number above 0.")
        if not self.cutoffs or min(self.cutoffs) < 1 or max(self.cutoffs) >= self.films - self.known:
            raise BenchError(
                f"Lists of {', '.join(map(str, self.cutoffs)) or 'no'} films cannot be filled from {self.films:,}.",
                next_step="Give more films, or shorter lists.",
            )


@dataclass(frozen=True)
class TrainBenchConfig:
    """The benchmark of training.

    Attributes:
        users: How many users the made-up likes are of.
        films: How many films.
        likes: How many likes are trained on.
        judged_users: Of how many users a few further likes are hidden, to be found.
        factors: Length of the vectors of iALS and of implicit.
        regularisation: Penalty of both.
        alpha: Confidence of a like, for both.
        iterations: How often both solve for all vectors.
        folds: A folder of given folds, on whose first one each of ``models`` is trained; ``None`` leaves that out.
        models: Recommenders with their usual parameters.
        runs: How often each contender has its turn; the median counts.
        seed: Of everything that is made up.
        times_lapack: The target: EASE takes at most so many times what LAPACK alone takes to factorise and invert.
        memory_mib: The target for the peak memory of EASE, 2.5 GB.
        times_implicit: The target: iALS takes at most so many times what implicit takes.

    Raises:
        BenchError: A number is out of range.
    """

    users: int = 140_000
    films: int = 20_000
    likes: int = 20_000_000
    judged_users: int = 2_000
    factors: int = 128
    regularisation: float = 50.0
    alpha: float = 3.0
    iterations: int = 15
    folds: Path | None = None
    models: tuple[str, ...] = ("item-knn", "rp3-beta", "slim", "ease", "edlae", "ials", "kernel")
    runs: int = 2
    seed: int = 0
    times_lapack: float = 1.25
    memory_mib: int = 2384
    times_implicit: float = 0.7

    def __post_init__(self) -> None:
        for name in ("users", "films", "likes", "judged_users", "factors", "iterations", "runs"):
            if getattr(self, name) < 1:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step="Give a number above 0.")
