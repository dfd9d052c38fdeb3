"""How costs grow with data: measured at several sizes, told as laws from which those of other sizes can be had."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.bench.scale.certainty import apart_of
from movie_mlops.bench.scale.config import FILMS, LIKES, RATINGS, USERS, ScaleBenchConfig
from movie_mlops.bench.scale.curves import CPU, CURVES, Curve
from movie_mlops.bench.scale.drawing import write_plot
from movie_mlops.bench.scale.growth import Exponent, Form, checks, exponent, fit, terms
from movie_mlops.bench.scale.jobs import FEATURES_MIB
from movie_mlops.bench.scale.measuring import Measuring
from movie_mlops.bench.targets import at_least, at_most
from movie_mlops.core.progress import SILENT, Progress


def bench_scale(
    config: ScaleBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Measure several sizes, fit how each cost grows, and predict each size from the others; write what was found.

    Costs are processor time, not time, so that a machine that does other work besides is told apart from a cost; and of
    a size's runs the least counts, for such work only ever adds to it. Of everything else the median counts. How often
    a size was measured, and how far its two least are apart, stands beside what counts.

    Args:
        config: What is run.
        out: The JSON file, replaced whole; the drawing lies beside it.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: A piece of work failed.
    """
    machine = machine_facts()
    found = Measuring(config, progress).measure()
    curves = [curve for curve in (_curve(curve, found.rows, config) for curve in CURVES) if curve is not None]
    plot = out.with_name(f"{out.stem}.svg")
    write_plot(plot, curves)
    return write_record(
        out,
        "scale",
        command,
        machine,
        {
            "setup": {
                "sizes": sorted(config.sizes),
                "of": {"users": USERS, "films": FILMS, "interactions": RATINGS, "likes": LIKES},
                "start": config.starts_at,
                "runs": config.runs,
                "threads": 1,
                "features_mib": FEATURES_MIB,
                "events": config.events,
                "factors": config.factors,
                "iterations": config.iterations,
                "answers": config.answers,
                "seed": config.seed,
            },
            "rows": found.rows,
            "skipped": found.skipped,
            "curves": curves,
            "warnings": [curve["warning"] for curve in curves if curve["warning"]],
            "plot": plot.name,
            "targets": _targets(curves, config),
        },
    )


def _curve(curve: Curve, rows: Sequence[dict[str, Any]], config: ScaleBenchConfig) -> dict[str, Any] | None:
    """Return a cost as the record tells it; ``None`` where it was measured at too few sizes."""
    mine = [row for row in rows if row["job"] == curve.job]
    start, mine = (
        [row for row in mine if row["size"] == config.starts_at],
        [row for row in mine if row["size"] != config.starts_at],
    )
    if len({row["size"] for row in mine}) < 2:  # noqa: PLR2004 - growth is between two
        return None
    timed = curve.unit == CPU[1]
    counted = _counted(mine, curve.cost, timed=timed)
    at, costs = [one.size for one in counted], [one.cost for one in counted]
    # Memory and disk have no start of their own: what is there once anything is, is there at every size. But for what
    # is bounded: how it gets to its bound is told by where it begins.
    first = _counted(start, curve.cost, timed=timed) if timed or curve.form is Form.BOUNDED else []
    known = [*first, *counted]
    if len(known) < terms(curve.form):
        return None
    law = fit(curve.form, [one.size for one in known], [one.cost for one in known])
    grown, begins = exponent(at, costs), (first[0].size, first[0].cost) if first else None
    return {
        "name": curve.name,
        "what": curve.what,
        "unit": curve.unit,
        "driver": curve.driver,
        "form": str(curve.form),
        "coefficients": list(law.coefficients),
        "exponent": {"value": grown.value, "low": grown.low, "high": grown.high, "last": grown.last},
        "warning": _warning(curve, grown, config.steepest),
        "points": [{"size": float(row["amount"]), "cost": float(row[curve.cost])} for row in mine],
        "counted": [one._asdict() for one in counted],
        "start": first[0]._asdict() if first else None,
        "checks": [
            {
                "size": check.size,
                "measured": check.measured,
                "predicted": check.predicted,
                "error": check.error,
                "within": abs(check.error) <= config.within,
            }
            for check in checks(curve.form, at, costs, start=begins)
        ],
    }


class _Counted(NamedTuple):
    """What counts at a size, how often that was measured, and how far the two least are apart, as a share."""

    size: float
    cost: float
    times: int
    apart: float | None


def _counted(rows: Sequence[dict[str, Any]], cost: str, *, timed: bool) -> list[_Counted]:
    """Return of each size what counts of its runs: the least of times, the median of all else."""
    runs = defaultdict(list)
    for row in rows:
        runs[row["size"]].append(row)
    counts = min if timed else median
    found = []
    for same in runs.values():
        costs = [float(row[cost]) for row in same]
        apart = apart_of(costs) if len(costs) > 1 else None
        found.append(_Counted(float(median(row["amount"] for row in same)), float(counts(costs)), len(costs), apart))
    return found


def _warning(curve: Curve, grown: Exponent, steepest: float) -> str | None:
    steep = max(grown.value, grown.last)
    if curve.form not in {Form.CONSTANT, Form.ROOT, Form.LINEAR, Form.FILLING, Form.BOUNDED} or steep <= steepest:
        return None
    return f"The {curve.what} grows as the {steep:.2f}th power of the {curve.driver}, where the first is possible."


def _targets(curves: Sequence[dict[str, Any]], config: ScaleBenchConfig) -> list[dict[str, Any]]:
    told = [check for curve in curves for check in curve["checks"]]
    off = sum(not check["within"] for check in told)
    return [
        at_most(f"sizes of {len(told)} that were predicted worse than within {config.within:.0%}", 0, off),
        at_least("sizes that were predicted", 1, len(told)),
        at_most("costs that grow faster than they need", 0, sum(curve["warning"] is not None for curve in curves)),
    ]
