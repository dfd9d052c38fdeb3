"""What a figure was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

_LIBRARIES: Final = (
    "fastapi",
    "httptools",
    "numpy",
    "orjson",
    "polars",
    "scipy",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "uvloop",
)


def machine_facts() -> dict[str, Any]:
    """Return processor, cores, memory, system, Python, libraries, and how busy the machine is before we begin."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": {name: version(name) for name in _LIBRARIES},
        "load_average_before": load_average(),
    }


def load_average() -> float:
    """Return how many processes wanted a core, on average over the last minute."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
    return named or platform.processor() or platform.machine()
