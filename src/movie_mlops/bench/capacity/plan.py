"""A plan: what is asked for, and the lines that answer it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final, NamedTuple

from movie_mlops.bench.capacity.config import CapacityConfig, Machine
from movie_mlops.bench.capacity.measured import Coefficient
from movie_mlops.bench.errors import BenchError

GIB: Final = float(2**30)
HOURS_A_MONTH: Final = 730.0
DAY_SECONDS: Final = 86_400.0
DAYS_A_MONTH: Final = 30.4


@dataclass(frozen=True)
class Demand:
    """What is asked for.

    Attributes:
        users: People with a history.
        films: In the catalogue.
        rps: Answers a second, at the peak.
        events_per_day: That people send.
        retention_days: How long events are kept.

    Raises:
        BenchError: A number is not above 0.
    """

    users: float
    films: float
    rps: float
    events_per_day: float
    retention_days: float

    def __post_init__(self) -> None:
        for name in ("users", "films", "rps", "events_per_day", "retention_days"):
            if not getattr(self, name) > 0:
                raise BenchError(f"{name} is {getattr(self, name):g}.", next_step="Give a number above 0.")


class Stand(NamedTuple):
    """What a line stands on: a coefficient, and at which size it was asked."""

    coefficient: Coefficient
    size: float


@dataclass(frozen=True)
class Line:
    """One line of a plan.

    Attributes:
        part: Of which part: serving, events, training, storage.
        what: What is needed.
        amount: How much.
        unit: Of what.
        how: How it was worked out, in words.
        grows: As what it grows.
        stands: The measured coefficients it stands on; without any it stands on the configuration alone.
        month: What it costs a month; ``None`` for what is not paid by itself.
        fits: Whether it can be had at all.
    """

    part: str
    what: str
    amount: float
    unit: str
    how: str
    grows: str
    stands: tuple[Stand, ...] = ()
    month: float | None = None
    fits: bool = True

    @property
    def beyond(self) -> float:
        """How many times the largest measured size is asked for, the most of all coefficients; 0 without any."""
        return max((stand.coefficient.beyond(stand.size) for stand in self.stands), default=0.0)

    @property
    def trusted(self) -> bool:
        """Whether every prediction that was held against a measurement came true, for all coefficients."""
        return all(0 < stand.coefficient.checked == stand.coefficient.within for stand in self.stands)


@dataclass
class Lines:
    """The lines of a plan, as they are written."""

    config: CapacityConfig
    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> float:
        """Write a line, and return its amount for the next."""
        self.lines.append(line)
        return line.amount


class Fleet(NamedTuple):
    """Machines of one kind: which, how many, processes on each, and what they cost a month."""

    machine: Machine
    many: int
    processes: int
    month: float


def fleet(
    config: CapacityConfig, cores: float, *, private: float = 0.0, shared: float = 0.0, hours: float = HOURS_A_MONTH
) -> Fleet | None:
    """Return the cheapest machines that have so many busy cores at the peak, also when a zone is lost.

    Args:
        config: Prices, and how full machines may be.
        cores: How many are busy at the peak.
        private: Memory of each process, in bytes; there is a process for each core, as far as memory goes.
        shared: Memory that the processes of a machine share.
        hours: For how many hours a month they are rented.

    Returns:
        ``None`` where none is large enough for one process.
    """
    found = []
    for machine in config.machines:
        room = machine.memory_gib * GIB * config.memory_used - shared
        processes = machine.cores if not private else min(machine.cores, int(room // private))
        if processes < 1:
            continue
        count = with_spare(config, cores / config.busy / processes)
        found.append(Fleet(machine, count, processes, count * machine.price_per_hour * hours))
    return min(found, key=lambda one: (one.month, one.many), default=None)


def memory_fleet(config: CapacityConfig, total: float) -> Fleet:
    """Return the cheapest machines that hold so many bytes in memory together, copies included."""
    found = []
    for machine in config.machines:
        count = max(config.copies, ceil(total / (machine.memory_gib * GIB * config.memory_used)))
        found.append(Fleet(machine, count, 1, count * machine.price_per_hour * HOURS_A_MONTH))
    return min(found, key=lambda one: (one.month, one.many))


def with_spare(config: CapacityConfig, needed: float) -> int:
    """Return how many there must be, the same in every zone, so that the others carry all when a zone is lost."""
    if config.zones == 1:
        return max(1, ceil(needed))
    return config.zones * max(1, ceil(needed / (config.zones - 1)))


def total(lines: Sequence[Line], part: str | None = None) -> float:
    """Return what lines cost a month, those of one part or all."""
    return sum(line.month or 0.0 for line in lines if part in {None, line.part})
