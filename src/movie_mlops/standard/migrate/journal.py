"""What a migration is about to do, written to the disk before it is done."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from movie_mlops.core import clock
from movie_mlops.standard.migrate.errors import MigrationError, UnfinishedError

NAME: Final = "journal.jsonl"
ENDED: Final = frozenset({"done", "rolled back"})
BACKUPS: Final = "temp-cleanup"

Pause = Callable[[str], None]
"""Called at every step with its name; a test ends the process there."""


def no_pause(step: str) -> None:
    """Go on."""


class Journal:
    """The steps of one migration, one JSON object a line.

    Attributes:
        folder: Where the migration keeps what it needs to go on or back.
        steps: What was written so far, oldest first.
    """

    def __init__(self, folder: Path, pause: Pause = no_pause) -> None:
        self.folder = folder
        self.pause = pause
        self.steps = _read(folder / NAME)

    def write(self, step: str, **facts: Any) -> None:
        """Add a step, on the disk before this returns."""
        self.pause(f"before {step}")
        line = {"step": step, "time": clock.to_iso(clock.now()), **facts}
        path = self.folder / NAME
        with path.open("r+b" if path.exists() else "wb") as file:
            # A line that a kill cut short is written over.
            file.truncate(_whole(path))
            file.seek(0, os.SEEK_END)
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.steps.append(line)
        self.pause(f"after {step}")

    def last(self) -> str:
        """Return the name of the latest step; empty before the first."""
        return str(self.steps[-1]["step"]) if self.steps else ""

    @property
    def begin(self) -> dict[str, Any]:
        """What the migration began with."""
        return self.steps[0]

    def ended(self) -> bool:
        """Return whether nothing is left to do, one way or the other."""
        return self.last() in ENDED

    def stages(self) -> list[dict[str, Any]]:
        """Return each stage that was begun, with how far it came.

        ``moved`` counts its finished moves, ``state`` is the latest of ``stage``, ``moved``, ``committed``, ``kept``,
        ``undoing`` and ``undone``.
        """
        stages: list[dict[str, Any]] = []
        for step in self.steps:
            name = step["step"]
            if name == "stage":
                stages.append({**step, "done": 0, "state": "stage"})
            elif name == "move":
                stages[-1]["done"] = step["done"]
            elif name in {"moved", "committed", "kept", "undoing", "undone"}:
                found = next(stage for stage in stages if stage["number"] == step["number"])
                found |= {key: value for key, value in step.items() if key not in {"step", "time", "number"}}
                found["state"] = name
            elif name == "move back":
                found = next(stage for stage in stages if stage["number"] == step["number"])
                found["done"] = step["done"]
        return stages


def _whole(path: Path) -> int:
    """Return how many bytes of a journal are whole lines."""
    content = path.read_bytes() if path.exists() else b""
    return content.rfind(b"\n") + 1


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes()[: _whole(path)].splitlines()]


def journals(root: Path) -> list[Journal]:
    """Return every migration that was begun in a working tree, oldest first."""
    folder = root / BACKUPS
    if folder.is_symlink():
        raise MigrationError(
            f"{BACKUPS}/ is a link, and a migration never follows one.", next_step="Replace it by a folder."
        )
    found = [Journal(path.parent) for path in sorted(folder.glob(f"*/{NAME}"))]
    return [journal for journal in found if journal.steps]


def unfinished(root: Path) -> Journal | None:
    """Return the migration that was interrupted, if there is one."""
    return next((journal for journal in reversed(journals(root)) if not journal.ended()), None)


def must_be_finished(root: Path) -> None:
    """Refuse while a migration is under way.

    Raises:
        UnfinishedError: One is.
    """
    journal = unfinished(root)
    if journal is not None:
        raise UnfinishedError(
            f"The migration in {BACKUPS}/{journal.folder.name} was interrupted.",
            next_step="Go on with 'standard migrate apply --resume', or back with 'standard migrate rollback'.",
        )
