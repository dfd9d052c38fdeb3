"""What Spark says when it fails, as a sentence for people."""

import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from movie_mlops.features.engines.config import SparkConfig
from movie_mlops.features.engines.errors import (
    EngineDownError,
    EngineError,
    EngineMismatchError,
    EngineResourceError,
)

_CONNECT_SECONDS: Final = 10.0
_MOST_LETTERS: Final = 300
_SAME_ENVIRONMENT: Final = (
    "Give the workers the environment of this process (requirements-spark.txt), or name another Python under 'python'"
    " in config/spark.yaml."
)
_OTHER_PYTHON: Final = ("PYTHON_VERSION_MISMATCH", "Python in worker has different version")
_NO_MODULE: Final = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_LAST_ERROR: Final = re.compile(r"\w*(?:Error|Exception): (?!.*(?:Error|Exception): ).+")
_MEMORY: Final = (
    "MemoryError",
    "OutOfMemoryError",
    "exit code 137",
    "exited with code 137",
    "exited with code 52",
    "Cannot allocate memory",
)
_DISK: Final = ("No space left on device", "Disk quota exceeded", "File too large")
_UNREACHABLE: Final = ("All masters are unresponsive", "stopped SparkContext", "SparkContext was shut down")
_NO_START: Final = ("JAVA_GATEWAY_EXITED",)
_AWAY: Final = ("Python worker exited unexpectedly", "ExecutorLostFailure", "worker lost")


def check_reachable(config: SparkConfig) -> None:
    """Do nothing where a master of a standalone cluster takes connections, or where the cluster is of another kind.

    Raises:
        EngineDownError: None does.
    """
    for address in config.addresses:
        try:
            socket.create_connection(address, timeout=_CONNECT_SECONDS).close()
        except OSError:
            continue
        return
    if config.addresses:
        raise unreachable(config)


def unreachable(config: SparkConfig) -> EngineDownError:
    """Return the error for a cluster that does not answer, or not in a way that we understand."""
    return EngineDownError(
        f"The Spark cluster {config.master} does not answer.",
        next_step="Start it, correct 'master' in config/spark.yaml, make sure that it runs the Spark version of this"
        " PySpark, or use --engine local.",
    )


def nobody_works(config: SparkConfig) -> EngineDownError:
    """Return the error for a cluster of which no worker takes work."""
    return EngineDownError(
        f"For {config.wait_seconds:g} seconds no worker of the Spark cluster {config.master} took any work.",
        next_step=f"Look at the master's page: are there workers with a free core and {config.executor_memory} of"
        " memory? Lower executor_memory in config/spark.yaml, or use --engine local.",
    )


def check_versions(ours: Mapping[str, str], theirs: Mapping[str, str]) -> None:
    """Do nothing where a worker has the versions of this process.

    Args:
        ours: Version by name.
        theirs: The same of a worker, and its ``host``.

    Raises:
        EngineMismatchError: It has not.
    """
    other = [f"{name} {theirs.get(name)} instead of {version}" for name, version in ours.items()
             if theirs.get(name) != version]  # fmt: skip
    if other:
        raise EngineMismatchError(
            f"The worker {theirs.get('host')} has {', '.join(other)}.",
            next_step=_SAME_ENVIRONMENT,
        )


def fault(error: BaseException, config: SparkConfig, log: Path) -> EngineError:
    """Return what an error of Spark means.

    Args:
        error: What was raised.
        config: The cluster.
        log: Where Spark's own words are.
    """
    text, look = str(error), f"Spark's own words are in {log}."
    if _says(text, _UNREACHABLE):
        return unreachable(config)
    if _says(text, _NO_START):
        return EngineError(
            "Java ended before Spark had started.",
            next_step=f"Look at driver_memory and the options of Java under 'conf' in config/spark.yaml. {look}",
        )
    missing = _NO_MODULE.search(text)
    if missing or _says(text, _OTHER_PYTHON):
        what = f"A worker's Python lacks {missing[1]}." if missing else "The workers' Python is of another version."
        return EngineMismatchError(what, next_step=f"{_SAME_ENVIRONMENT} {look}")
    if _says(text, _DISK):
        return EngineResourceError(
            "A worker's disk is full.",
            next_step=f"Free some, or name another folder as spark.local.dir under 'conf' in config/spark.yaml. {look}",
        )
    if _says(text, _MEMORY):
        return EngineResourceError(
            f"A worker ran out of memory, and so did the others that tried ({config.executor_memory} for Java).",
            next_step="Raise executor_memory in config/spark.yaml, or let fewer cores of a worker work at once"
            f" (spark.executor.cores under 'conf'). {look}",
        )
    told = _LAST_ERROR.findall(text) or text.strip().splitlines() or [repr(error)]
    away = "workers were lost more often than it tries again" if _says(text, _AWAY) else told[-1].rstrip(".")
    return EngineError(f"The work failed on Spark ({away[:_MOST_LETTERS]}).", next_step=look)


def _says(text: str, words: Sequence[str]) -> bool:
    return any(word in text for word in words)
