"""A real standalone cluster, a master and two workers in processes of their own; workers are killed at their work."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from movie_mlops.evaluation import evaluate, user_folds
from movie_mlops.evaluation.config import EvaluationConfig, UserFoldsConfig
from movie_mlops.features import FILM_FEATURES, USER_FEATURES, FeedbackConfig
from movie_mlops.features.engines import LOCAL, EngineDownError, EngineResourceError, SparkEngine
from movie_mlops.recommenders import create
from tests.fixtures.stage_8.crowd import crowd, likes, versions
from tests.fixtures.stage_8.elsewhere import same_arrays
from tests.fixtures.stage_8.spark_cluster import SparkCluster, spark_cluster

pytestmark = pytest.mark.long

CONFIG = FeedbackConfig()
TABLES = (FILM_FEATURES, USER_FEATURES)
PATIENCE = 180


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SparkCluster]:
    with spark_cluster(tmp_path / "cluster") as running:
        yield running


@pytest.fixture
def engine(cluster: SparkCluster, tmp_path: Path) -> Iterator[SparkEngine]:
    spark = SparkEngine(cluster.config(), tmp_path / "spark.log")
    yield spark
    spark.close()


class Murder:
    """Kills the worker that comes first to a certain place in its work, which waits there until it is dead.

    What runs on the workers only sees files, and its part of them is a function without a module: it travels whole.
    """

    def __init__(self, cluster: SparkCluster, folder: Path) -> None:
        self._cluster, self._folder = cluster, folder
        folder.mkdir()

    def trap(self, work: object) -> object:
        """Return ``work``, the first call of which anywhere ends with the death of its worker."""
        mine, done = self._folder / "mine", self._folder / "done"

        def trapped(*given: object) -> object:
            try:
                with mine.open("x") as file:
                    file.write(str(os.getpid()))
            except FileExistsError:
                # Whoever is second lives, and works on meanwhile.
                return work(*given)  # type: ignore[operator]
            while not done.exists():
                time.sleep(0.02)
            time.sleep(PATIENCE)
            raise AssertionError("the worker lives")

        return trapped

    def __call__(self) -> int:
        """Wait for a worker to come there, kill it, and return its number."""
        until = time.monotonic() + PATIENCE
        mine = self._folder / "mine"
        while not (mine.exists() and mine.read_text()):
            assert time.monotonic() < until, "nobody came"
            time.sleep(0.02)
        number = self._cluster.worker_of(int(mine.read_text()))
        self._cluster.kill_worker(number)
        (self._folder / "done").touch()
        return number


def test_a_worker_dies_while_features_are_folded(
    cluster: SparkCluster, engine: SparkEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the rows have been brought together, with its part of them: the other makes the same bytes."""
    lake = crowd(tmp_path / "lake")
    murder = Murder(cluster, tmp_path / "murder")
    regroup = engine.regroup

    def trapped(split: object, gather: object, *rest: object) -> object:
        return regroup(split, murder.trap(gather), *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "regroup", trapped)
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(murder)
        made = engine.tables(TABLES, lake, versions(lake), CONFIG)
        assert killing.result() in {0, 1}
    for name, table in LOCAL.tables(TABLES, lake, versions(lake), CONFIG).items():
        assert_frame_equal(table.whole(), made[name].whole(), check_exact=True)


def test_a_worker_dies_in_the_middle_of_a_training(
    cluster: SparkCluster, engine: SparkEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The likes of iALS are kept on the workers; one dies with its share half-way, and the model is the same bytes."""
    matrix = likes(users=700, films=90)
    murder = Murder(cluster, tmp_path / "murder")
    each, calls = engine.each, []

    def trapped(work: object, shared: object, parts: object) -> object:
        calls.append(work)
        # In the third sweep: two have used what the workers keep.
        return each(murder.trap(work) if len(calls) == 5 else work, shared, parts)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "each", trapped)
    ours, theirs = (create("ials", {"iterations": 4, "factors": 8}) for _ in range(2))
    ours.fit(matrix)
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(murder)
        theirs.fit(matrix, engine=engine)
        assert killing.result() in {0, 1}
    assert len(calls) == 8
    assert same_arrays(ours.arrays(), theirs.arrays())


def test_a_worker_dies_while_users_are_judged(
    cluster: SparkCluster, engine: SparkEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other ranks for its users as well: every user's metrics are the same numbers."""
    known = LOCAL.feedback(crowd(tmp_path / "lake"), None, CONFIG)
    (case, *_) = user_folds(known, UserFoldsConfig(folds=3, cases=1))
    model = create("item-knn")
    model.fit(case.train)
    murder = Murder(cluster, tmp_path / "murder")
    each = engine.each
    monkeypatch.setattr(engine, "each", lambda work, *rest: each(murder.trap(work), *rest))
    config = EvaluationConfig(block_scores=300)
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(murder)
        there = evaluate(model, case, config, engine=engine)
        assert killing.result() in {0, 1}
    here = evaluate(model, case, config)
    assert there.lists == here.lists
    assert all(np.array_equal(there.per_user[metric], values) for metric, values in here.per_user.items())


def test_when_all_workers_are_gone_it_ends(cluster: SparkCluster, tmp_path: Path) -> None:
    """Spark itself would wait for ever: after wait_seconds without a worker there is an error, and nothing is made."""
    engine = SparkEngine(cluster.config(wait_seconds=20), tmp_path / "spark.log")
    try:
        assert list(engine.each(max, 1, [2])) == [2]
        for number in range(2):
            cluster.kill_worker(number)
        with pytest.raises(EngineDownError, match="no worker of the Spark cluster") as told:
            list(engine.each(max, 1, [2]))
        assert told.value.retryable
    finally:
        engine.close()


def test_a_cluster_with_no_room_is_told(cluster: SparkCluster, tmp_path: Path) -> None:
    """Workers with less memory than is asked for take nothing: an error after wait_seconds, naming the memory."""
    engine = SparkEngine(cluster.config(wait_seconds=5, executor_memory="64g"), tmp_path / "spark.log")
    with pytest.raises(EngineDownError, match="took any work") as told:
        list(engine.each(max, 1, [2]))
    assert "64g of memory" in told.value.next_step
    # It let go of the cluster: another one may ask for what there is.
    again = SparkEngine(cluster.config(), tmp_path / "spark.log")
    try:
        assert list(again.each(max, 1, [2])) == [2]
    finally:
        again.close()


def test_a_worker_out_of_memory_is_told(tmp_path: Path) -> None:
    """The limit that Spark sets a worker's Python is real: who wants more fails, is tried again, and is told of."""

    def greedy(_shared: None, _part: int) -> int:
        return len(np.ones(1 << 30))

    with spark_cluster(tmp_path / "cluster", workers=1, memory="6g") as cluster:
        conf = {**cluster.config().conf, "spark.executor.pyspark.memory": "4g"}
        engine = SparkEngine(cluster.config(conf=conf), tmp_path / "spark.log")
        try:
            with pytest.raises(EngineResourceError, match="ran out of memory") as told:
                list(engine.each(greedy, None, [1]))
            assert "executor_memory" in told.value.next_step
            assert "failed 4 times" in (tmp_path / "spark.log").read_text()
            assert list(engine.each(max, 1, [2])) == [2]
        finally:
            engine.close()


def test_frames_come_back_whole(engine: SparkEngine) -> None:
    """What has no module, and frames with lists, times and nulls, go to the workers and come back as they were."""
    frame = pl.DataFrame(
        {"t": [None, 1], "l": [["a"], None], "f": [float("nan"), -0.0]},
        schema={"t": pl.Datetime("us", "UTC"), "l": pl.List(pl.String), "f": pl.Float32},
    )
    (back,) = engine.each(lambda shared, part: shared.vstack(part), frame, [frame])
    assert_frame_equal(back, pl.concat([frame, frame]), check_exact=True)
