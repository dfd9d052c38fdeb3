"""Bundles that never serve again, such as those that learned from somebody whose data was erased."""

from typing import Final

from sqlalchemy import Connection, select

from movie_mlops.release.errors import RetiredError
from movie_mlops.release.registry import ACTS

RETIRED: Final = "retired"
"""The act that retires a bundle; nothing undoes it."""


def retired_within(connection: Connection) -> dict[str, str]:
    """Return the bundles that were retired, each with the reason, as the caller's transaction sees them."""
    rows = connection.execute(select(ACTS.c.bundle_id, ACTS.c.reason).where(ACTS.c.act == RETIRED)).all()
    return {row.bundle_id: row.reason for row in rows}


def refuse_retired(connection: Connection, *bundle_ids: str) -> None:
    """Have nothing serve that was retired.

    Raises:
        RetiredError: One of the bundles was.
    """
    retired = retired_within(connection)
    for bundle_id in bundle_ids:
        if bundle_id in retired:
            raise RetiredError(
                f"The bundle {bundle_id!r} was retired and serves no more ({retired[bundle_id]}).",
                next_step="Train and release another with 'movie-mlops run'.",
            )
