"""Sealing what older lakes hold in the clear: the newest version is written anew, and no file of the others stays."""

from typing import Final

from movie_mlops.core import columns as c
from movie_mlops.lake.erasure import remove_files
from movie_mlops.lake.errors import ConflictError
from movie_mlops.lake.lake import Lake
from movie_mlops.lake.schemas import SCHEMAS
from movie_mlops.lake.sealed import SEALED, SEALING, is_plain
from movie_mlops.lake.writing import write

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
    newest, state = lake.newest(table), lake.cursor(table, SEALING)
    if newest is None or state == 0:
        return False
    if state is None and c.SEALED in {field.name for field in newest.schema().fields}:
        return False
    plain = _plain_files(lake, table)
    if state is None and not plain:
        return False
    if lake.files(table).intersection(plain):
        _write_sealed(lake, table)
    remove_files(lake, table, [path for path in plain if path not in lake.files(table)])
    write(lake, table, SCHEMAS[table].to_frame(), "append", note={"why": "sealing"}, cursors={SEALING: 0})
    return True


def _write_sealed(lake: Lake, table: str) -> None:
    for left in reversed(range(_TRIES)):
        version = lake.version(table)
        assert version is not None
        rows = lake.scan(table, version=version).collect()
        try:
            write(lake, table, rows, "overwrite", note={"why": "sealing"}, after=version, cursors={SEALING: 1})
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
