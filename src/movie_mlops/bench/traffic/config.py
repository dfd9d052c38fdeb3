"""What a load test runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from movie_mlops.bench.errors import BenchError

Profile = Literal["soak", "ramp", "step"]

PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)
_FILMS: Final = 500


@dataclass(frozen=True)
class LoadBenchConfig:
    """A load test.

    Attributes:
        profile: ``soak``: ``rate`` for all the time. ``ramp``: from ``rate`` to ``to``, evenly. ``step``: the same in
            ``steps`` levels, each for as long.
        rate: Requests a second on average, at the beginning.
        to: At the end.
        steps: How many levels there are.
        seconds: For how long requests are due.
        connections: How many connections there are.
        users: How many people there are.
        films: How many films their tastes are about; the server's own stage has as many.
        freeze_seconds: The server is stopped for so long in the middle, to see that it shows; 0 leaves it alone.
        bundle: A bundle to serve instead of made-up weights.
        host: A server that runs already, whose data is left as it is; ``None`` starts one with made-up data.
        port: At which port it answers.
        patience_seconds: How long after the last request was due answers are waited for.
        p99_ms: The target for 99 of 100 requests, in milliseconds.
        seed: Of everything that is made up.

    Raises:
        BenchError: A number is out of range, or a server of somebody else should be frozen.
    """

    profile: Profile = "soak"
    rate: float = 50.0
    to: float = 200.0
    steps: int = 5
    seconds: float = 30.0
    connections: int = 32
    users: int = 1_200
    films: int = _FILMS
    freeze_seconds: float = 0.0
    bundle: Path | None = None
    host: str | None = None
    port: int = 0
    patience_seconds: float = 10.0
    p99_ms: float = 100.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise BenchError(f"There is no profile {self.profile!r}.", next_step=f"Name one of {', '.join(PROFILES)}.")
        for name in ("rate", "to", "steps", "seconds", "connections", "users", "films", "patience_seconds"):
            if getattr(self, name) <= 0:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step="Give a number above 0.")
        if self.freeze_seconds and self.host is not None:
            raise BenchError(
                "A server that was not started here is not frozen.", next_step="Leave out the address, or the freeze."
            )
        if not 0 <= self.freeze_seconds < self.seconds / 2:
            raise BenchError(
                f"A freeze of {self.freeze_seconds:g} s leaves too little of {self.seconds:g} s beside it.",
                next_step="Give a shorter freeze, or more time.",
            )
