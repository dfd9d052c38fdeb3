"""How costs grow with data: measured at several sizes, told as laws from which those of other sizes can be had."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
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
    a size's runs the least counts, for such work only ever adds to it. Of everything else the median counts.

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
    sizes, costs = [float(row["amount"]) for row in mine], [float(row[curve.cost]) for row in mine]
    if len({row["size"] for row in mine}) < 2:  # noqa: PLR2004 - growth is between two
        return None
    timed = curve.unit == CPU[1]
    at, counted = _counted(mine, curve.cost, timed=timed)
    # Memory and disk have no start of their own: what is there once anything is, is there at every size.
    first, firsts = _counted(start, curve.cost, timed=True) if timed else ([], [])
    if len(first) + len(at) < terms(curve.form):
        return None
    law, grown = fit(curve.form, [*first, *at], [*firsts, *counted]), exponent(sizes, costs)
    return {
        "name": curve.name,
        "what": curve.what,
        "unit": curve.unit,
        "driver": curve.driver,
        "form": str(curve.form),
        "coefficients": list(law.coefficients),
        "exponent": {"value": grown.value, "low": grown.low, "high": grown.high, "last": grown.last},
        "warning": _warning(curve, grown, config.steepest),
        "points": [{"size": size, "cost": cost} for size, cost in zip(sizes, costs, strict=True)],
        "start": {"size": first[0], "cost": firsts[0]} if first else None,
        "checks": [
            {
                "size": check.size,
                "measured": check.measured,
                "predicted": check.predicted,
                "error": check.error,
                "within": abs(check.error) <= config.within,
            }
            for check in checks(curve.form, at, counted, start=(first[0], firsts[0]) if first else None)
        ],
    }


def _counted(rows: Sequence[dict[str, Any]], cost: str, *, timed: bool) -> tuple[list[float], list[float]]:
    """Return the sizes, and of each what counts of its runs: the least of times, the median of all else."""
    runs = defaultdict(list)
    for row in rows:
        runs[row["size"]].append(row)
    counts = min if timed else median
    sizes = [float(median(row["amount"] for row in same)) for same in runs.values()]
    return sizes, [float(counts(row[cost] for row in same)) for same in runs.values()]


def _warning(curve: Curve, grown: Exponent, steepest: float) -> str | None:
    steep = max(grown.value, grown.last)
    if curve.form not in {Form.CONSTANT, Form.ROOT, Form.LINEAR, Form.FILLING} or steep <= steepest:
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
