"""What the benchmark of events runs."""

from dataclasses import dataclass

from movie_mlops.bench.errors import BenchError


@dataclass(frozen=True)
class EventsBenchConfig:
    """The benchmark of events.

    Attributes:
        seconds: How long each load is sent.
        batch: How many events a batch has.
        batch_connections: Over how many connections batches are sent.
        connections: Over how many connections single events are sent.
        users: How many users they are of.
        films: How many films they are on.
        consumed: How many events consumers and rivals are given.
        seen: For how many events it is measured how soon they are seen.
        seed: Of everything that is made up.

    Raises:
        BenchError: A number is out of range.
    """

    seconds: float = 10.0
    batch: int = 1000
    batch_connections: int = 8
    connections: int = 16
    users: int = 5_000
    films: int = 2_000
    consumed: int = 100_000
    seen: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("connections", 1), ("users", 1), ("films", 1), ("consumed", 1), ("seen", 1)):
            if getattr(self, name) < least:
                raise BenchError(f"{name} is {getattr(self, name)}.", next_step=f"Give at least {least}.")
