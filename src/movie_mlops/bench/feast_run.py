"""Feast as a contender: our script for it, run by the Python of an environment that has Feast."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from movie_mlops.bench import feast_rival
from movie_mlops.bench.errors import BenchError

_PATIENCE_SECONDS: Final = 540


def run_feast(python: Path | None, work: str, folder: Path, which: str, many: int) -> dict[str, Any]:
    """Return what ``feast_rival.py`` printed.

    Args:
        python: The Python of the environment; ``None`` where there is none.
        work: ``join`` or ``read``.
        folder: Where the data is.
        which: The engine, or the online store.
        many: How often it is measured.

    Raises:
        BenchError: There is no Feast, it fails, or it takes too long.
    """
    next_step = "Make its environment with scripts/setup/setup_feast.sh, and name its Python with --feast-python."
    if python is None:
        raise BenchError("There is no Python with Feast.", next_step=next_step)
    command = [str(python.absolute()), feast_rival.__file__, work, str(folder), which, str(many)]
    try:
        run = subprocess.run(  # noqa: S603 - the Python that the user named, and our own script
            command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"Feast did not run: {error}.", next_step=next_step) from error
    if run.returncode:
        said = (run.stderr.strip().splitlines() or ["nothing"])[-1]
        raise BenchError(f"Feast failed; it said last: {said}", next_step=next_step)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found
