"""The same drift by Evidently, in an environment of its own: run with its Python, not imported.

``python drift_rival.py FOLDER NUMBERS NAMES ROWS`` reads the files that ``drift_run.py`` reads, all at once, and prints
one JSON document: how long reading and comparing took, and the peak memory of the process.
"""

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any


def frame(folder: Path, numbers: int, names: int, rows: int) -> Any:
    """Return the rows of a side as one frame."""
    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    told = np.array([f"name {place}" for place in range(256)], dtype=object)
    columns = {f"number_{place}": np.fromfile(folder / f"number-{place}", np.float64, rows) for place in range(numbers)}
    columns |= {f"name_{place}": told[np.fromfile(folder / f"name-{place}", np.uint8, rows)] for place in range(names)}
    return pd.DataFrame(columns)


def main(folder: Path, numbers: int, names: int, rows: int) -> dict[str, Any]:
    """Return how long it took, and which columns drift."""
    from evidently import Report  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    sides = [frame(folder / side, numbers, names, rows) for side in ("live", "reference")]
    began = time.perf_counter()
    report = Report([DataDriftPreset()]).run(*sides)
    found = report.dict()
    seconds = time.perf_counter() - began
    counted = next(each["value"] for each in found["metrics"] if "DriftedColumnsCount" in str(each))
    return {
        "version": version("evidently"),
        "seconds": round(seconds, 3),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "drifting": int(counted["count"]),
    }


if __name__ == "__main__":
    # What the library prints is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    answers.write(json.dumps(main(Path(sys.argv[1]), *(int(word) for word in sys.argv[2:5]))) + "\n")
