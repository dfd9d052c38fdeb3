"""How long work tells its progress without knowing who listens."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[float], None]
"""Called with the amount done since the last call, in the task's unit."""


class Progress(Protocol):
    """A listener for long work: a bar on a terminal, plain lines elsewhere, or nothing."""

    def task(self, title: str, total: float | None = None, unit: str = "") -> AbstractContextManager[Advance]:
        """Open a task of ``total`` units (``None`` where unknown); leaving it ends it."""
        ...


class _Silent:
    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:  # noqa: ARG002
        def advance(amount: float) -> None:
            pass

        yield advance


SILENT: Progress = _Silent()
"""Nobody listens."""
