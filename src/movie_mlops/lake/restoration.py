"""Restoration: an earlier version of a table becomes its newest, as a commit of its own; nothing is forgotten."""

from dataclasses import dataclass
from uuid import uuid4

from deltalake.exceptions import DeltaError

from movie_mlops.lake.errors import CareError, overtaken
from movie_mlops.lake.lake import Lake
from movie_mlops.lake.log import entries
from movie_mlops.lake.writing import NO_CURSOR, commit_properties, finish


@dataclass(frozen=True)
class RestorationReport:
    """What a restoration did.

    Attributes:
        table: The table.
        restored: The version whose rows it has again.
        version: The version that the restoration made; ``None`` where the table had these rows already.
        rows: How many rows it has now.
    """

    table: str
    restored: int
    version: int | None
    rows: int


def restore(lake: Lake, table: str, version: int) -> RestorationReport:
    """Give a table the rows of an earlier version, in one commit.

    Cursors go back as well: what was loaded since counts as not loaded, so that an incremental load brings it again.

    Args:
        lake: The lake.
        table: The table.
        version: The version to go back to.

    Raises:
        LakeError: There is no such table, or the version cannot be read.
        CareError: The files cannot be put back; the table is as it was.
        ConflictError: Another writer changed the table meanwhile; nothing was written.
    """
    wanted, present = lake.delta(table, version=version), lake.delta(table)
    rows = wanted.count()
    if lake.files(table, version=version) == lake.files(table, version=present.version()):
        return RestorationReport(table, version, None, rows)
    commit_id = uuid4().hex
    names = {name for entry in entries(lake.storage, table, present.version()) for name in entry.cursors}
    cursors = {name: wanted.transaction_version(name) for name in sorted(names)}
    properties = commit_properties(
        commit_id,
        {"why": "restoration", "restored": str(version)},
        {name: NO_CURSOR if at is None else at for name, at in cursors.items()},
        retries=0,
    )
    try:
        with lake.named_faults():
            present.restore(version, commit_properties=properties)
    except (DeltaError, OSError) as error:
        if lake.version(table) != present.version():
            raise overtaken(table, present.version()) from error
        raise CareError(
            f"Version {version} of table {table!r} could not be restored ({error}); the table is as it was.",
            next_step=f"See what is damaged with: movie-mlops lake verify {table}",
        ) from error
    return RestorationReport(table, version, finish(lake, table, lake.own_version(table, commit_id)), rows)
