"""The answers of a period and all that their users ever did, some users at a time, so that memory stays bounded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import polars as pl
from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from movie_mlops.core.columns import EVENT_ID, USER_ID
from movie_mlops.events.stored import EVENTS, from_row
from movie_mlops.features.parity import event_rows
from movie_mlops.flows.ingest import in_lake
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS
from movie_mlops.monitoring.quality import ANSWERS, WORDS, QualityConfig
from movie_mlops.serving import EXPOSURES, IMPRESSIONS
from movie_mlops.state import Database

_PAGE: Final = 50_000
_NAMED: Final = 5
_OF_LIST: Final = frozenset({"k", "explain", "exclude_seen"})
"""What a request may say whose list is the one that the evaluation judges."""


@dataclass(frozen=True)
class Page:
    """Some users, whole.

    Attributes:
        answers: All that they were given in the period.
        words: All that they ever did; each thing once.
        rows: How many rows of the table were read for it.
    """

    answers: pl.DataFrame
    words: pl.DataFrame
    rows: int


class GivenAnswers:
    """The answers of a period.

    Args:
        platform: The stores.
        since: From when on.
        until: Until when.
        config: Who is taken for a program.

    Attributes:
        total: How many answers are on pages, some more at the ends of the period.
        left_out: How many are on no page, by reason.
        programs: Users that were taken for programs, a few of them, the busiest first.

    Raises:
        StateError: The database refuses.
    """

    def __init__(self, platform: Platform, since: datetime, until: datetime, config: QualityConfig) -> None:
        self._platform = platform
        self._since, self._until = since, until
        self._days = (until - since) / timedelta(days=1)
        self._config = config
        self._bundles = {release.release_id: release.bundle_id for release in platform.ledger.history()}
        self._when = _period(IMPRESSIONS.c.at, since, until)
        with platform.database.read() as connection:
            nobody = and_(self._when, IMPRESSIONS.c.user_id.is_(None))
            anonymous = connection.execute(select(func.count()).where(nobody)).scalar_one()
            in_group = nobody, IMPRESSIONS.c.request.contains('"members":[')
            groups = connection.execute(select(func.count()).where(*in_group)).scalar_one()
            busy, self._spans = _spans(connection, self._when, most=config.most_answers * self._days)
        self._busy = sorted(busy, key=lambda user: (-busy[user], user))
        self.left_out = {"groups": groups, "nobody known": anonymous - groups, "programs": sum(busy.values())}
        self.total = sum(rows for _, _, rows in self._spans)
        self.programs = self._busy[:_NAMED]
        self.bundles: dict[str, str | None] = {}

    def pages(self) -> Iterator[Page]:
        """Yield the answers to users, those of taken-for programs aside.

        Attributes such as ``left_out`` are complete when the last page has been read.

        Raises:
            StateError: The database refuses.
            LakeError: The lake cannot be read.
        """
        for first, last, _ in self._spans:
            rows = self._rows(first, last)
            read = len(rows)
            users = {row.user_id for row in rows}
            words = self._words(first, last, users)
            loud = self._loud(words)
            if loud:
                self.left_out["programs"] += sum(row.user_id in loud for row in rows)
                self.programs = [*self.programs, *sorted(loud)][:_NAMED]
                rows = [row for row in rows if row.user_id not in loud]
            answers = self._answers(rows)
            yield Page(answers, words.filter(~pl.col(USER_ID).is_in(list(loud))).select(WORDS.names()), read)

    def _rows(self, first: str, last: str) -> Sequence[Row[Any]]:
        # Of two ranges the database could take the wrong one first: the times of a period are nearly all there are.
        at = IMPRESSIONS.c.at.concat("")
        within = IMPRESSIONS.c.user_id >= first, IMPRESSIONS.c.user_id <= last, _period(at, self._since, self._until)
        wanted = select(IMPRESSIONS).where(*within, IMPRESSIONS.c.user_id.not_in(self._busy))
        with self._platform.database.read() as connection:
            return connection.execute(wanted).all()

    def _answers(self, rows: Sequence[Row[Any]]) -> pl.DataFrame:
        arms = _arms(self._platform.database, rows)
        made: list[tuple[Any, ...]] = []
        for row in rows:
            at = datetime.fromisoformat(row.at)
            # Text is in order from second to second only.
            if self._since <= at < self._until:
                made.append((len(made), row.user_id, at, *self._told(row, arms)))
        return pl.DataFrame(made, schema=ANSWERS, orient="row")

    def _told(self, row: Row[Any], arms: Mapping[str, str]) -> tuple[Any, ...]:
        in_force = self._bundles.get(row.release_id)
        bundle_id = row.bundle_id or in_force
        release = str(row.release_id) if bundle_id == in_force and row.release_id is not None else bundle_id
        release = release or "none"
        self.bundles[release] = bundle_id
        asked = orjson.loads(row.request)
        comparable = row.policy is None and is_plain(asked, self._config.cutoff)
        items = [movie_id for movie_id, _ in orjson.loads(row.items)]
        return items, release, arms.get(row.recommendation_id, "none"), row.source, comparable

    def _words(self, first: str, last: str, users: set[str]) -> pl.DataFrame:
        """Return what some users did: from the lake, and from the event log what the lake has not got."""
        columns = [EVENT_ID, *WORDS.names()]
        wanted = pl.Series(sorted(users), dtype=pl.String)
        scanned = self._platform.lake.scan(INTERACTIONS).filter(pl.col(USER_ID).is_in(wanted.implode()))
        known = scanned.select(columns).collect(engine="streaming")
        later = (
            select(EVENTS)
            .where(EVENTS.c.offset > in_lake(self._platform), EVENTS.c.subject >= first, EVENTS.c.subject <= last)
            .order_by(EVENTS.c.offset)
        )
        with self._platform.database.read() as connection:
            said = [from_row(row).interaction for row in connection.execute(later) if row.subject in users]
        # Another process may bring an event into the lake between the two.
        fresh = event_rows(said).select(columns).filter(~pl.col(EVENT_ID).is_in(known[EVENT_ID].implode()))
        return pl.concat([known, fresh])

    def _loud(self, words: pl.DataFrame) -> set[str]:
        within = words.filter(pl.col("event_time").is_between(self._since, self._until))
        counts = within.group_by(USER_ID).len()
        return set(counts.filter(pl.col("len") > self._config.most_events * self._days)[USER_ID])


def is_plain(request: Mapping[str, Any], cutoff: int) -> bool:
    """Return whether a request asks for the list that the evaluation judges: the best films, and none that was met."""
    wishes = [value for name, value in request.items() if name not in _OF_LIST]
    return request.get("k", 0) >= cutoff and request.get("exclude_seen") is True and not any(wishes)


def _period(at: ColumnElement[str], since: datetime, until: datetime) -> ColumnElement[bool]:
    """Return which answers may lie in a period; those of its first and last second are looked at more closely."""
    first, last = (each.replace(microsecond=0, tzinfo=None) for each in (since, until))
    return and_(at >= first.isoformat(), at < (last + timedelta(seconds=1)).isoformat())


def _spans(
    connection: Connection, when: ColumnElement[bool], *, most: float
) -> tuple[dict[str, int], list[tuple[str, str, int]]]:
    """Return the users with more than so many answers, and of the others the first and the last of each page.

    With each page goes how many answers it has. What comes between, in the database's own order, belongs to it.
    """
    user_id, answers = IMPRESSIONS.c.user_id, func.count()
    counts = select(user_id, answers).where(when, user_id.is_not(None)).group_by(user_id).order_by(user_id)
    busy: dict[str, int] = {}
    spans: list[tuple[str, str, int]] = []
    for user, count in connection.execution_options(yield_per=10_000).execute(counts):
        if count > most:
            busy[user] = count
        elif spans and spans[-1][2] + count <= _PAGE:
            spans[-1] = spans[-1][0], user, spans[-1][2] + count
        else:
            spans.append((user, user, count))
    return busy, spans


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
