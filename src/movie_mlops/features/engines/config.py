"""Where the Spark cluster is, and what it may take."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from movie_mlops.core.errors import ConfigurationError

_MASTER: Final = re.compile(
    r"local(\[(\*|[1-9]\d*)(,[1-9]\d*)?\])?|spark://[^\s,/:]+:\d+(,[^\s,/:]+:\d+)*|yarn|k8s://\S+"
)
_MEMORY: Final = re.compile(r"[1-9]\d*[kmgt]")
_LONGEST_WAIT: Final = 3600.0

OURS: Final = (
    "spark.master",
    "spark.app.name",
    "spark.driver.memory",
    "spark.executor.memory",
    "spark.pyspark.python",
    "spark.pyspark.driver.python",
    "spark.submit.deployMode",
)
"""The properties that have a name of their own here, or only one value that can work."""


@dataclass(frozen=True)
class SparkConfig:
    """A cluster.

    Attributes:
        master: Which: ``local[*]`` (this machine, all cores), ``spark://HOST:PORT``, ``yarn`` or ``k8s://URL``.
        driver_memory: What the Java part of this process may take; results pass through it.
        executor_memory: What the Java part of each worker may take; Python's part comes on top.
        python: The Python of the workers; the one that runs this by default.
        wait_seconds: How long a cluster without a free worker is waited for.
        conf: Further Spark properties, such as ``spark.cores.max``.

    Raises:
        ConfigurationError: One of them cannot be.
    """

    master: str = "local[*]"
    driver_memory: str = "2g"
    executor_memory: str = "2g"
    python: str | None = None
    wait_seconds: float = 60.0
    conf: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _MASTER.fullmatch(self.master):
            raise ConfigurationError(
                f"{self.master!r} is no master of Spark.",
                next_step="Write local[*], spark://HOST:PORT, yarn or k8s://https://HOST:PORT.",
            )
        for name in ("driver_memory", "executor_memory"):
            if not _MEMORY.fullmatch(value := getattr(self, name)):
                raise ConfigurationError(
                    f"The {name} of Spark is {value!r}.", next_step="Write a number with a unit, such as 2g or 512m."
                )
        if not 0 < self.wait_seconds <= _LONGEST_WAIT:
            raise ConfigurationError(
                f"The wait_seconds of Spark are {self.wait_seconds:g}.",
                next_step=f"Give more than 0 and at most {_LONGEST_WAIT:g}.",
            )
        for name in self.conf:
            if name in OURS or not name.startswith("spark."):
                raise ConfigurationError(
                    f"The property {name!r} cannot stand under 'conf'.",
                    next_step="Name a property of Spark (spark.…) that has no setting of its own in config/spark.yaml.",
                )

    @property
    def is_local(self) -> bool:
        """Whether the workers are processes of this machine that Spark starts itself."""
        return self.master.startswith("local")

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where a standalone cluster's masters listen; none of another kind of cluster."""
        if not self.master.startswith("spark://"):
            return []
        pairs = (one.rpartition(":") for one in self.master.removeprefix("spark://").split(","))
        return [(host, int(port)) for host, _, port in pairs]
