"""Feast as a contender: our script for it, run by the Python of an environment that has Feast."""

from pathlib import Path
from typing import Any, Final

from movie_mlops.bench import feast_rival
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.own_environment import run_there

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
    words = [work, str(folder), which, str(many)]
    return run_there(
        python, feast_rival.__file__, words, name="Feast", next_step=next_step, patience_seconds=_PATIENCE_SECONDS
    )
