"""Kept answers as the frame that they are joined as: which release and arm each was, and whether it is comparable."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
import polars as pl
from sqlalchemy import Row, select

from movie_mlops.flows.platform import Platform
from movie_mlops.monitoring.quality import ANSWERS
from movie_mlops.serving import EXPOSURES
from movie_mlops.state import Database

_OF_LIST: Final = frozenset({"k", "explain", "exclude_seen"})
"""What a request may say whose list is the one that the evaluation judges."""


class AnswerRows:
    """Makes frames of rows of the table ``impressions``.

    Args:
        platform: The stores.
        cutoff: How many films the evaluation judges.

    Attributes:
        bundles: By release, as far as one was met, the bundle that answered.
    """

    def __init__(self, platform: Platform, cutoff: int) -> None:
        self._database = platform.database
        self._cutoff = cutoff
        self._in_force = {release.release_id: release.bundle_id for release in platform.ledger.history()}
        self.bundles: dict[str, str | None] = {}

    def frame(self, rows: Sequence[Row[Any]]) -> pl.DataFrame:
        """Return answers of :data:`~movie_mlops.monitoring.quality.ANSWERS`, numbered as the rows are."""
        arms = _arms(self._database, rows)
        made = [
            (number, row.user_id, datetime.fromisoformat(row.at), *self._told(row, arms))
            for number, row in enumerate(rows)
        ]
        return pl.DataFrame(made, schema=ANSWERS, orient="row")

    def _told(self, row: Row[Any], arms: Mapping[str, str]) -> tuple[Any, ...]:
        in_force = self._in_force.get(row.release_id)
        bundle_id = row.bundle_id or in_force
        release = str(row.release_id) if bundle_id == in_force and row.release_id is not None else bundle_id
        release = release or "none"
        self.bundles[release] = bundle_id
        asked = orjson.loads(row.request)
        comparable = row.policy is None and is_plain(asked, self._cutoff)
        items = [movie_id for movie_id, _ in orjson.loads(row.items)]
        return items, release, arms.get(row.recommendation_id, "none"), row.source, comparable


def is_plain(request: Mapping[str, Any], cutoff: int) -> bool:
    """Return whether a request asks for the list that the evaluation judges: the best films, and none that was met."""
    wishes = [value for name, value in request.items() if name not in _OF_LIST]
    return request.get("k", 0) >= cutoff and request.get("exclude_seen") is True and not any(wishes)


def _arms(database: Database, rows: Sequence[Row[Any]]) -> dict[str, str]:
    """Return the arm of each answer that had one, with its roll-out's name; the newest where it had several."""
    found: dict[str, str] = {}
    ids = [row.recommendation_id for row in rows]
    with database.read() as connection:
        for start in range(0, len(ids), 5_000):
            some = EXPOSURES.c.recommendation_id.in_(ids[start : start + 5_000])
            columns = (EXPOSURES.c.recommendation_id, EXPOSURES.c.rollout, EXPOSURES.c.arm)
            for name, rollout, arm in connection.execute(select(*columns).where(some).order_by(EXPOSURES.c.stage_id)):
                found[name] = f"{rollout}: {arm}"
    return found
