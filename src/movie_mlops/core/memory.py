"""The highest resident memory of this process, step by step."""

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


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
