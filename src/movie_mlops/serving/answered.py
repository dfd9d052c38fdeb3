"""Which release answered somebody at a time: from the answers that were kept, else from the ledger."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, and_, func, or_, select

from movie_mlops.core import clock
from movie_mlops.release import Ledger, Release
from movie_mlops.serving.impressions import IMPRESSIONS, Impression, read
from movie_mlops.state import Database

_LATEST: Final = datetime(9999, 12, 30, tzinfo=UTC)
_SECOND: Final = len("2026-01-31T12:00:00")


@dataclass(frozen=True)
class Answered:
    """Who answered at a time.

    Attributes:
        at: The time that was asked about.
        user_id: Whom; ``None`` for everybody.
        said_by: ``impressions``: the user's newest answer by then was kept, and names its release. ``ledger``: none
            was, and this release served then.
        impression: That answer.
        release: The release that answered; ``None`` before the first one, or for an answer that had none behind it.
        serving: The release that served at the time, which a list that was older may not be from.
    """

    at: datetime
    user_id: str | None
    said_by: Literal["impressions", "ledger"]
    impression: Impression | None
    release: Release | None
    serving: Release | None

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "at": clock.to_iso(self.at),
            "user_id": self.user_id,
            "said_by": self.said_by,
            "recommendation": self.impression
            and {**self.impression.document(), "release_id": self.impression.release_id},
            "release": self.release and self.release.to_json(),
            "serving": self.serving and self.serving.to_json(),
        }


@dataclass(frozen=True)
class Usage:
    """What some answers come to.

    Attributes:
        answers: How many were kept.
        users: How many users got them; visitors without an account are not counted.
        last: When the newest was given.
    """

    answers: int
    users: int
    last: datetime | None


def who_answered(database: Database, ledger: Ledger, at: datetime, user_id: str | None = None) -> Answered:
    """Return which release answered a user at a time.

    Raises:
        ReleaseError: ``at`` names no time zone.
    """
    serving = ledger.who_served(at)
    impression = None if user_id is None else newest_by(database, IMPRESSIONS.c.user_id == user_id, at)
    if impression is None:
        return Answered(at, user_id, "ledger", None, serving, serving)
    return Answered(at, user_id, "impressions", impression, impression.release(ledger.history()), serving)


def newest_by(database: Database, where: ColumnElement[bool], at: datetime) -> Impression | None:
    """Return the newest answer, of those meant, that was given by a time."""
    # Times stand as text, whole seconds without a fraction: text is in order from second to second, not within one.
    second = min(at, _LATEST).astimezone(UTC).replace(microsecond=0, tzinfo=None)
    newest = func.max(func.substr(IMPRESSIONS.c.at, 1, _SECOND))
    with database.read() as connection:
        for bound in (second + timedelta(seconds=1), second):
            before = IMPRESSIONS.c.at < bound.isoformat()
            found = connection.execute(select(newest).where(where, before)).scalar_one_or_none()
            if found is None:
                return None
            same = select(IMPRESSIONS).where(where, before, IMPRESSIONS.c.at >= found)
            within = [each for row in connection.execute(same) if (each := read(row)).at <= at]
            if within:
                return max(within, key=lambda impression: (impression.at, impression.recommendation_id))
    return None


def usage(database: Database, release_ids: list[int], bundle_id: str | None = None) -> Usage:
    """Return what the answers of some releases come to.

    Args:
        database: Where they are kept.
        release_ids: The releases.
        bundle_id: Only what this bundle answered, and none that was rolled out beside it; ``None`` for all.
    """
    of_them: ColumnElement[bool] = IMPRESSIONS.c.release_id.in_(release_ids)
    if bundle_id is not None:
        of_them = and_(of_them, or_(IMPRESSIONS.c.bundle_id.is_(None), IMPRESSIONS.c.bundle_id == bundle_id))
    counts = select(func.count(), func.count(IMPRESSIONS.c.user_id.distinct())).where(of_them)
    with database.read() as connection:
        answers, users = connection.execute(counts).one()
    newest = newest_by(database, of_them, _LATEST) if answers else None
    return Usage(answers, users, None if newest is None else newest.at)


def unknown_releases(database: Database, known: set[int]) -> list[int]:
    """Return the releases that answers name and the ledger does not have."""
    with database.read() as connection:
        named = connection.execute(select(IMPRESSIONS.c.release_id).distinct()).scalars()
        return sorted({release_id for release_id in named if release_id is not None} - known)
