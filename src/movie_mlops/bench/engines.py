"""How long the local engine and Spark take for the same work, at several sizes, and whether it is the same."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from scipy import sparse

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.generated_likes import generated_likes
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.core.columns import EVENT_ID, EVENT_TIME, INGESTED_AT, KIND, MOVIE_ID, SOURCE, USER_ID, VALUE
from movie_mlops.core.nouns import Kind
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.evaluation import EvaluationCase, evaluate
from movie_mlops.features import FILM_FEATURES, USER_FEATURES, FeedbackConfig
from movie_mlops.features.engines import LOCAL, FeatureEngine, SparkConfig, SparkEngine
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS, Lake, LakeConfig
from movie_mlops.recommenders import Recommender, create

_START: Final = 1_600_000_000
_YEAR: Final = 365 * 86_400
_PER_USER: Final = 100
_GENRES: Final = ("Action", "Comedy", "Drama", "Horror", "Western")


@dataclass(frozen=True)
class EnginesBenchConfig:
    """The benchmark of the engines.

    Attributes:
        sizes: How many interactions, size by size; a hundredth as many users.
        films: How many films there are.
        files: In how many files of the lake the interactions are.
        iterations: Of iALS, each of which goes to the workers and back twice.
        seed: Of everything that is made up.

    Raises:
        BenchError: A number is out of range.
    """

    sizes: tuple[int, ...] = (200_000, 1_000_000, 5_000_000)
    films: int = 5_000
    files: int = 16
    iterations: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        numbers = {"films": self.films, "files": self.files, "iterations": self.iterations}
        numbers |= {f"the size {size}": size // self.files // _PER_USER for size in self.sizes}
        for name, number in numbers.items():
            if number <= 0:
                raise BenchError(f"{name} is too small.", next_step="Give a greater number.")


def bench_engines(
    config: EnginesBenchConfig,
    spark: SparkConfig,
    out: Path,
    *,
    java_home: str | None = None,
    command: str = "",
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Measure both engines on the same lake, and write a file; each does each part once, after one that is thrown away.

    Args:
        config: What is run.
        spark: The cluster.
        out: The JSON file, replaced whole.
        java_home: Where Java is, if somebody said.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: The engines made something different.
        EngineError: Spark cannot do it.
    """
    machine = machine_facts()
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as name:
        folder = Path(name)
        engine = SparkEngine(spark, folder / "spark.log", java_home=java_home)
        try:
            started = time.perf_counter()
            workers = engine.workers
            # The first work of all also starts the workers' Pythons.
            list(engine.each(max, 0, range(2 * workers)))
            start_seconds = round(time.perf_counter() - started, 3)
            runs = []
            with progress.task(
                "Measuring both engines", total=len(config.sizes) * len(_PARTS), unit="parts"
            ) as advance:
                for size in config.sizes:
                    for run in _measured(folder / str(size), size, config, engine):
                        runs.append(run)
                        advance(1)
        finally:
            engine.close()
    setup = {"master": spark.master, "workers": workers, "spark_start_seconds": start_seconds}
    return write_record(
        out,
        "spark",
        command,
        machine,
        {
            "setup": {**setup, "films": config.films, "files": config.files, "seed": config.seed},
            "runs": runs,
        },
    )


@dataclass(frozen=True)
class _Work:
    """What a part has to do with: the lake, what is known from it, and a model of that to judge."""

    lake: Lake
    versions: dict[str, int]
    case: EvaluationCase
    model: Recommender
    iterations: int


def _measured(folder: Path, size: int, config: EnginesBenchConfig, spark: SparkEngine) -> Iterator[dict[str, Any]]:
    work = _make(folder, size, config)
    for name, part in _PARTS.items():
        seconds, made = {}, []
        for engine in (LOCAL, spark):
            # A first time for the files to be in memory, and the loops compiled.
            part(work, engine)
            started = time.perf_counter()
            made.append(part(work, engine))
            seconds[engine.name] = round(time.perf_counter() - started, 3)
        if not _same(*made):
            raise BenchError(f"The engines differ in {name}.", next_step="Report this: they should not.")
        yield {
            "part": name,
            "interactions": size,
            **seconds,
            "times_as_fast": round(seconds["local"] / seconds["spark"], 3),
        }


def _make(folder: Path, size: int, config: EnginesBenchConfig) -> _Work:
    """Write a lake, and return it with what models learn from."""
    chance = np.random.default_rng(config.seed)
    users = size // _PER_USER
    likes = generated_likes(users, config.films, size, config.seed).tocoo()
    order = chance.permutation(size)
    lake = Lake(LakeConfig(folder))
    for number, rows in enumerate(np.array_split(order, config.files)):
        times = pl.Series((_START + chance.integers(0, _YEAR, len(rows))) * 1_000_000).cast(pl.Datetime("us", "UTC"))
        frame = pl.DataFrame(
            {
                EVENT_ID: [f"{number}-{row}" for row in range(len(rows))],
                USER_ID: pl.Series(likes.row[rows]).cast(pl.String),
                MOVIE_ID: likes.col[rows].astype(np.int64),
                KIND: [Kind.RATING.value] * len(rows),
                VALUE: (chance.integers(1, 11, len(rows)) / 2).astype(np.float32),
                EVENT_TIME: times,
                INGESTED_AT: times,
                SOURCE: ["bench"] * len(rows),
            }
        )
        lake.append(INTERACTIONS, frame)
    films = pl.DataFrame(
        {
            MOVIE_ID: np.arange(config.films),
            "title": [f"Film {film}" for film in range(config.films)],
            "year": (1930 + np.arange(config.films) % 95).astype(np.int32),
            "genres": [[_GENRES[film % 5]] for film in range(config.films)],
        }
    )
    absent = {
        name: pl.lit([], dtype) if isinstance(dtype, pl.List) else pl.lit(None, dtype)
        for name, dtype in SCHEMAS[MOVIES].items()
        if name not in films.columns
    }
    lake.overwrite(MOVIES, films.with_columns(**absent).select(SCHEMAS[MOVIES].names()))
    versions = {table: lake.delta(table).version() for table in (INTERACTIONS, MOVIES)}
    case = _case(likes.tocsr())
    model = create("item-knn")
    model.fit(case.train)
    return _Work(lake, versions, case, model, config.iterations)


def _case(likes: "sparse.csr_array[Any, tuple[int, int]]") -> EvaluationCase:
    """Return a case in which the first film of everybody who likes two is to be found."""
    matrix = sparse.csr_matrix(likes)
    judged = np.flatnonzero(np.diff(matrix.indptr) > 1)
    theirs = matrix[judged]
    hidden = sparse.csr_matrix(
        (np.ones(len(judged), np.float32), theirs.indices[theirs.indptr[:-1]], np.arange(len(judged) + 1)),
        shape=theirs.shape,
    )
    shown = theirs - hidden
    shown.eliminate_zeros()
    return EvaluationCase(
        name="first film",
        train=matrix,
        train_times=None,
        histories=shown,
        seen=shown,
        held_out=hidden,
        user_ids=[str(user) for user in judged],
        movie_ids=np.arange(matrix.shape[1]),
    )


def _tables(work: _Work, engine: FeatureEngine) -> dict[str, Any]:
    made = engine.tables((FILM_FEATURES, USER_FEATURES), work.lake, work.versions, FeedbackConfig())
    return {name: table.whole() for name, table in made.items()}


def _feedback(work: _Work, engine: FeatureEngine) -> dict[str, Any]:
    return {"feedback": engine.feedback(work.lake, work.versions[INTERACTIONS], FeedbackConfig())}


def _item_knn(work: _Work, engine: FeatureEngine) -> dict[str, Any]:
    model = create("item-knn")
    model.fit(work.case.train, engine=engine)
    return model.arrays()


def _ials(work: _Work, engine: FeatureEngine) -> dict[str, Any]:
    model = create("ials", {"iterations": work.iterations})
    model.fit(work.case.train, engine=engine)
    return model.arrays()


def _judging(work: _Work, engine: FeatureEngine) -> dict[str, Any]:
    return dict(evaluate(work.model, work.case, engine=engine).per_user)


_PARTS: Final[dict[str, Callable[[_Work, FeatureEngine], dict[str, Any]]]] = {
    "features of films and users": _tables,
    "feedback": _feedback,
    "training of item-knn": _item_knn,
    "training of ials": _ials,
    "judging of item-knn": _judging,
}


def _same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return all(
        theirs[name].equals(one) if isinstance(one, pl.DataFrame) else np.array_equal(theirs[name], one)
        for name, one in ours.items()
    )
