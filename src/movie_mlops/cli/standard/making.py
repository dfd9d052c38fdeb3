"""What ``new`` and ``init`` share: show a plan, write it, and take it back where the run is ended."""

import signal
import sys
from pathlib import Path
from types import FrameType

from movie_mlops.standard.findings import shown
from movie_mlops.standard.scaffold import writing
from movie_mlops.standard.scaffold.plan import Plan


def carry_out(root: Path, plan: Plan, *, verb: str, dry_run: bool) -> None:
    """Write a plan, or only say what it would write.

    Raises:
        StandardError: It cannot be written; nothing was changed then.
    """
    for path in plan.kept:
        sys.stdout.write(f"  kept     {shown(path)}\n")
    if dry_run:
        writing.refuse_taken(root, plan.files)
        for one in plan.files:
            sys.stdout.write(f"  {'would change' if one.replaces is not None else 'would make'}  {shown(one.path)}\n")
        sys.stdout.write(f"{plan.title}: {_files(len(plan.files))}, nothing was written.\n")
        return
    signal.signal(signal.SIGTERM, _ended)
    done = writing.write(root, plan.files)
    if done.undone:
        sys.stdout.write(f"A run before this one was killed: its {_files(len(done.undone))} were taken back first.\n")
    for one in plan.files:
        sys.stdout.write(f"  {'changed' if one.replaces is not None else 'made'}  {shown(one.path)}\n")
    sys.stdout.write(f"{verb} {plan.title}: {_files(len(plan.files))}.\n")


def say_next(steps: tuple[str, ...]) -> None:
    """Say what to do then."""
    if steps:
        sys.stdout.write("Next:\n" + "".join(f"  {step}\n" for step in steps))


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _ended(number: int, frame: FrameType | None) -> None:
    """End as an exception does, so that what was begun is taken back."""
    del frame
    raise SystemExit(128 + number)
