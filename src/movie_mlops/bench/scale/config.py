"""What the benchmark of growth runs."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from movie_mlops.bench.errors import BenchError

Job = Literal["ingest", "features", "events", "train", "evaluate", "train-films", "serve"]

JOBS: Final[tuple[Job, ...]] = ("ingest", "features", "events", "train", "evaluate", "train-films", "serve")
"""In the order in which they run: features need what ``ingest`` made, events what ``features`` did."""

USERS: Final = 6_040
FILMS: Final = 3_706
RATINGS: Final = 1_000_209
LIKES: Final = 575_281
"""The shape of MovieLens 1M; likes are its ratings of four stars and five."""

_SIZES: Final = (1.0, 3.0, 10.0, 30.0)
_START: Final = 0.02
_LEAST_FILMS: Final = 60
"""A history of thirty of them, and as many to recommend."""
_NEEDS: Final[dict[str, Job]] = {"features": "ingest", "events": "features"}


def with_needed(job: Job) -> tuple[Job, ...]:
    """Return a job behind those on whose results it works."""
    needed = _NEEDS.get(job)
    return (job,) if needed is None else (*with_needed(needed), job)


@dataclass(frozen=True)
class ScaleBenchConfig:
    """The benchmark of growth.

    Attributes:
        jobs: Whose growth is measured.
        sizes: Times the shape of MovieLens 1M. Users, ratings, likes and events grow so; films stay, but for ``serve``,
            where they grow alone, and for ``train-films``, where all grows as the square root, for that costs a cube.
        runs: How often each size is measured at most. The first run of every size comes before the second of any, so
            that all runs of a size are not in the same bad minute; then what is least certain is measured again, by
            how much a minute makes certain, until the two least of each size agree or there is no time.
        minutes: What cannot be expected to end within so many is left out; a size that was never measured is named.
        memory_gib: A size that is expected to need more memory than this is left out; ``None``: half of what is free.
        events: How many events there are at size 1.
        factors: Length of the vectors of iALS.
        iterations: How often it solves for all of them.
        answers: How many answers each server is asked for.
        users: How many users a server knows.
        seed: Of everything that is made up.
        within: The target: a size that is predicted from the others is off by so large a share at most.
        steepest: The target: where a cost could grow as the size does, its exponent is at most this.

    Raises:
        BenchError: A number is out of range, or a job is without what it needs.
    """

    jobs: tuple[Job, ...] = JOBS
    sizes: tuple[float, ...] = _SIZES
    runs: int = 8
    minutes: float = 25.0
    memory_gib: float | None = None
    events: int = 2_000
    factors: int = 128
    iterations: int = 5
    answers: int = 1_500
    users: int = 1_200
    seed: int = 0
    within: float = 0.2
    steepest: float = 1.1
    ease: dict[str, Any] = field(default_factory=lambda: {"regularisation": 500.0})

    @property
    def starts_at(self) -> float | None:
        """The size, far below the others, that tells what a start costs; ``None`` where the others are as small."""
        return _START if min(self.sizes) > _START else None

    def __post_init__(self) -> None:
        for name in ("runs", "minutes", "events", "factors", "iterations", "answers", "users"):
            if getattr(self, name) <= 0:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step="Give a number above 0.")
        if len(set(self.sizes)) < 2 or min(self.sizes) <= 0:  # noqa: PLR2004 - growth is between two
            raise BenchError(f"The sizes are {self.sizes}.", next_step="Give two at least, each above 0.")
        if not self.jobs:
            raise BenchError("There is nothing to measure.", next_step=f"Name some of {', '.join(JOBS)}.")
        if "serve" in self.jobs and FILMS * min(self.sizes) < _LEAST_FILMS:
            raise BenchError(
                f"At size {min(self.sizes):g} there are too few films to be served.",
                next_step=f"Give sizes of {_LEAST_FILMS / FILMS:.2f} at least, or leave out serve with --job.",
            )
        for job in self.jobs:
            needed = _NEEDS.get(job)
            if needed is not None and needed not in self.jobs:
                raise BenchError(f"{job} works on what {needed} makes.", next_step=f"Add --job {needed}.")
