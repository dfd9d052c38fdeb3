"""A script of ours, run by the Python of an environment that a contender has for itself."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from movie_mlops.bench.errors import BenchError


def run_there(
    python: Path, script: str, words: Sequence[str], *, name: str, next_step: str, patience_seconds: float
) -> dict[str, Any]:
    """Return the one JSON document that a script printed last.

    Args:
        python: The Python of the environment.
        script: The file of the script.
        words: What it is given.
        name: Who the contender is.
        next_step: What to do where it does not run.
        patience_seconds: How long it may take.

    Raises:
        BenchError: It fails, or it takes too long.
    """
    command = [str(python.absolute()), script, *words]
    try:
        run = subprocess.run(  # noqa: S603 - the Python that the user named, and our own script
            command, capture_output=True, text=True, timeout=patience_seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{name} did not run: {error}.", next_step=next_step) from error
    if run.returncode:
        said = (run.stderr.strip().splitlines() or ["nothing"])[-1]
        raise BenchError(f"{name} failed; it said last: {said}", next_step=next_step)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found
