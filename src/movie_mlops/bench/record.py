"""The file of what was measured: whole or not at all."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from movie_mlops.bench.machine import load_average
from movie_mlops.core import clock
from movie_mlops.flows.provenance import code_commit

_FORMAT: Final = 1


def write_record(
    out: Path, benchmark: str, command: str, machine: Mapping[str, Any], found: Mapping[str, Any]
) -> dict[str, Any]:
    """Write what a benchmark found, with all that is needed to judge it and to repeat it.

    Args:
        out: The JSON file, replaced whole.
        benchmark: Its name.
        command: The command line that ran it.
        machine: What :func:`machine_facts` said before it began.
        found: What was measured.

    Returns:
        What the file holds.
    """
    record = {
        "format": _FORMAT,
        "benchmark": benchmark,
        "at": clock.to_iso(clock.now()),
        "command": command,
        "code_commit": code_commit(),
        "machine": {**machine, "load_average_after": load_average()},
        **found,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(record, file, ensure_ascii=False, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(out)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return record
