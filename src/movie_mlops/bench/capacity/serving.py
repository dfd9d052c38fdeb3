"""What answers take: cores, memory, network, the online store and the answers that are kept."""

from movie_mlops.bench.capacity.measured import Measurements
from movie_mlops.bench.capacity.plan import (
    DAY_SECONDS,
    DAYS_A_MONTH,
    GIB,
    Demand,
    Line,
    Lines,
    Stand,
    fleet,
    memory_fleet,
)

_PART = "serving"
_BITS = 8


def serving(lines: Lines, demand: Demand, measured: Measurements) -> None:
    """Write the lines of serving."""
    config = lines.config
    cpu, private, shared = (measured[f"serve.{name}"] for name in ("cpu_seconds", "private_bytes", "shared_bytes"))
    at = demand.films
    one = cpu.law.at(at)
    lines.add(
        Line(
            _PART,
            "processor time of one answer",
            one * 1000,
            "ms",
            "every film is looked at, as where no vector is shorter than others",
            "as the films",
            (Stand(cpu, at),),
        )
    )
    busy = lines.add(
        Line(
            _PART,
            "busy cores at the peak",
            demand.rps * one,
            "cores",
            "answers a second times that",
            "as the answers times the films",
            (Stand(cpu, at),),
        )
    )
    each, common = private.law.at(at), shared.law.at(at)
    lines.add(
        Line(
            _PART,
            "memory of one server process",
            each / GIB,
            "GiB",
            "what it shares with no other",
            "as the films",
            (Stand(private, at),),
        )
    )
    lines.add(
        Line(
            _PART,
            "memory that a machine's processes share",
            common / GIB,
            "GiB",
            "the bundle's arrays and libraries are mapped: once for each machine",
            "as the films",
            (Stand(shared, at),),
        )
    )
    _machines(lines, busy, each, common, (Stand(cpu, at), Stand(private, at), Stand(shared, at)))
    answer = measured["serve.answer_bytes"]
    sent = demand.rps * answer.law.at(at)
    mean = 1 / config.peak_to_mean
    lines.add(
        Line(
            _PART,
            "network to people at the peak",
            sent * _BITS / 1e9,
            "Gbit/s",
            "answers a second times their size; paid by what leaves in a month",
            "as the answers",
            (Stand(answer, at),),
            month=sent * mean * DAY_SECONDS * DAYS_A_MONTH / GIB * config.network_gib,
        )
    )
    _store(lines, demand, measured)
    kept = measured["serve.kept_bytes"]
    days = config.answers_kept_days
    size = demand.rps * mean * DAY_SECONDS * days * kept.law.at(at) * config.copies / GIB
    lines.add(
        Line(
            _PART,
            "answers that are kept",
            size,
            "GiB of disk",
            f"of {days:g} days at the mean rate, {config.copies} copies",
            "as the answers times the days",
            (Stand(kept, at),),
            month=size * config.disk_gib_month,
        )
    )


def _machines(lines: Lines, busy: float, each: float, common: float, stands: tuple[Stand, ...]) -> None:
    config = lines.config
    found = fleet(config, busy, private=each, shared=common)
    grows = "as the answers times the films"
    if found is None:
        how = "no kind of machine has the memory for one process"
        lines.add(Line(_PART, "API machines", 0, "machines", how, grows, stands, fits=False))
        return
    lines.add(
        Line(
            _PART,
            "API machines",
            found.many,
            f"of {found.machine.name}",
            f"{found.processes} processes on each, {config.busy:.0%} busy with one of {config.zones} zones lost",
            grows,
            stands,
            month=found.month,
        )
    )


def _store(lines: Lines, demand: Demand, measured: Measurements) -> None:
    config, stored = lines.config, measured["features.bytes"]
    interactions = demand.users * config.interactions_per_user
    size = stored.law.at(interactions) * config.copies
    found = memory_fleet(config, size)
    lines.add(
        Line(
            _PART,
            "online store in memory",
            size / GIB,
            "GiB",
            f"histories and rows of everybody, {config.copies} copies, as large as the record is on disk;"
            f" {found.many:,} of {found.machine.name}",
            "as the users times their interactions",
            (Stand(stored, interactions),),
            month=found.month,
        )
    )
