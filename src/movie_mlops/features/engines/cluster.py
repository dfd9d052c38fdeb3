"""Work on a Spark cluster: the one module that knows PySpark.

Of Spark only its oldest part is used: functions over parts, a shuffle by number, values that all workers share. Tasks
are plain Python, so that they run the code of the local engine; Spark deals them out, moves the bytes, and does again
what was lost.
"""

import importlib.metadata
import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import movie_mlops
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.features.engines.config import SparkConfig
from movie_mlops.features.engines.errors import EngineError
from movie_mlops.features.engines.faults import check_reachable, check_versions, fault, nobody_works
from movie_mlops.features.engines.java import find_java

S = TypeVar("S")
P = TypeVar("P")
Q = TypeVar("Q")
R = TypeVar("R")

_AT_ONCE: Final = 8
"""So many parts for each worker go into one job: their results are in this process's memory together."""
_POLL_SECONDS: Final = 1.0
_COMPARED: Final = ("polars", "numpy", "scipy", "numba")


@dataclass(frozen=True)
class _Kept:
    """Parts that are on the workers, as an RDD of (place, part)."""

    rdd: Any

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("What is kept on workers is for the engine's each().")


class Cluster:
    """A Spark cluster; it is connected to when there is the first thing to do.

    Args:
        config: Which, and what it may take.
        log: The file for what Spark says, replaced whole.
        java_home: Where Java is, if somebody said.
    """

    name = "spark"

    def __init__(self, config: SparkConfig, log: Path, *, java_home: str | None = None) -> None:
        self._config = config
        self._log = log
        self._java_home = java_home
        self._context: Any = None
        self._gateway: Any = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def workers(self) -> int:
        """See :attr:`Engine.workers`: the cores of the cluster.

        Raises:
            EngineError: It cannot be connected to.
        """
        return max(1, int(self._started().defaultParallelism))

    def each(self, work: Callable[[S, P], R], shared: S, parts: Iterable[P]) -> Iterator[R]:
        """See :meth:`Engine.each`.

        Raises:
            EngineError: It cannot be done.
        """
        with self._shared(shared) as told:
            if isinstance(parts, _Kept):
                yield from self._collect(parts.rdd.map(lambda row: _done(work, told, row[1])))
                return
            waiting = iter(parts)
            while some := list(islice(waiting, _AT_ONCE * self.workers)):
                yield from self._collect(self._dealt(some).map(lambda part: _done(work, told, part)))

    @contextmanager
    def keep(self, parts: Sequence[P]) -> Iterator[Iterable[P]]:
        """See :meth:`Engine.keep`; what a lost worker kept is brought to another one.

        Raises:
            EngineError: It cannot be done.
        """
        # A shuffle brings them there: without it they would travel with each task again.
        placed = self._dealt(list(enumerate(parts))).partitionBy(len(parts), int)
        kept = placed.persist(_pyspark().StorageLevel.MEMORY_AND_DISK)
        try:
            yield _Kept(kept)
        finally:
            if self._context is not None:
                kept.unpersist()

    def regroup(
        self,
        split: Callable[[S, P], Iterable[tuple[int, Q]]],
        gather: Callable[[S, list[Q]], R],
        shared: S,
        parts: Sequence[P],
        groups: int,
    ) -> list[R]:
        """Bring together what belongs together, and return what is made of each group that has anything.

        Args:
            split: Gives what a part holds of each group, by the group's number.
            gather: Takes what all parts held of one group, in the order of the parts.
            shared: Brought to each worker once.
            parts: What is split.
            groups: How many groups there are; numbers are below it.

        Raises:
            EngineError: It cannot be done.
        """
        with self._shared(shared) as told:
            apart = self._dealt(list(enumerate(parts))).flatMap(lambda row: _split(split, told, row))
            together = apart.partitionBy(groups, int).mapPartitions(lambda rows: _gathered(gather, told, rows))
            return list(self._collect(together))

    def close(self) -> None:
        """Let go of the cluster and end Java."""
        context, gateway = self._context, self._gateway
        self._context = self._gateway = None
        if context is not None:
            with suppress(Exception):  # what is lost already cannot be ended
                context.stop()
        if gateway is not None:
            _end(gateway)
        if self._folder is not None:
            self._folder.cleanup()

    def _dealt(self, parts: Sequence[Any]) -> Any:
        return self._started().parallelize(parts, len(parts))

    @contextmanager
    def _shared(self, value: Any) -> Iterator[Any]:
        told = self._started().broadcast(value)
        try:
            yield told
        finally:
            # Where the cluster is gone, so is what it was told.
            if self._context is not None:
                with suppress(Exception):
                    told.destroy()

    def _collect(self, rdd: Any) -> Iterator[Any]:
        with self._faults(), self._lifeline() as abandoned:
            try:
                found = rdd.collect()
            except Exception:
                if abandoned.is_set():
                    raise nobody_works(self._config) from None
                raise
        for failure, result in found:
            if failure is not None:
                problem, next_step = failure
                raise EngineError(problem, next_step=next_step)
            yield result

    def _started(self) -> Any:
        if self._context is None:
            check_reachable(self._config)
            with self._faults():
                try:
                    self._start()
                except BaseException:
                    self.close()
                    raise
        return self._context

    def _start(self) -> None:
        pyspark = _pyspark()
        if pyspark.SparkContext._active_spark_context is not None:  # noqa: SLF001 - no other way
            raise EngineError("This process has a Spark session already.", next_step="End that one first.")
        java = find_java(self._java_home)
        conf = pyspark.SparkConf(loadDefaults=False)
        for name, value in _properties(self._config).items():
            conf.set(name, value)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # Spark's scripts and its tasks are told here.
        os.environ |= {"JAVA_HOME": str(java), "PYSPARK_PYTHON": self._config.python or sys.executable}  # noqa: TID251
        from pyspark.java_gateway import launch_gateway  # noqa: PLC0415 - heavy, and only here

        with self._log.open("wb") as log:
            self._gateway = launch_gateway(conf, {"stdout": log, "stderr": log})
        self._context = pyspark.SparkContext(conf=conf, gateway=self._gateway)
        if self._config.is_local:
            # Its tasks run in this very environment.
            return
        self._wait_for_workers()
        # Workers ask for the file when they are first given work, also those that come later.
        self._folder = tempfile.TemporaryDirectory(prefix="movie-mlops-")
        self._context.addPyFile(str(_package(Path(self._folder.name))))
        ours = versions()
        asked = 2 * self.workers
        for theirs in self._collect(self._context.parallelize(range(asked), asked).map(_told_versions)):
            check_versions(ours, theirs)

    def _wait_for_workers(self) -> None:
        until = time.monotonic() + self._config.wait_seconds
        while not self._executors():
            if time.monotonic() > until:
                raise nobody_works(self._config)
            time.sleep(_POLL_SECONDS / 4)

    def _executors(self) -> int:
        """Return how many workers there are; this process is listed among them."""
        return len(self._context._jsc.sc().statusTracker().getExecutorInfos()) - 1  # noqa: SLF001 - no other way

    @contextmanager
    def _lifeline(self) -> Iterator[threading.Event]:
        """End what is going on once no worker has been there for too long: Spark itself would wait for ever."""
        abandoned, ended = threading.Event(), threading.Event()

        def watch() -> None:
            seen = time.monotonic()
            while not ended.wait(_POLL_SECONDS):
                with suppress(Exception):  # asked again the next second
                    if self._executors():
                        seen = time.monotonic()
                if time.monotonic() - seen > self._config.wait_seconds:
                    abandoned.set()
                    self._context.cancelAllJobs()
                    return

        watcher = threading.Thread(target=watch, name="spark-lifeline", daemon=True)
        if not self._config.is_local:
            watcher.start()
        try:
            yield abandoned
        finally:
            ended.set()
            if watcher.ident is not None:
                watcher.join()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except MovieMlopsError:
            raise
        except Exception as error:
            raise fault(error, self._config, self._log) from error


def versions() -> dict[str, str]:
    """Return what has to be the same on both sides for results to be the same."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in _COMPARED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def _told_versions(_number: int) -> tuple[None, dict[str, str]]:
    return None, {**versions(), "host": socket.gethostname()}


def _done(work: Callable[[Any, Any], Any], told: Any, part: Any) -> tuple[tuple[str, str] | None, Any]:
    """Return what went wrong in a way that doing it again does not mend, or nothing, and the result."""
    try:
        return None, work(told.value, part)
    except MovieMlopsError as error:
        return (error.problem, error.next_step), None


def _split(split: Callable[[Any, Any], Iterable[Any]], told: Any, row: tuple[int, Any]) -> Iterator[tuple[int, Any]]:
    place, part = row
    return ((group, (place, piece)) for group, piece in split(told.value, part))


def _gathered(gather: Callable[[Any, list[Any]], Any], told: Any, rows: Iterable[tuple[int, Any]]) -> list[Any]:
    """Return what is made of one group; its pieces come in any order, and are put into that of the parts."""
    pieces = sorted((row[1] for row in rows), key=lambda placed: placed[0])
    return [_done(gather, told, [piece for _, piece in pieces])] if pieces else []


def _properties(config: SparkConfig) -> dict[str, str]:
    """Return the properties of Spark; those of the configuration go over ours."""
    at_home = config.is_local or all(host in {"127.0.0.1", "localhost"} for host, _ in config.addresses)
    here = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return {
        **(here if at_home and (config.is_local or config.addresses) else {}),
        # Its page would be open to whoever reaches this machine.
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # This process knows best what it can hold.
        "spark.driver.maxResultSize": "0",
        "spark.rpc.message.maxSize": "1024",
        # Each core has a task of its own: more threads would only stand in their way.
        "spark.executorEnv.POLARS_MAX_THREADS": "1",
        **config.conf,
        "spark.master": config.master,
        "spark.app.name": "movie-mlops",
        "spark.submit.deployMode": "client",
        "spark.driver.memory": config.driver_memory,
        "spark.executor.memory": config.executor_memory,
    }


def _package(folder: Path) -> Path:
    """Write the code of this package as a zip, so that workers run what runs here."""
    root = Path(movie_mlops.__file__).parent
    made = folder / "movie_mlops_code.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*")):
            if file.suffix not in {".pyc", ".nbi", ".nbc"} and file.is_file():
                archive.write(file, file.relative_to(root.parent))
    return made


def _pyspark() -> Any:
    try:
        import pyspark  # noqa: PLC0415 - it may be absent, and is heavy
    except ImportError as error:
        raise EngineError(
            "PySpark is not installed.", next_step="Run scripts/setup/setup_spark.sh, or use --engine local."
        ) from error
    return pyspark


def _end(gateway: Any) -> None:
    """End the Java that was started; it goes by itself once nobody listens to it."""
    import pyspark  # noqa: PLC0415 - it is there

    pyspark.SparkContext._gateway = pyspark.SparkContext._jvm = None  # noqa: SLF001 - else the next session takes the dead one
    with suppress(Exception):
        gateway.shutdown()
    if (process := gateway.proc) is not None:
        process.stdin.close()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
