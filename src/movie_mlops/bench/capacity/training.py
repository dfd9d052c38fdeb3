"""What a new model takes, from the lake to the verdict, and where everything lies."""

from math import ceil
from typing import Final

from movie_mlops.bench.capacity.config import CapacityConfig
from movie_mlops.bench.capacity.measured import Coefficient, Measurements
from movie_mlops.bench.capacity.plan import GIB, Demand, Fleet, Line, Lines, Stand
from movie_mlops.bench.scale.growth import Form

_PART: Final = "training"
_STORAGE: Final = "storage"
_HOUR: Final = 3600.0


def training(lines: Lines, demand: Demand, measured: Measurements) -> None:
    """Write the lines of training."""
    config = lines.config
    interactions = demand.users * config.interactions_per_user
    likes, pairs = interactions * config.likes_share, config.judged_users * demand.films
    works = [
        ("bring everything in again", "ingest", interactions, "as the interactions"),
        ("compute all features", "features", interactions, "as the interactions"),
        ("train iALS", "train", likes, "as the likes"),
        (f"judge it on {config.judged_users:,} users", "evaluate", pairs, "as the judged users times the films"),
    ]
    hours, stands, memory = 0.0, list[Stand](), 0.0
    for what, job, size, grows in works:
        cpu, peak = measured[f"{job}.cpu_seconds"], measured[f"{job}.peak_memory_bytes"]
        hours += lines.add(
            Line(
                _PART,
                f"{what}: processor time",
                cpu.law.at(size) / _HOUR,
                "core-hours",
                f"of {size:,.0f} {cpu.driver}",
                grows,
                (Stand(cpu, size),),
            )
        )
        need = peak.law.at(size)
        lines.add(
            Line(
                _PART,
                f"{what}: memory",
                need / GIB,
                "GiB",
                "in one process, as it works today",
                f"{grows}, up to a bound" if peak.law.form is Form.BOUNDED else grows,
                (Stand(peak, size),),
                fits=need <= _largest(config),
            )
        )
        memory = max(memory, need)
        stands += [Stand(cpu, size), Stand(peak, size)]
    found = _fleet(config, hours / config.training_hours, memory)
    divided = "one is enough" if found.many == 1 else "work must be divided over them (8.1), which is not measured here"
    lines.add(
        Line(
            _PART,
            "machines for a training",
            found.many,
            f"of {found.machine.name}",
            f"for {config.training_hours:g} hours, {config.trainings_per_month:g} times a month; {divided}",
            "as the interactions",
            tuple(stands),
            month=found.month,
        )
    )
    _dense(lines, demand, measured["train-films.peak_memory_bytes"], measured["train-films.cpu_seconds"])


def storage(lines: Lines, demand: Demand, measured: Measurements) -> None:
    """Write the lines of what lies where."""
    config = lines.config
    interactions = demand.users * config.interactions_per_user
    lake, state = measured["ingest.bytes"], measured["features.bytes"]
    bundle = measured["serve.bundle_bytes"]
    size = lake.law.at(interactions) / GIB
    grows = "as the interactions"
    lines.add(
        Line(
            _STORAGE,
            "lake",
            size,
            "GiB of objects",
            "of all interactions, newest version",
            grows,
            (Stand(lake, interactions),),
            month=size * config.object_gib_month,
        )
    )
    disk = state.law.at(interactions) * config.copies / GIB
    lines.add(
        Line(
            _STORAGE,
            "record of the online store",
            disk,
            "GiB of disk",
            f"histories and rows of everybody, {config.copies} copies",
            grows,
            (Stand(state, interactions),),
            month=disk * config.disk_gib_month,
        )
    )
    bundles = bundle.law.at(demand.films) * config.trainings_per_month / GIB
    lines.add(
        Line(
            _STORAGE,
            "bundles of a month",
            bundles,
            "GiB of objects",
            "of iALS, one for each training",
            "as the films",
            (Stand(bundle, demand.films),),
            month=bundles * config.object_gib_month,
        )
    )


def _dense(lines: Lines, demand: Demand, peak: Coefficient, cpu: Coefficient) -> None:
    """Say whether EASE, whose matrix has every film beside every film, can be had for so many films."""
    config = lines.config
    need, most = peak.law.at(demand.films), peak.law.largest(_largest(config))
    lines.add(
        Line(
            _PART,
            "EASE instead: memory",
            need / GIB,
            "GiB",
            f"in one process; the largest machine has room for {most:,.0f} films",
            "as the square of the films",
            (Stand(peak, demand.films),),
            fits=need <= _largest(config),
        )
    )
    lines.add(
        Line(
            _PART,
            "EASE instead: processor time",
            cpu.law.at(demand.films) / _HOUR,
            "core-hours",
            "a matrix of all films is inverted",
            "as the cube of the films",
            (Stand(cpu, demand.films),),
        )
    )


def _largest(config: CapacityConfig) -> float:
    return max(machine.memory_gib for machine in config.machines) * GIB * config.memory_used


def _fleet(config: CapacityConfig, cores: float, memory: float) -> Fleet:
    """Return the cheapest machines that have the cores and the memory; of several each does a little less."""
    found = []
    for machine in config.machines:
        room = machine.memory_gib * GIB * config.memory_used
        alone = cores <= machine.cores and memory <= room
        count = 1 if alone else max(2, ceil(cores / machine.cores / config.parallel), ceil(memory / room))
        hours = config.training_hours * config.trainings_per_month
        found.append(Fleet(machine, count, machine.cores, count * machine.price_per_hour * hours))
    return min(found, key=lambda one: (one.month, one.many))
