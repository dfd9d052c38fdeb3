"""Outcomes that were kept, for whoever asks what answers were worth."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import polars as pl
from sqlalchemy import Row, select

from movie_mlops.core import clock
from movie_mlops.core.columns import MOVIE_ID
from movie_mlops.events.places import place_of
from movie_mlops.flows.ingest import in_lake
from movie_mlops.flows.outcomes.table import ANSWERS_JOINED, OUTCOMES, known_joins, others_wrote, rule_of
from movie_mlops.flows.platform import Platform
from movie_mlops.monitoring.quality import Heard, QualityConfig


class KeptOutcomes:
    """What was kept, for whoever asks what answers were worth.

    Args:
        platform: The stores.
        config: By what is asked; what was kept for another horizon is of no use.
        now: What came later must have no part in it.

    Attributes:
        usable: Whether there is anything that can be trusted.
    """

    def __init__(self, platform: Platform, config: QualityConfig, now: datetime) -> None:
        self._database = platform.database
        self._now = clock.microseconds(now)
        with platform.database.read() as connection:
            known, place = known_joins(connection), place_of(connection, ANSWERS_JOINED)
        self.usable = (
            known is not None
            and place is not None
            and known.rule == rule_of(platform, config)
            and place[0] <= in_lake(platform)
            and not others_wrote(platform.lake, known.lake_version)
        )
        since = place[0] if self.usable and place is not None else 0
        sql = 'SELECT DISTINCT subject FROM events WHERE "offset" > ?'
        self._behind = {user for (user,) in platform.database.fetch(sql, (since,))} if self.usable else set()

    def of(self, rows: Sequence[Row[Any]], first: str, last: str) -> Mapping[str, Row[Any]]:
        """Return, by recommendation, the outcomes of some users' answers: of those alone of whom all are kept.

        Args:
            rows: All answers to these users that are asked about.
            first: The first of these users, in the database's order.
            last: The last of them.
        """
        if not self.usable:
            return {}
        within = OUTCOMES.c.user_id.between(first, last)
        with self._database.read() as connection:
            known = {row.recommendation_id: row for row in connection.execute(select(OUTCOMES).where(within))}
        open_still = {row.user_id for row in known.values() if row.newest is not None and row.newest > self._now}
        missing = {row.user_id for row in rows if row.recommendation_id not in known}
        whole = {row.user_id for row in rows} - self._behind - open_still - missing
        return {row.recommendation_id: known[row.recommendation_id] for row in rows if row.user_id in whole}


def heard_of(outcomes: Mapping[int, Row[Any]]) -> Heard:
    """Return kept outcomes, by the number of their answer, as they were heard."""
    reactions = pl.DataFrame(
        [
            (
                number,
                row.outcome,
                row.position,
                row.displeased,
                row.credited,
                row.delay_seconds,
                row.new_user,
                None if row.newest is None else clock.from_microseconds(row.newest),
            )
            for number, row in outcomes.items()
        ],
        schema={
            "answer": pl.Int64,
            "outcome": pl.String,
            "position": pl.Int64,
            "displeased": pl.Boolean,
            "credited": pl.Int64,
            "delay_seconds": pl.Float64,
            "new_user": pl.Boolean,
            "newest": pl.Datetime("us", "UTC"),
        },
        orient="row",
    )
    places = [(number, *each) for number, row in outcomes.items() for each in orjson.loads(row.positives)]
    return Heard(
        reactions, pl.DataFrame(places, schema={"answer": pl.Int64, MOVIE_ID: pl.Int64, "rank": pl.Int64}, orient="row")
    )
