"""What events take: cores to record and apply them, partitions, disk and lake."""

from math import ceil
from typing import Final

from movie_mlops.bench.capacity.measured import Measurements
from movie_mlops.bench.capacity.plan import DAY_SECONDS, GIB, HOURS_A_MONTH, Demand, Line, Lines, Stand, fleet

_PART: Final = "events"
_MIB: Final = float(2**20)


def events(lines: Lines, demand: Demand, measured: Measurements) -> None:
    """Write the lines of events."""
    config = lines.config
    peak = lines.add(
        Line(
            _PART,
            "events a second at the peak",
            demand.events_per_day / DAY_SECONDS * config.peak_to_mean,
            "events/s",
            f"{config.peak_to_mean:g} times the mean",
            "as the events",
        )
    )
    record, work = measured["events.cpu_seconds"], measured["events.worker_cpu_seconds"]
    recording = lines.add(
        Line(
            _PART,
            "busy cores that record and apply them",
            peak * record.law.each,
            "cores",
            "a hundred at a time, durably, into log, histories and rows",
            "as the events",
            (Stand(record, demand.events_per_day),),
        )
    )
    lines.add(
        Line(
            _PART,
            "shards of the state, by user",
            max(1, ceil(recording / config.busy)),
            "shards",
            "one writer at a time in each, as it was measured",
            "as the events",
            (Stand(record, demand.events_per_day),),
        )
    )
    working = lines.add(
        Line(
            _PART,
            "busy cores of workers",
            peak * work.law.each,
            "cores",
            "into the lake, without falling behind at the peak",
            "as the events",
            (Stand(work, demand.events_per_day),),
        )
    )
    stands = (Stand(record, demand.events_per_day), Stand(work, demand.events_per_day))
    found = fleet(config, recording + working)
    assert found is not None
    lines.add(
        Line(
            _PART,
            "machines for both",
            found.many,
            f"of {found.machine.name}",
            f"{config.busy:.0%} busy with one of {config.zones} zones lost",
            "as the events",
            stands,
            month=found.month,
        )
    )
    _transport(lines, peak, working, measured, demand)
    _kept(lines, demand, measured)


def _transport(lines: Lines, peak: float, working: float, measured: Measurements, demand: Demand) -> None:
    config, envelope = lines.config, measured["events.envelope_bytes"]
    rate = peak * envelope.law.at(demand.events_per_day) / _MIB
    stand = (Stand(envelope, envelope.largest),)
    partitions = max(config.zones, ceil(rate / config.partition_mib_second), ceil(working / config.busy))
    lines.add(
        Line(
            _PART,
            "partitions of the topic",
            partitions,
            "partitions",
            f"{rate:,.1f} MiB/s by what one carries, and one at least for each worker",
            "as the events",
            stand,
        )
    )
    machine = min(config.machines, key=lambda one: one.price_per_hour)
    brokers = max(config.copies, ceil(rate * config.copies / config.broker_mib_second))
    lines.add(
        Line(
            _PART,
            "Kafka brokers",
            brokers,
            f"of {machine.name}",
            f"{config.copies} copies by what one carries, assumed in the configuration",
            "as the events",
            stand,
            month=brokers * machine.price_per_hour * HOURS_A_MONTH,
        )
    )


def _kept(lines: Lines, demand: Demand, measured: Measurements) -> None:
    config = lines.config
    many = demand.events_per_day * demand.retention_days
    state, lake = measured["events.bytes"], measured["events.lake_bytes"]
    disk = state.law.each * many * config.copies / GIB
    lines.add(
        Line(
            _PART,
            "event log and what events add to the state",
            disk,
            "GiB of disk",
            f"of {demand.retention_days:g} days, {config.copies} copies",
            "as the events times the days",
            (Stand(state, many),),
            month=disk * config.disk_gib_month,
        )
    )
    stored = lake.law.each * many / GIB
    lines.add(
        Line(
            _PART,
            "events in the lake",
            stored,
            "GiB of objects",
            f"of {demand.retention_days:g} days, as they come, before any compaction",
            "as the events times the days",
            (Stand(lake, many),),
            month=stored * config.object_gib_month,
        )
    )
