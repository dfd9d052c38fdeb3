"""The answers of a period and all that their users ever did, some users at a time, so that memory stays bounded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import polars as pl
from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from movie_mlops.core.columns import EVENT_ID, EVENT_TIME, USER_ID
from movie_mlops.events.stored import EVENTS, from_row
from movie_mlops.features.parity import event_rows
from movie_mlops.flows.answer_rows import AnswerRows
from movie_mlops.flows.ingest import in_lake
from movie_mlops.flows.outcomes import KeptOutcomes, heard_of
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, SCHEMAS
from movie_mlops.monitoring.quality import WORDS, Heard, QualityConfig
from movie_mlops.serving import IMPRESSIONS

_PAGE: Final = 50_000
_NAMED: Final = 5


@dataclass(frozen=True)
class Page:
    """Some users, whole.

    Attributes:
        answers: All that they were given in the period.
        words: All that those ever did of whom it is not kept what came of their answers; each thing once.
        heard: What is kept of the others.
        rows: How many rows of the table were read for it.
    """

    answers: pl.DataFrame
    words: pl.DataFrame
    heard: Heard
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
        kept: Of how many answers it was kept what came of them.

    Raises:
        StateError: The database refuses.
    """

    def __init__(self, platform: Platform, since: datetime, until: datetime, config: QualityConfig) -> None:
        self._platform = platform
        self._since, self._until = since, until
        self._days = (until - since) / timedelta(days=1)
        self._config = config
        self._as_frame = AnswerRows(platform, config.cutoff)
        self._kept = KeptOutcomes(platform, config, until)
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
        self.kept = 0

    @property
    def bundles(self) -> Mapping[str, str | None]:
        """By release that was met, the bundle that answered."""
        return self._as_frame.bundles

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
            kept = self._kept.of(rows, first, last)
            whole = set(kept[USER_ID].unique())
            words = self._words(first, last, {row.user_id for row in rows} - whole)
            loud = self._loud(words) | (whole & self._loud_ones if whole else set())
            if loud:
                self.left_out["programs"] += sum(row.user_id in loud for row in rows)
                self.programs = [*self.programs, *sorted(loud)][:_NAMED]
                rows = [row for row in rows if row.user_id not in loud]
            # Text is in order from second to second only.
            rows = [row for row in rows if self._since <= datetime.fromisoformat(row.at) < self._until]
            numbers = pl.DataFrame(
                enumerate(row.recommendation_id for row in rows),
                schema={"answer": pl.Int64, "recommendation_id": pl.String},
                orient="row",
            )
            outcomes = numbers.join(kept, on="recommendation_id", maintain_order="left")
            self.kept += outcomes.height
            yield Page(
                self._as_frame.frame(rows),
                words.filter(~pl.col(USER_ID).is_in(list(loud))).select(WORDS.names()),
                heard_of(outcomes),
                read,
            )

    def _rows(self, first: str, last: str) -> Sequence[Row[Any]]:
        # Of two ranges the database could take the wrong one first: the times of a period are nearly all there are.
        at = IMPRESSIONS.c.at.concat("")
        within = IMPRESSIONS.c.user_id >= first, IMPRESSIONS.c.user_id <= last, _period(at, self._since, self._until)
        wanted = select(IMPRESSIONS).where(*within, IMPRESSIONS.c.user_id.not_in(self._busy))
        wanted = wanted.order_by(IMPRESSIONS.c.recommendation_id)
        with self._platform.database.read() as connection:
            return connection.execute(wanted).all()

    def _words(self, first: str, last: str, users: set[str]) -> pl.DataFrame:
        """Return what some users did: from the lake, and from the event log what the lake has not got."""
        columns = [EVENT_ID, *WORDS.names()]
        if not users:
            return pl.DataFrame(schema={name: SCHEMAS[INTERACTIONS][name] for name in columns})
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
        return set(self._louder(words.lazy()).collect()[USER_ID])

    @cached_property
    def _loud_ones(self) -> set[str]:
        """Who did too much for a person, of all whose words the lake has."""
        said = self._platform.lake.scan(INTERACTIONS).select(USER_ID, EVENT_TIME)
        return set(self._louder(said).collect(engine="streaming")[USER_ID])

    def _louder(self, words: pl.LazyFrame) -> pl.LazyFrame:
        within = words.filter(pl.col(EVENT_TIME).is_between(self._since, self._until))
        return within.group_by(USER_ID).len().filter(pl.col("len") > self._config.most_events * self._days)


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
