"""What the benchmark of serving runs."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from movie_mlops.bench.errors import BenchError

Model = Literal["ials", "ease", "blend"]
Part = Literal["answers", "large", "champion", "overload"]

PARTS: Final[tuple[Part, ...]] = ("answers", "large", "champion", "overload")
LARGE: Final = 62_423
CHAMPIONS: Final = 3_706
"""So many films have the catalogues of MovieLens 25M and of MovieLens 1M."""
TRAINED: Final[dict[str, Any]] = {"trained": True, "audience": 30_000, "likes": 2_000_000}
"""What iALS is trained on where answers are timed."""


@dataclass(frozen=True)
class StageConfig:
    """What the server stands on.

    Attributes:
        model: Whose weights are made up; without meaning where a bundle is given.
        factors: Length of a film's vector, for iALS.
        bundle: A bundle to serve instead of made-up weights.
        catalogue: A file of films as MovieLens lays it out (movieId,title,genres); ``None`` makes films up.
        films: How many are made up.
        users: How many users ask, in turn; more than the answers that a server remembers, so that each is worked out.
        history: How many films each of them has liked.
        k: How many films they ask for.
        trained: Whether iALS is trained on made-up likes too, as a blend always is, instead of given weights by chance.
            Films that few like then have short vectors, as everywhere.
        audience: How many made-up people a model is trained on.
        likes: How many likes they have together.
        seed: Of everything that is made up.

    Raises:
        BenchError: A number is out of range.
    """

    model: Model = "ials"
    factors: int = 128
    bundle: Path | None = None
    catalogue: Path | None = None
    films: int = 27_278
    users: int = 1_200
    history: int = 30
    k: int = 10
    trained: bool = False
    audience: int = 6_040
    likes: int = 390_000
    seed: int = 0

    def __post_init__(self) -> None:
        _above_zero(self, "factors", "films", "users", "history", "k", "audience", "likes")

    @property
    def weights(self) -> str:
        """Where the weights come from."""
        made = "trained on made-up likes" if self.model == "blend" or self.trained else "random"
        return made if self.bundle is None else "given"


@dataclass(frozen=True)
class RivalsConfig:
    """The other servers.

    Attributes:
        python: The Python of an environment that has them.
        rounds: How often each has its turn; the median counts.
        seconds: How long each load of a turn lasts.
        rate: Requests a second of the open loop that all are asked with.
        patience_seconds: How long a server may take to its first answer.
        times: The target: so many times the throughput of each of these.

    Raises:
        BenchError: A number is out of range.
    """

    python: Path
    rounds: int = 3
    seconds: float = 4.0
    rate: float = 100.0
    patience_seconds: float = 90.0
    times: tuple[tuple[str, float], ...] = (("MLflow", 5.0), ("BentoML", 6.0), ("Ray Serve", 12.0))

    def __post_init__(self) -> None:
        _above_zero(self, "rounds", "seconds", "rate", "patience_seconds")


@dataclass(frozen=True)
class ServeBenchConfig:
    """The benchmark of serving; every limit is a target in milliseconds unless its name says otherwise.

    Attributes:
        stage: What the server stands on for ``answers`` and beside its rivals.
        seconds: How long each scenario runs.
        rates: Requests a second of each open-loop scenario.
        connections: How many connections an open-loop scenario has.
        parts: What is measured.
        large: What it stands on for ``large``, ``overload`` and the memory.
        champion: What it stands on for ``champion``.
        lists: How many different lists of likes are sent; each is as good as new when its turn comes again.
        patience_seconds: How long after the end of a scenario its last answers are waited for.
        warm_up_seconds: How long requests are sent before the first scenario, unmeasured.
        requests: How many requests the memory is watched over; ``None`` leaves that out.
        rivals: The other servers; ``None`` leaves them out.
        p50_ms: Half of the live answers, one connection.
        p99_ms: 99 of 100 of them.
        repeated_p50_ms: Half of the answers to somebody for whom nothing has changed.
        reflected_p99_ms: 99 of 100 times that an event is sent, acknowledged and seen in the next answer.
        large_p99_ms: 99 of 100 answers from the large catalogue with filters and reasons.
        champion_p50_ms: Half of the answers of a blend, with reasons and without.
        champion_p99_ms: 99 of 100 of them.
        times_capacity: How many times what it can do the server is asked for in ``overload``.
        admitted_p99_ms: 99 of 100 of the answers that it gives meanwhile.
        memory_mb: Memory of the process with the large catalogue, in MB.
        growth_mb: How much it may grow over a million requests, in MB.

    Raises:
        BenchError: A number is out of range.
    """

    stage: StageConfig = field(default_factory=partial(StageConfig, **TRAINED))
    seconds: float = 10.0
    rates: tuple[float, ...] = (100.0, 200.0)
    connections: int = 16
    parts: tuple[Part, ...] = PARTS
    large: StageConfig = field(default_factory=partial(StageConfig, films=LARGE, **TRAINED))
    champion: StageConfig = field(default_factory=partial(StageConfig, model="blend", films=CHAMPIONS))
    lists: int = 10_000
    patience_seconds: float = 10.0
    warm_up_seconds: float = 2.0
    requests: int | None = None
    rivals: RivalsConfig | None = None
    p50_ms: float = 0.6
    p99_ms: float = 1.2
    repeated_p50_ms: float = 0.35
    reflected_p99_ms: float = 10.0
    large_p99_ms: float = 8.0
    champion_p50_ms: float = 2.5
    champion_p99_ms: float = 5.0
    times_capacity: float = 3.0
    admitted_p99_ms: float = 500.0
    memory_mb: float = 600.0
    growth_mb: float = 10.0

    def __post_init__(self) -> None:
        _above_zero(self, "seconds", "connections", "lists", "patience_seconds", "warm_up_seconds")
        if self.requests is not None:
            _above_zero(self, "requests")
        if any(rate <= 0 for rate in self.rates):
            raise BenchError(f"The rates are {self.rates}.", next_step="Give requests a second, each above 0.")


def _above_zero(config: object, *names: str) -> None:
    for name in names:
        if getattr(config, name) <= 0:
            raise BenchError(f"{name} is {getattr(config, name)}.", next_step="Give a number above 0.")
