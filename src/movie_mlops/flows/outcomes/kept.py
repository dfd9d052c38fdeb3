"""Outcomes that were kept, for whoever asks what answers were worth."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl
from sqlalchemy import Row

from movie_mlops.core import clock
from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.events.places import place_of
from movie_mlops.flows.ingest import in_lake
from movie_mlops.flows.outcomes.table import ANSWERS_JOINED, known_joins, others_wrote, rule_of
from movie_mlops.flows.platform import Platform
from movie_mlops.monitoring.quality import Heard, QualityConfig

_REACTIONS: Final = ("outcome", "position", "displeased", "credited", "delay_seconds", "new_user", "newest")
_SCHEMA: Final = {
    "recommendation_id": pl.String(),
    "outcome": pl.String(),
    "position": pl.Int64(),
    "displeased": pl.Int64(),
    "credited": pl.Int64(),
    "delay_seconds": pl.Float64(),
    "new_user": pl.Int64(),
    "newest": pl.Int64(),
    "positives": pl.String(),
}
_KEPT: Final = f"SELECT {', '.join(_SCHEMA)} FROM answer_outcomes WHERE user_id BETWEEN ? AND ?"  # noqa: S608 - own names


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

    def of(self, rows: Sequence[Row[Any]], first: str, last: str) -> pl.DataFrame:
        """Return the outcomes of some users' answers, as they are kept: of those alone of whom all are.

        Args:
            rows: All answers to these users that are asked about.
            first: The first of these users, in the database's order.
            last: The last of them.
        """
        columns = ("recommendation_id", "user_id")
        asked = pl.DataFrame(
            [(row.recommendation_id, row.user_id) for row in rows],
            schema=dict.fromkeys(columns, pl.String),
            orient="row",
        )
        found = self._database.fetch(_KEPT, (first, last)) if self.usable else []
        told = asked.join(
            pl.DataFrame(found, schema=_SCHEMA, orient="row"), on="recommendation_id", how="left", maintain_order="left"
        )
        # Null where nothing is kept.
        open_still = pl.col("outcome").is_null() | (pl.col("newest") > self._now)
        partly = told.filter(open_still.fill_null(value=False))[USER_ID].unique()
        behind = pl.Series(sorted(self._behind), dtype=pl.String)
        return told.filter(~pl.col(USER_ID).is_in(pl.concat([partly, behind]).implode()))


def heard_of(kept: pl.DataFrame) -> Heard:
    """Return kept outcomes, with the number of each as ``answer``, as they were heard."""
    pairs = kept.select("answer", pl.col("positives").str.json_decode(pl.List(pl.List(pl.Int64)))).explode("positives")
    places = pairs.drop_nulls("positives").select(
        "answer",
        pl.col("positives").list.get(0).alias(MOVIE_ID),
        pl.col("positives").list.get(1).alias("rank"),
    )
    newest = pl.from_epoch("newest", time_unit="us").dt.replace_time_zone("UTC")
    reactions = kept.select("answer", *_REACTIONS).with_columns(
        pl.col("displeased", "new_user").cast(pl.Boolean), newest
    )
    return Heard(reactions, places)
