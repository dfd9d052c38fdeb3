"""Rows spread over the cores, for loops that let go of Python's lock."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(work: Callable[[int, int], None], n_rows: int, at_once: int) -> None:
    """Call ``work(first, stop)`` for all of ``n_rows`` rows, ``at_once`` rows a call, on all cores.

    Whoever is ready takes the next rows: they need not be alike. What ``work`` writes must hang on its rows alone, so
    that the number of cores changes no byte.
    """
    with ThreadPoolExecutor(cores(), thread_name_prefix="rows") as pool:
        for done in [pool.submit(work, row, min(row + at_once, n_rows)) for row in range(0, n_rows, at_once)]:
            done.result()
