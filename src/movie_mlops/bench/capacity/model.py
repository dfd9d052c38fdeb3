"""How many machines, how much memory, disk and network, and what it costs: worked out from what was measured."""

from collections.abc import Sequence
from typing import Any, Final

from movie_mlops.bench.capacity.config import CapacityConfig
from movie_mlops.bench.capacity.events import events
from movie_mlops.bench.capacity.measured import Measurements
from movie_mlops.bench.capacity.plan import DAY_SECONDS, DAYS_A_MONTH, Demand, Line, Lines, total
from movie_mlops.bench.capacity.serving import serving
from movie_mlops.bench.capacity.training import storage, training

PARTS: Final = ("serving", "events", "training", "storage")
_MILLION: Final = 1e6
_NEARLY_ALL: Final = 0.95

LIMITS: Final = (
    "Every coefficient comes from one machine, whose cores are taken for those that are rented; measure on yours.",
    "Sizes beyond those that were measured are drawn out along the law; the column says how far.",
    "Every film is scored for every answer. A first stage that picks candidates would take less, and is not counted.",
    "Redis is counted as large as the record is on disk, PostgreSQL as large and as fast as SQLite.",
    "Between machines nothing was measured: no network, no Spark, no Kafka; the configuration says what is assumed.",
    "People, support, back-ups elsewhere, logs and metrics are not counted.",
)
"""What the plan does not know."""


def plan(demand: Demand, measured: Measurements, config: CapacityConfig) -> list[Line]:
    """Return the lines of a plan, part by part.

    Args:
        demand: What is asked for.
        measured: The coefficients.
        config: Prices, how full machines may be, and what people do.
    """
    lines = Lines(config)
    for part in (serving, events, training, storage):
        part(lines, demand, measured)
    return lines.lines


def described(demand: Demand, measured: Measurements, config: CapacityConfig) -> dict[str, Any]:
    """Return a plan as a document.

    Args:
        demand: What is asked for.
        measured: The coefficients.
        config: Prices, how full machines may be, and what people do.
    """
    lines = plan(demand, measured, config)
    month = total(lines)
    answers = demand.rps / config.peak_to_mean * DAY_SECONDS * DAYS_A_MONTH / _MILLION
    used = {stand.coefficient.name: stand.coefficient for line in lines for stand in line.stands}
    return {
        "demand": {
            "users": demand.users,
            "films": demand.films,
            "rps": demand.rps,
            "events_per_day": demand.events_per_day,
            "retention_days": demand.retention_days,
        },
        "measured": {"file": measured.file.name, "at": measured.at, "processor": measured.processor},
        "currency": config.currency,
        "lines": [_line(line) for line in lines],
        "month": {**{part: round(total(lines, part), 2) for part in PARTS}, "all": round(month, 2)},
        "month_by_million_answers": round(month / answers, 4),
        "drivers": _drivers(lines, month),
        "coefficients": {
            name: {
                "what": one.what,
                "unit": one.unit,
                "driver": one.driver,
                "form": str(one.law.form),
                "coefficients": list(one.law.coefficients),
                "exponent": one.exponent,
                "largest_measured": one.largest,
                "predicted": one.checked,
                "predicted_well": one.within,
            }
            for name, one in sorted(used.items())
        },
        "limits": list(LIMITS),
    }


def _drivers(lines: Sequence[Line], month: float) -> list[dict[str, Any]]:
    """Return the lines that cost the most, largest first, until they make up nearly all of the bill."""
    found, share = list[dict[str, Any]](), 0.0
    for line in sorted(lines, key=lambda one: -(one.month or 0.0)):
        if share >= _NEARLY_ALL or not line.month:
            break
        share += line.month / month
        found.append({"what": line.what, "part": line.part, "share": round(line.month / month, 4), "grows": line.grows})
    return found


def _line(line: Line) -> dict[str, Any]:
    return {
        "part": line.part,
        "what": line.what,
        "amount": line.amount,
        "unit": line.unit,
        "how": line.how,
        "grows": line.grows,
        "from": [stand.coefficient.name for stand in line.stands],
        "times_beyond_measured": round(line.beyond, 2),
        "predictions_came_true": line.trusted if line.stands else None,
        "month": None if line.month is None else round(line.month, 2),
        "fits": line.fits,
    }
