"""Drift of many rows as a process of its own: ``python drift_run.py FOLDER NUMBERS NAMES ROWS``; prints JSON.

The folder has ``reference`` and ``live``, in each a raw file for each column: float64 of numbers, uint8 of names. They
are read a million rows at a time, so that never more than that is held.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from movie_mlops.monitoring.drift import Group, Reference, judge

_BATCH = 1_000_000


def batches(folder: Path, numbers: int, names: int, rows: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of a side, so many at a time."""
    told = pl.Series([f"name {place}" for place in range(256)])
    for start in range(0, rows, _BATCH):
        many = min(_BATCH, rows - start)
        columns = {}
        for place in range(numbers):
            values = np.fromfile(folder / f"number-{place}", np.float64, many, offset=start * 8)
            columns[f"number_{place}"] = pl.Series(values)
        for place in range(names):
            codes = np.fromfile(folder / f"name-{place}", np.uint8, many, offset=start)
            columns[f"name_{place}"] = told.gather(pl.Series(codes))
        yield pl.DataFrame(columns)


def main(folder: Path, numbers: int, names: int, rows: int) -> None:
    """Remember the reference, judge the live rows, print how long each took and what the verdict is."""
    began = time.perf_counter()
    # The votes of independent rows follow from the counts: the batches are gone through once.
    kept = Reference.of([Group("rows", batches(folder / "reference", numbers, names, rows))], days=1).to_bytes()
    remembered = time.perf_counter()
    verdict = judge(Reference.from_bytes(kept), [Group("rows", batches(folder / "live", numbers, names, rows))])
    found = {
        "reference_seconds": round(remembered - began, 3),
        "live_seconds": round(time.perf_counter() - remembered, 3),
        "reference_bytes": len(kept),
        "drifting": sorted({finding.column for finding in verdict.drifting}),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(word) for word in sys.argv[2:5]))
