"""Commands that change who serves, who is trusted or what is kept are put on record, done or not."""

import functools
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import typer

from movie_mlops.core.errors import MovieMlopsError

P = ParamSpec("P")
T = TypeVar("T")

_WHO: Final = ("approved_by", "by", "who")
_TOLD: Final = frozenset(
    {"reason", "note", "expected", "alias", "remove", "bundle", "name", "key", "check", "model", "role", "scope"}
)


def audited(action: str, *, on: str | None = None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return what puts each call of a command on record.

    Args:
        action: What it is called there, such as ``release.promote``.
        on: The parameter that says on what it is done.
    """

    def wrap(command: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(command)
        def noted(*args: P.args, **given: P.kwargs) -> T:
            said = dict(given)
            try:
                done = command(*args, **given)
            except typer.Exit as end:
                _note(action, on, said, None if end.exit_code == 0 else "exit")
                raise
            except MovieMlopsError as error:
                _note(action, on, said, error.code)
                raise
            _note(action, on, said, None)
            return done

        noted.audited = action  # type: ignore[attr-defined] # a test holds every command against it
        return noted

    return wrap


def _note(action: str, on: str | None, given: Mapping[str, Any], failed: str | None) -> None:
    """Write the entry; where it cannot be written after something was done, that is an error of its own."""
    from movie_mlops.cli import door
    from movie_mlops.flows import FlowError
    from movie_mlops.security import Outcome

    if given.get("dry_run") or given.get("plan"):
        return
    settings = door.settings(given.get("home"))
    try:
        workspace = door.workspace(given.get("home"), given.get("dataset"))
    except FlowError:
        if failed is None:
            sys.stderr.write("There is no data set yet, so that this is in no audit log.\n")
        return
    facts = {name: str(value) for name, value in given.items() if name in _TOLD and value and not _is_path(value)}
    database = door.database(workspace)
    try:
        door.audit(settings, database).note(
            action,
            who=next((str(given[name]) for name in _WHO if given.get(name)), "operator"),
            outcome=Outcome.DONE if failed is None else Outcome.FAILED,
            target=str(given.get(on) or "") if on else "",
            # A number that the machine alone can tell the name of.
            origin=f"command line, account {os.getuid()}",
            facts=facts if failed is None else {**facts, "error": failed},
        )
    finally:
        database.close()


def _is_path(value: Any) -> bool:
    return isinstance(value, Path)
