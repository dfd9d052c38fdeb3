"""The main job and batch scoring by both engines, as a user runs them: the same tables, bundle and lists."""

import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml

from movie_mlops.lake import Lake, LakeConfig
from tests.fixtures.stage_4.command_line import QUICK, CommandLine, copied
from tests.fixtures.stage_8.spark_cluster import CONF, require_spark, spark_cluster

TABLES = ("interactions", "movies", "film_features", "user_features", "recommendations")


def lake(home: CommandLine) -> Lake:
    return Lake(LakeConfig(home.home / "data" / "lake" / "sample"))


def spark_config(home: CommandLine, **given: object) -> None:
    """Write config/spark.yaml of a configured command line."""
    said = {"driver_memory": "512m", "executor_memory": "512m", "conf": CONF, "wait_seconds": 120, **given}
    (home.config / "spark.yaml").write_text(yaml.safe_dump(said))


@pytest.mark.long
def test_both_engines_make_the_same_of_one_lake(tmp_path: Path) -> None:
    """From one ingest the local engine and a cluster go on: features, evaluation, bundle, lists and training set agree.

    The cluster has a master and two workers. The bundle's name is the digest of all that is in it: arrays, versions of
    data and features, and every figure of the evaluation.
    """
    require_spark()
    local = CommandLine(tmp_path, tmp_path / "local").configured(**QUICK)
    assert local("run", "--only", "ingest", "--json").code == 0
    # One key for both: a bundle is signed, and a new home makes one of its own.
    spark = replace(local, home=tmp_path / "spark")
    with spark_cluster(tmp_path / "cluster") as cluster:
        spark_config(local, master=cluster.address)
        shutil.copytree(local.home, spark.home)
        made = []
        for home, engine in ((local, "local"), (spark, "spark")):
            done = home("run", "--engine", engine, "--json")
            assert done.code == 0, done.err
            scored = home("score", "--engine", engine, "--json", "--dataset", "sample")
            assert scored.code == 0, scored.err
            built = home("features", "build-training-set", "rows", "--engine", engine, "--json")
            assert built.code == 0, built.err
            made.append((done.document, scored.document, built.document))
    (ours, our_lists, our_set), (theirs, their_lists, their_set) = made
    assert theirs["models"] == ours["models"]
    assert theirs["release"] == ours["release"]
    assert their_lists == our_lists
    assert their_set["sha256"] == our_set["sha256"]
    for table in TABLES:
        first, second = (lake(home).scan(table).collect() for home in (local, spark))
        assert first.equals(second), table
        assert first.schema == second.schema
    assert "spark" in (spark.home / "logs" / "spark.log").read_text().lower()
    # What one engine has done, the other need not do again.
    again = local("run", "--engine", "spark", "--json")
    assert again.code == 0
    assert {step["status"] for step in again.document["steps"]} == {"skipped"}


@pytest.mark.parametrize("what", ["no Java", "no cluster", "no engine", "no memory"])
def test_what_cannot_work_is_said_and_nothing_is_written(finished: CommandLine, tmp_path: Path, what: str) -> None:
    """No Java, nobody at the cluster's address, an unknown engine or setting: one sentence, no new version."""
    home = copied(finished, tmp_path).configured(**QUICK)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = {
            "no Java": {"JAVA_HOME": str(tmp_path / "nowhere")},
            "no cluster": {"MOVIE_MLOPS_SPARK_MASTER": f"spark://127.0.0.1:{taken.getsockname()[1]}"},
        }.get(what, {})
        spark_config(home, **({"driver_memory": "much"} if what == "no memory" else {}))
        engine = "dask" if what == "no engine" else "spark"
        done = replace(home, settings=settings)("score", "--engine", engine)
    assert done.code == (2 if what == "no engine" else 1)
    named = {"no Java": "JAVA_HOME", "no cluster": "does not answer", "no memory": "driver_memory"}.get(what, "dask")
    assert named in done.err, done.err
    assert "Traceback" not in done.err
    assert lake(home).version("recommendations") is None


@pytest.mark.long
def test_lists_by_a_cluster_of_threads(finished: CommandLine, tmp_path: Path) -> None:
    """MOVIE_MLOPS_ENGINE=spark with no more than this machine: everybody's lists are those of the local engine."""
    require_spark()
    homes = [copied(finished, tmp_path / name).configured(**QUICK) for name in ("local", "spark")]
    spark_config(homes[1], master="local[2]")
    homes[1] = replace(homes[1], settings={"MOVIE_MLOPS_ENGINE": "spark"})
    told = [home("score", "--json") for home in homes]
    assert [one.code for one in told] == [0, 0], told[1].err
    assert json.loads(told[0].out) == json.loads(told[1].out)
    first, second = (lake(home).scan("recommendations").collect() for home in homes)
    assert first.equals(second)
    assert first.select(pl.col("user_id").n_unique()).item() > 1000
