"""Progress as a bar on a terminal and as plain lines elsewhere, always on standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from movie_mlops.core.progress import Advance, Progress

_SECONDS_BETWEEN_LINES = 5.0


def listener() -> Progress:
    """Return what fits standard error."""
    return TerminalProgress() if sys.stderr.isatty() else LineProgress()


class TerminalProgress:
    """Bars that vanish when their task has ended."""

    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:  # noqa: ARG002
        """Open a bar."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("  {task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task(title, total=total)
            yield lambda amount: bars.advance(bar, amount)


class LineProgress:
    """A line every few seconds, none for what is quick."""

    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:
        """Begin to count."""
        done, told = 0.0, time.monotonic()

        def advance(amount: float) -> None:
            nonlocal done, told
            done += amount
            if time.monotonic() - told >= _SECONDS_BETWEEN_LINES:
                told = time.monotonic()
                share = f" of {total:,.0f}" if total else ""
                sys.stderr.write(f"  {title}: {done:,.0f}{share} {unit}\n")

        yield advance
