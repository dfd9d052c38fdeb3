"""Memory: what this process holds, the most that it has held, step by step, and what is still to be had."""

import gc
import os
import resource
import time
from pathlib import Path
from typing import Final

_STATUS = Path("/proc/self/status")
_PAGES = Path("/proc/self/statm")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_MACHINE = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")

# How polars and Delta are told so: both hold their memory by jemalloc, whose own choice is these ten seconds.
_ALLOCATOR: Final = ("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:10000")


def keep_freed_memory() -> None:
    """Have libraries that are loaded after this give memory back after ten seconds instead of at once.

    Work that goes piece by piece frees what it needs again the next moment; to be given it anew by the system, page by
    page, is up to a tenth of its time. What the environment says already is left alone.
    """
    os.environ.setdefault(*_ALLOCATOR)  # noqa: TID251 - it is told here, not read


def keep_what_is_here() -> None:
    """Have the garbage collector look at nothing of what there is now; for a process that goes on for long.

    All that was imported stays anyway. To look at it again takes a tenth of a second, whenever enough came anew.
    """
    gc.collect()
    gc.freeze()


def reset_peak_memory() -> None:
    """Start a new peak where the kernel can (Linux); elsewhere the peak stays that of the whole process."""
    if _CLEAR.exists():
        try:
            _CLEAR.write_text(_RESET_PEAK)
        except PermissionError:
            # A container may forbid it: the figures are then peaks since the start, which is still an upper bound.
            return


def peak_memory_mib() -> float:
    """Return the highest resident memory since the last reset, in MiB."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def process_memory_bytes() -> int:
    """Return the resident memory of this process now; where the system does not say, the highest so far."""
    if _PAGES.exists():
        return int(_PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return int(peak_memory_mib() * 1024 * 1024)


def process_cpu_seconds() -> float:
    """Return the processor time that this process has taken, all threads together."""
    return time.process_time()


def available_memory_bytes() -> int:
    """Return how much memory a process may still take: what the machine has free, or what its container leaves."""
    free = [int(line.split()[1]) * 1024 for line in _lines(_MACHINE) if line.startswith("MemAvailable:")]
    limit, taken = _lines(_CONTAINER / "memory.max"), _lines(_CONTAINER / "memory.current")
    if limit and taken and limit[0].isdigit():
        free.append(max(0, int(limit[0]) - int(taken[0])))
    # Elsewhere than on Linux nobody says what is free: all that there is stands in for it.
    return min(free) if free else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
