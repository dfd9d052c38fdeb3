"""Where outcomes are kept, and when what is kept says nothing any more."""

from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Boolean, Column, Connection, Float, Integer, Row, String, Table, Text, select

from movie_mlops.core.digests import digest
from movie_mlops.features import FeedbackConfig
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, Lake, LakeError
from movie_mlops.monitoring.quality import QualityConfig
from movie_mlops.state import METADATA

ANSWERS_JOINED: Final = "answers"
"""The consumer's name."""

OUTCOMES: Final = Table(
    "answer_outcomes",
    METADATA,
    Column("recommendation_id", String(32), primary_key=True),
    Column("user_id", Text, nullable=False, index=True),
    Column("at", String(32), nullable=False, index=True),
    Column("release", Text, nullable=False),
    Column("arm", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("position", Integer),
    Column("displeased", Boolean, nullable=False),
    Column("credited", Integer, nullable=False),
    Column("delay_seconds", Float),
    Column("new_user", Boolean, nullable=False),
    # When the last word was that had a part in it: microseconds since 1970 UTC.
    Column("newest", BigInteger),
    # Films that are positives, each with its place; null where it was not shown.
    Column("positives", Text, nullable=False),
)

JOINS: Final = Table(
    "answer_joins",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("turns", Integer, nullable=False),
    # What the outcomes depend on besides answers and events.
    Column("rule", String(64), nullable=False),
    Column("lake_version", Integer, nullable=False),
    Column("looked_to", String(32), nullable=False),
)
"""One row: by which rule and over which version of the lake everything in :data:`OUTCOMES` was joined."""

_OURS: Final = ({"source": "events"}, {"why": "compaction"}, {"why": "an erasure"})
"""Notes of commits after which outcomes need no joining: their events are in the log, or nobody else's rows changed."""


def known_joins(connection: Connection) -> Row[Any] | None:
    """Return the row of :data:`JOINS`; ``None`` where nothing was joined yet."""
    return connection.execute(select(JOINS)).one_or_none()


def rule_of(platform: Platform, config: QualityConfig) -> str:
    """Return a digest of what outcomes depend on besides answers and events."""
    feedback = TypeAdapter(FeedbackConfig).dump_python(platform.config.feedback, mode="json")
    rule = {"horizon_days": config.horizon_days, "new_films": config.new_films, "feedback": feedback}
    return digest(rule)


def others_wrote(lake: Lake, since: int) -> bool:
    """Return whether a version of the interactions after one has rows that are in no event log, or lacks some."""
    newest = lake.version(INTERACTIONS)
    if newest is None or newest < since:
        return True
    try:
        return any(lake.commit(INTERACTIONS, version).note not in _OURS for version in range(since + 1, newest + 1))
    except LakeError:
        # Nobody knows what that version did.
        return True
