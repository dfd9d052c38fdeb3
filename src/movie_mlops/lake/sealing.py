"""Sealing what older lakes hold in the clear: the newest version is written anew, and no file of the others stays."""

from typing import Final

from movie_mlops.core import columns as c
from movie_mlops.lake.erasure import remove_files
from movie_mlops.lake.errors import ConflictError
from movie_mlops.lake.lake import Lake
from movie_mlops.lake.schemas import SCHEMAS
from movie_mlops.lake.sealed import SEALED, is_plain
from movie_mlops.lake.writing import write

_CURSOR: Final = "sealing"
"""Says which version was the first sealed one while files from before it may still be there; then :data:`_DONE`."""
_DONE: Final = 0
_TRIES: Final = 10


def seal_plain(lake: Lake) -> list[str]:
    """Seal what tables hold in the clear that is to be sealed, in every version; return their names.

    Older versions of such a table are given up, as by an erasure. It may be killed at any moment and called again. A
    lake that was sealed from the beginning is not looked into.

    Raises:
        CareError: Somebody is writing such a table right now.
        ConflictError: Other writers were faster every time.
        LakeError: The lake cannot be written.
    """
    return [] if lake.seals is None else [table for table in SEALED if _seal(lake, table)]


def _seal(lake: Lake, table: str) -> bool:
    newest = lake.newest(table)
    if newest is None or lake.cursor(table, _CURSOR) == _DONE:
        return False
    if lake.cursor(table, _CURSOR) is None:
        if c.SEALED in {field.name for field in newest.schema().fields} or not _plain_files(lake, table):
            return False
        _write_sealed(lake, table)
    remove_files(lake, table, [path for path in _plain_files(lake, table) if path not in lake.files(table)])
    empty = SCHEMAS[table].to_frame()
    write(lake, table, empty, "append", note={"why": "sealing"}, cursors={_CURSOR: _DONE})
    return True


def _write_sealed(lake: Lake, table: str) -> None:
    for left in reversed(range(_TRIES)):
        version = lake.version(table)
        assert version is not None
        rows = lake.scan(table, version=version).collect()
        try:
            write(
                lake, table, rows, "overwrite", note={"why": "sealing"}, after=version, cursors={_CURSOR: version + 1}
            )
        except ConflictError:
            if not left:
                raise
        else:
            return


def _plain_files(lake: Lake, table: str) -> list[str]:
    """Return the paths of all data files that hold such a row in the clear, of whatever version or of none."""
    paths = [file.path for file in lake.storage.files(table) if file.path.endswith(".parquet")]
    return [
        path
        for path in paths
        if not path.startswith("_")
        and lake.scan_file(table, path, as_kept=True).filter(is_plain(table)).limit(1).collect().height
    ]
