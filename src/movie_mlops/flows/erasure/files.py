"""Files beside lake and state that may name somebody, and the search that finds that none does any more."""

import mmap
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from movie_mlops.core.columns import USER_ID
from movie_mlops.core.nouns import Workspace
from movie_mlops.security.erasure import Kind, kept_for
from movie_mlops.security.purposes import Purpose

_TOLD_APART: Final = 5
_INGEST_PAGE: Final = "ingest.html"
_SIDE_FILES: Final = (".parquet", ".lock", ".npy")


def can_be_searched(user_id: str) -> bool:
    """Return whether an id is told from everything else by its letters; a short one or a number is not."""
    return len(user_id) >= _TOLD_APART and not user_id.isdecimal()


def erase(
    workspace: Workspace, user_id: str, purposes: Collection[Purpose] | None = None, *, dry_run: bool = False
) -> dict[str, list[str]]:
    """Take somebody out of the files; return what went or was written anew, by place.

    Args:
        workspace: The data set.
        user_id: Who.
        purposes: From those alone that are kept for one of these; ``None`` for all.
        dry_run: Say what would, and change nothing.
    """
    sets = [rows.parent for rows in sorted(workspace.training_sets.rglob("*.parquet")) if _holds(rows, user_id)]
    reports = [path for path in sorted(workspace.reports.rglob("*")) if path.is_file() and _tells_of(path, user_id)]
    archives = [path for path in sorted(workspace.downloads.glob("*")) if path.name.split(".")[0] == workspace.dataset]
    sets = sets if kept_for(Kind.FILES, "data/training-sets", purposes) else []
    reports = reports if kept_for(Kind.FILES, "reports", purposes) else []
    archives = archives if kept_for(Kind.FILES, "data/downloads", purposes) else []
    for path in () if dry_run else (*sets, *reports, *archives):
        if path.suffix == ".parquet" and path in reports:
            made = path.with_suffix(".unfinished")
            pl.read_parquet(path).filter(pl.col(USER_ID) != user_id).write_parquet(made)
            made.replace(path)
        elif path.is_dir():
            # A training set goes as a whole: its manifest vouches for every byte of the rows.
            shutil.rmtree(path)
        else:
            path.unlink()
    found = {"training sets": sets, "reports": reports, "downloads": archives}
    return {place: [str(path.relative_to(workspace.home)) for path in paths] for place, paths in found.items()}


def search(workspace: Workspace, user_id: str) -> dict[str, Any]:
    """Look for an id in every byte of the data set's files, compressed tables aside, which were asked by their rows.

    Returns:
        ``files`` and ``bytes`` that were read, and ``found``: the paths; ``None`` for an id that cannot be searched.
    """
    if not can_be_searched(user_id):
        return {"files": 0, "bytes": 0, "found": None}
    files, size, found = 0, 0, []
    for path in _ours(workspace):
        files, size = files + 1, size + path.stat().st_size
        if _find(path, user_id.encode()):
            found.append(str(path.relative_to(workspace.home)))
    return {"files": files, "bytes": size, "found": found}


def _ours(workspace: Workspace) -> Iterator[Path]:
    home, dataset = workspace.home, workspace.dataset
    places = (
        workspace.lakes / dataset,
        workspace.training_sets,
        workspace.models,
        workspace.reports,
        workspace.experiments,
        home / "logs",
    )
    files = [path for place in places for path in sorted(place.rglob("*"))]
    files += sorted((home / "data" / "state").glob(f"{dataset}.db*"))
    return (path for path in files if path.is_file() and path.suffix not in _SIDE_FILES)


def _holds(path: Path, user_id: str) -> bool:
    rows = pl.scan_parquet(path, glob=False)
    return USER_ID in rows.collect_schema() and rows.filter(pl.col(USER_ID) == user_id).limit(1).collect().height > 0


def _tells_of(path: Path, user_id: str) -> bool:
    return _holds(path, user_id) if path.suffix == ".parquet" else _names(path, user_id)


def _names(path: Path, user_id: str) -> bool:
    """Return whether a page names somebody; of an id that may be a number of anything, only where rows are shown."""
    if can_be_searched(user_id):
        return _find(path, user_id.encode())
    if path.name != _INGEST_PAGE:
        return False
    return re.search(rf"(?<!\w){re.escape(user_id)}(?!\w)", path.read_text()) is not None


def _find(path: Path, wanted: bytes) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(wanted) >= 0
