"""Which data sets a home holds, and which one commands mean when none is named."""

import os
import tempfile
from pathlib import Path

from movie_mlops.core.nouns import Workspace
from movie_mlops.flows.errors import FlowError
from movie_mlops.lake import LakeConfig, open_storage


def datasets(home: Path, lakes: LakeConfig | None = None) -> list[str]:
    """Return the names of the data sets in ``home``, in alphabetical order.

    Args:
        home: The folder of all state.
        lakes: The place of the lakes, where it is not in ``home``.
    """
    return open_storage(lakes or LakeConfig(root=Workspace(home, "").lakes)).folders()


def active_dataset(home: Path, named: str | None = None, lakes: LakeConfig | None = None) -> Workspace:
    """Return the workspace of the data set that is named, or of the one that was run last, or of the only one.

    Raises:
        FlowError: There is no such data set.
    """
    known = datasets(home, lakes)
    if named is None:
        marker = _marker(home)
        named = marker.read_text(errors="replace").strip() if marker.exists() else _only(known)
    if named is None or named not in known:
        which = "No data set was run yet" if named is None else f"There is no data set {named!r} here"
        rest = f"; there are {', '.join(known)}" if known else ""
        raise FlowError(
            f"{which} (in {home.absolute()}){rest}.",
            next_step=f"Name one, for example --dataset {known[0]}." if known else "Run 'movie-mlops run' first.",
        )
    return Workspace(home, named)


def make_active(workspace: Workspace) -> None:
    """Make this data set the one that commands mean when none is named."""
    marker = _marker(workspace.home)
    marker.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=marker.parent)
    with os.fdopen(handle, "w") as file:
        file.write(workspace.dataset + "\n")
    Path(temporary).replace(marker)


def _only(known: list[str]) -> str | None:
    return known[0] if len(known) == 1 else None


def _marker(home: Path) -> Path:
    return home / "data" / "active-dataset"
