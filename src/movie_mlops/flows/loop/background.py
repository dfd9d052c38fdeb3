"""The loop beside a worker: in a thread of its own, so that events go on into the lake while a model is trained."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.events.triggers import LoopRun
from movie_mlops.flows.loop.loop import Loop

_PATIENCE: Final = 2.0


class Background:
    """Takes turns of the loop until the block ends.

    A training in the middle does not hold the end up: its thread ends with the process, and whoever takes the next turn
    goes on from the step that it was in.

    Args:
        loop: What takes the turns.
        every_seconds: Between two of them.
        on_run: Told of a run whenever it has come further.
        on_error: Told of a turn that failed.
    """

    def __init__(
        self,
        loop: Loop,
        every_seconds: float,
        *,
        on_run: Callable[[LoopRun], None] = lambda _run: None,
        on_error: Callable[[MovieMlopsError], None] = lambda _error: None,
    ) -> None:
        self._loop = loop
        self._every_seconds = every_seconds
        self._on_run = on_run
        self._on_error = on_error
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="loop", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End, with the turn where that is a matter of moments."""
        self._stop.set()
        self._thread.join(_PATIENCE)

    @property
    def busy(self) -> bool:
        """Whether a turn goes on."""
        return self._thread.is_alive()

    def _work(self) -> None:
        told: tuple[int, str] | None = None
        while not self._stop.is_set():
            try:
                run = self._loop.turn()
            except MovieMlopsError as error:
                self._on_error(error)
            else:
                if run is not None and told != (run.run_id, run.stage):
                    told = (run.run_id, run.stage)
                    self._on_run(run)
            self._stop.wait(self._every_seconds)
