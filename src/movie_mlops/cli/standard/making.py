"""What ``new``, ``init`` and ``render`` share: the files that are there, and a plan that is shown or carried out."""

import signal
import sys
from pathlib import Path
from types import FrameType

from movie_mlops.cli.standard import place
from movie_mlops.standard import git
from movie_mlops.standard.errors import UsageError
from movie_mlops.standard.findings import shown
from movie_mlops.standard.scaffold import writing
from movie_mlops.standard.scaffold.plan import Plan
from movie_mlops.standard.tree import Tree


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
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _ended)
    writing.write(root, plan.files)
    for one in plan.files:
        sys.stdout.write(f"  {'changed' if one.replaces is not None else 'made'}  {shown(one.path)}\n")
    sys.stdout.write(f"{verb} {plan.title}: {_files(len(plan.files))}.\n")


def recover(root: Path, *, dry_run: bool) -> None:
    """Take back what a killed run left, before anything is planned on top of it.

    Raises:
        UsageError: Nothing may be written, so it cannot be taken back.
    """
    if dry_run and writing.is_unfinished(root):
        raise UsageError(
            "A run before this one was killed half-way.", next_step="Run without --dry-run: it is taken back first."
        )
    undone = writing.recover(root)
    if undone:
        sys.stdout.write(f"A run before this one was killed: {_files(len(undone))} taken back first.\n")


def everything(root: Path) -> Tree:
    """Return the files of a project together with those that git does not hold yet, what it ignores aside."""
    found = place.files(str(root))
    if found.tracked is None:
        return found
    new = git.split(git.run(root, "ls-files", "--others", "--exclude-standard", "-z"))
    return Tree(root, sorted({*found.paths, *new}), kind="working", tracked=found.tracked)


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
