"""A real Spark with two workers on this machine, beside the local engine: equal to the last byte."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from movie_mlops.bench import EnginesBenchConfig, bench_engines
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.evaluation import evaluate, user_folds
from movie_mlops.evaluation.config import EvaluationConfig, UserFoldsConfig
from movie_mlops.features import (
    FILM_FEATURES,
    MATCH_FEATURES,
    USER_FEATURES,
    VIEWS,
    FeedbackConfig,
    TrainingSets,
    TrainingSetSpec,
)
from movie_mlops.features.engines import (
    LOCAL,
    EngineError,
    EngineMismatchError,
    EngineResourceError,
    SparkConfig,
    SparkEngine,
)
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS, Lake, LakeConfig
from movie_mlops.recommenders import RecommenderError, create
from tests.fixtures.stage_2.interactions import START
from tests.fixtures.stage_8.crowd import crowd, likes, versions
from tests.fixtures.stage_8.elsewhere import same_arrays
from tests.fixtures.stage_8.spark_cluster import CONF, local_spark, require_spark

CONFIG = FeedbackConfig()
TABLES = (FILM_FEATURES, USER_FEATURES)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    """One Spark for all tests of this module: it takes seconds to start."""
    require_spark()
    engine = SparkEngine(local_spark(), tmp_path_factory.mktemp("spark") / "spark.log")
    yield engine
    engine.close()


def same(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    """Values, types, nulls, order of rows and columns: all exactly."""
    assert_frame_equal(ours, theirs, check_exact=True)


def test_features_models_and_lists_are_the_local_ones(tmp_path: Path, spark: SparkEngine) -> None:
    """Promise P5: features, feedback, a model and its ranking are, to the last byte, what the local engine makes."""
    lake = crowd(tmp_path)
    made = spark.tables(TABLES, lake, versions(lake), CONFIG)
    for name, table in LOCAL.tables(TABLES, lake, versions(lake), CONFIG).items():
        same(table.whole(), made[name].whole())
    known = LOCAL.feedback(lake, None, CONFIG)
    same(known, spark.feedback(lake, None, CONFIG))
    (case, *_) = user_folds(known, UserFoldsConfig(folds=3, cases=1))
    ours, theirs = create("ease"), create("ease")
    ours.fit(case.train)
    theirs.fit(case.train, engine=spark)
    assert same_arrays(ours.arrays(), theirs.arrays())
    config = EvaluationConfig(block_scores=600)
    here, there = (evaluate(model, case, config, engine=engine) for model, engine in ((ours, LOCAL), (theirs, spark)))
    assert there.lists == here.lists
    assert all(np.array_equal(there.per_user[metric], values) for metric, values in here.per_user.items())


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_features_are_the_local_ones_for_every_crowd(tmp_path: Path, spark: SparkEngine, seed: int) -> None:
    """Interactions with ties, corrections, late arrivals, no time or no value: words and every feature are the same."""
    lake = crowd(tmp_path, users=300, films=80, rows=20_000, files=1 + seed * 3, seed=seed)
    made = spark.tables(TABLES, lake, versions(lake), CONFIG)
    for name, table in LOCAL.tables(TABLES, lake, versions(lake), CONFIG).items():
        same(table.whole(), made[name].whole())
    same(LOCAL.words(lake, 0, CONFIG), spark.words(lake, 0, CONFIG))
    same(LOCAL.feedback(lake, None, CONFIG), spark.feedback(lake, None, CONFIG))


@pytest.mark.long
@pytest.mark.parametrize("knowledge", ["row", None, START + timedelta(days=100)])
def test_training_sets_have_the_same_bytes(tmp_path: Path, spark: SparkEngine, knowledge: object) -> None:
    """Promise P4: rows of a training set, with every view and every kind of knowledge, are written byte for byte."""
    lake = crowd(tmp_path / "lake", rows=4000)
    spec = TrainingSetSpec("crowd", knowledge=knowledge)  # type: ignore[arg-type]
    assert len(spec.features) == len(list(VIEWS))
    made = [
        TrainingSets(tmp_path / engine.name, lake, engine).build(spec, CONFIG).manifest["sha256"]
        for engine in (LOCAL, spark)
    ]
    assert made[0] == made[1]


@pytest.mark.long
def test_some_features_of_a_view_are_dealt_out_too(tmp_path: Path, spark: SparkEngine) -> None:
    """A view may be asked for some of its features; rows of users who did nothing get what they get here."""
    lake = crowd(tmp_path)
    view = MATCH_FEATURES.only(["likes_before", "decade_match"])
    rows = pl.DataFrame(
        {"user_id": ["u3", "nobody", "u3", "u9"], "movie_id": [1, 2, 7, 4], "at": [START + timedelta(days=150)] * 4}
    ).with_columns(pl.col("at").cast(pl.Datetime("us", "UTC")))
    ours, theirs = (
        engine.rows(view, rows, lake, versions(lake), config=CONFIG, knowledge="row") for engine in (LOCAL, spark)
    )
    same(ours, theirs)


@pytest.mark.long
@pytest.mark.parametrize("name", ["edlae", "item-knn", "slim", "rp3-beta", "ials", "blend"])
def test_models_are_the_local_ones(spark: SparkEngine, name: str) -> None:
    """Promise P7: what a model learns is equal byte by byte, where both are one kind of machine."""
    matrix = likes(users=400, films=120)
    ours, theirs = create(name), create(name)
    ours.fit(matrix)
    theirs.fit(matrix, engine=spark)
    assert same_arrays(ours.arrays(), theirs.arrays())


@pytest.mark.long
def test_an_empty_table_is_no_reason_to_fail(tmp_path: Path, spark: SparkEngine) -> None:
    """Where there is nothing to deal out, tables without rows come back, with all their columns."""
    lake = Lake(LakeConfig(tmp_path))
    for table in (INTERACTIONS, MOVIES):
        lake.append(table, pl.DataFrame(schema=SCHEMAS[table]))
    made = spark.tables(TABLES, lake, versions(lake), CONFIG)
    for name, table in LOCAL.tables(TABLES, lake, versions(lake), CONFIG).items():
        same(table.whole(), made[name].whole())
    same(LOCAL.feedback(lake, None, CONFIG), spark.feedback(lake, None, CONFIG))


def too_much(_shared: None, _part: int) -> int:
    return len(np.ones(1 << 55))


def disk_full(_shared: None, _part: int) -> int:
    with Path("/dev/full").open("w") as file:
        return file.write("x" * 100_000)


def wrong_matrix(_shared: None, _part: int) -> None:
    create("ease").fit(likes()[:, :0])


def bug(shared: dict[str, int], _part: int) -> int:
    return shared["nowhere"]


def gone(_shared: None, _part: int) -> None:
    os._exit(9)


@pytest.mark.long
@pytest.mark.parametrize(
    ("work", "kind", "named"),
    [
        (too_much, EngineResourceError, "ran out of memory"),
        (disk_full, EngineResourceError, "disk is full"),
        (bug, EngineError, "KeyError: 'nowhere'"),
        (gone, EngineError, "lost more often"),
    ],
)
def test_what_fails_on_a_worker_is_told_in_a_sentence(
    spark: SparkEngine, work: object, kind: type[EngineError], named: str
) -> None:
    """A worker out of memory, one whose disk is full, a mistake, a Python that ends: an error each; Spark lives on."""
    with pytest.raises(kind, match=named) as told:
        list(spark.each(work, {}, range(3)))  # type: ignore[arg-type]
    assert type(told.value) is kind
    assert "spark.log" in told.value.next_step
    assert list(spark.each(max, 3, [1, 5])) == [3, 5]


@pytest.mark.long
def test_our_own_errors_come_back_as_they_are(spark: SparkEngine) -> None:
    """An error with a next step keeps both on its way from a worker, and is not tried four times."""
    with pytest.raises(MovieMlopsError) as here:
        wrong_matrix(None, 0)
    with pytest.raises(MovieMlopsError) as there:
        list(spark.each(wrong_matrix, None, [0]))
    assert isinstance(here.value, RecommenderError)
    assert str(there.value) == str(here.value)


@pytest.mark.long
def test_a_second_session_is_refused(tmp_path: Path, spark: SparkEngine) -> None:
    """Spark allows one session a process: a second is refused, and the first goes on."""
    assert spark.workers == 2
    with pytest.raises(EngineError, match="has a Spark session already"):
        SparkEngine(local_spark(), tmp_path / "spark.log").workers  # noqa: B018 - it connects
    assert list(spark.each(max, 3, [1])) == [3]


@pytest.mark.long
def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path, spark: SparkEngine) -> None:
    """Files of the lake that a worker cannot read: an error, and no version more."""
    lake = crowd(tmp_path)
    victim = next((tmp_path / INTERACTIONS).glob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:200])
    before = {table: lake.version(table) for table in lake.names()}
    with pytest.raises(EngineError):
        spark.tables(TABLES, lake, versions(lake), CONFIG)
    assert {table: lake.version(table) for table in lake.names()} == before


@pytest.mark.long
def test_a_python_without_our_libraries_is_named(tmp_path: Path, spark: SparkEngine) -> None:
    """Workers whose Python lacks a library: which one, and what to do; the session is closed for another one."""
    spark.close()
    poor = tmp_path / "python"
    poor.write_text('#!/bin/sh\nexec python3 -S "$@"\n')
    poor.chmod(0o755)
    config = SparkConfig(master="local[1]", driver_memory="512m", python=str(poor), conf=CONF)
    engine = SparkEngine(config, tmp_path / "spark.log")
    try:
        with pytest.raises(EngineMismatchError, match=r"lacks (polars|numpy|pydantic)"):
            engine.feedback(crowd(tmp_path / "lake"), None, CONFIG)
    finally:
        engine.close()
    # Closed as it was above, it starts again.
    assert list(spark.each(max, 3, [1])) == [3]


@pytest.mark.long
def test_the_benchmark_compares_what_is_the_same(tmp_path: Path, spark: SparkEngine) -> None:
    """Both engines are measured on one lake, part by part; the file says by how many cores, and how Spark started."""
    spark.close()
    config = EnginesBenchConfig(sizes=(4_000,), films=500, files=4, iterations=1)
    found = bench_engines(config, local_spark(), tmp_path / "spark.json", command="here")
    assert json.loads((tmp_path / "spark.json").read_text()) == found
    assert found["setup"]["workers"] == 2
    assert len(found["runs"]) == 5
    assert all(run["spark"] > 0 < run["local"] for run in found["runs"])
