"""Tables whose rows are those of their files: the only ones that are read file by file.

Other writers of Delta may leave rows in a file that count no more (deletion vectors), call columns in it otherwise than
in the table (column mapping), or leave a column out of it (partitions). Whoever reads the files alone would see other
rows than the table has.
"""

from typing import Final

from deltalake import DeltaTable

from movie_mlops.lake.errors import LakeError

_HARMLESS: Final = frozenset({"timestampNtz", "vacuumProtocolCheck", "v2Checkpoint"})
"""What a reader must know without which a file's rows would still be the table's."""

_MAPPING: Final = "delta.columnMapping.mode"


def require_plain(table: str, delta: DeltaTable) -> None:
    """Do nothing where the rows of a version are those of its files, as they are in all tables that we write.

    Raises:
        LakeError: They are not.
    """
    about = delta.metadata()
    why = [f"'{name}'" for name in delta.protocol().reader_features or () if name not in _HARMLESS]
    if about.configuration.get(_MAPPING, "none") != "none" and "'columnMapping'" not in why:
        why.append("'columnMapping'")
    if about.partition_columns:
        why.append(f"partitions by {', '.join(about.partition_columns)}")
    if why:
        raise LakeError(
            f"Another program wrote the table {table!r} with {', '.join(why)}: its files do not tell its rows.",
            next_step="Write it anew without, for example with Spark's REORG TABLE … APPLY (PURGE), or ingest again.",
        )
