"""Keeps outcomes up with answers and events: a consumer of the log, in whose transaction its place moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import polars as pl
from sqlalchemy import Row, delete, insert, select, update

from movie_mlops.core import clock
from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.events.places import begin, move, place_of
from movie_mlops.flows.answer_rows import AnswerRows
from movie_mlops.flows.ingest import in_lake
from movie_mlops.flows.outcomes.table import ANSWERS_JOINED, JOINS, OUTCOMES, known_joins, others_wrote, rule_of
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS
from movie_mlops.monitoring.quality import WORDS, QualityConfig, hear
from movie_mlops.serving import IMPRESSIONS
from movie_mlops.state import run_for_each

_NAMES: Final = OUTCOMES.columns.keys()
# An answer that was erased meanwhile must not come back as an outcome.
_PUT: Final = (
    f"INSERT INTO answer_outcomes ({', '.join(_NAMES)}) SELECT {', '.join('?' * len(_NAMES))}"  # noqa: S608 - own names
    " WHERE EXISTS (SELECT 1 FROM impressions WHERE recommendation_id = ?)"
    " ON CONFLICT (recommendation_id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])
)
_AT_ONCE: Final = 5_000
_LATE: Final = timedelta(minutes=1)
"""Answers may be written so late; one that comes later still has no outcome, and is joined whenever somebody asks."""


@dataclass(frozen=True)
class _Begun:
    turns: int
    lake_version: int
    place: int
    looked_to: datetime


class AnswerJoiner:
    """Keeps :data:`OUTCOMES` up with answers and events; several at once share the work.

    Args:
        platform: The stores.
        config: The horizon, and who is new.
    """

    def __init__(self, platform: Platform, config: QualityConfig) -> None:
        self._platform = platform
        self._config = config
        self._rule = rule_of(platform, config)

    def turn(self) -> int:
        """Join the answers of those of whom something is new, some thousands at most; return how many answers.

        Raises:
            StateError: The database refuses; a later turn goes on.
            LakeError: The lake cannot be read.
        """
        version, there = self._platform.lake.version(INTERACTIONS), in_lake(self._platform)
        begun = None if version is None else self._begin(version, there)
        if begun is None or there < begun.place:
            # Without a lake nobody's words are known; one that was restored gets its later events again first.
            return 0
        assert version is not None
        events = [event for event in self._platform.events.read(begun.place, _AT_ONCE) if event.offset <= there]
        upto = events[-1].offset if len(events) == _AT_ONCE else there
        new = self._unjoined(begun.looked_to)
        times = [clock.microseconds(event.interaction.event_time) for event in events if event.interaction.event_time]
        times += [clock.microseconds(datetime.fromisoformat(at)) for _, at in new]
        rows: Sequence[Row[Any]] = []
        if times:
            users = {event.interaction.user_id for event in events} | {user_id for user_id, _ in new}
            since = clock.from_microseconds(min(times)) - timedelta(days=self._config.horizon_days)
            rows = self._answers(users, since)
        elif (begun.lake_version, begun.place) == (version, upto):
            return 0
        values = self._join(rows) if rows else []
        looked_to = new[-1][1] if new else clock.to_iso(begun.looked_to)
        with self._platform.database.write() as connection:
            unmoved = (JOINS.c.turns == begun.turns) & (JOINS.c.rule == self._rule)
            told = {"turns": begun.turns + 1, "lake_version": version, "looked_to": looked_to}
            if not connection.execute(update(JOINS).where(unmoved).values(**told)).rowcount:
                # Somebody else was faster, and what is here may be older.
                return 0
            run_for_each(connection, _PUT, [(*value, value[0]) for value in values])
            move(connection, ANSWERS_JOINED, upto)
        return len(values)

    def _begin(self, version: int, there: int) -> _Begun | None:
        """Return where to go on; from nothing where there is nothing yet, or what there is says nothing any more."""
        database = self._platform.database
        with database.read() as connection:
            known, place = known_joins(connection), place_of(connection, ANSWERS_JOINED)
        if known is None or known.rule != self._rule or others_wrote(self._platform.lake, known.lake_version):
            if place is not None and there < place[0]:
                return None
            start = clock.now() - timedelta(days=self._config.period_days)
            with database.write() as connection:
                turns = 0 if known is None else known.turns + 1
                connection.execute(delete(OUTCOMES))
                connection.execute(delete(JOINS))
                connection.execute(
                    insert(JOINS).values(
                        id=1, turns=turns, rule=self._rule, lake_version=version, looked_to=clock.to_iso(start)
                    )
                )
                begin(connection, ANSWERS_JOINED, there)
                move(connection, ANSWERS_JOINED, there)
            return _Begun(turns, version, there, start)
        return _Begun(
            known.turns,
            known.lake_version,
            0 if place is None else place[0],
            datetime.fromisoformat(known.looked_to),
        )

    def _unjoined(self, looked_to: datetime) -> list[tuple[str, str]]:
        """Return to whom, and when, answers were given that have no outcome yet, the oldest first."""
        joined = select(OUTCOMES.c.recommendation_id).where(
            OUTCOMES.c.recommendation_id == IMPRESSIONS.c.recommendation_id
        )
        wanted = (
            select(IMPRESSIONS.c.user_id, IMPRESSIONS.c.at)
            .where(IMPRESSIONS.c.at >= _second(looked_to - _LATE), IMPRESSIONS.c.user_id.is_not(None), ~joined.exists())
            .order_by(IMPRESSIONS.c.at)
            .limit(_AT_ONCE)
        )
        with self._platform.database.read() as connection:
            return [(user_id, at) for user_id, at in connection.execute(wanted)]

    def _answers(self, users: set[str], since: datetime) -> Sequence[Row[Any]]:
        wanted = (
            select(IMPRESSIONS)
            .where(IMPRESSIONS.c.user_id.in_(sorted(users)), IMPRESSIONS.c.at >= _second(since))
            .order_by(IMPRESSIONS.c.recommendation_id)
        )
        with self._platform.database.read() as connection:
            return connection.execute(wanted).all()

    def _join(self, rows: Sequence[Row[Any]]) -> list[tuple[Any, ...]]:
        """Return the outcomes of answers, as rows of the table."""
        platform = self._platform
        users = pl.Series(sorted({row.user_id for row in rows}), dtype=pl.String)
        words = platform.lake.scan(INTERACTIONS).filter(pl.col(USER_ID).is_in(users.implode()))
        answers = AnswerRows(platform, self._config.cutoff).frame(rows)
        heard = hear(
            answers,
            words.select(WORDS.names()).collect(engine="streaming"),
            config=self._config,
            feedback=platform.config.feedback,
        )
        positives: dict[int, list[tuple[int, int | None]]] = {}
        for number, movie_id, rank in heard.positives.sort("answer", MOVIE_ID).iter_rows():
            positives.setdefault(number, []).append((movie_id, rank))
        told = answers.select("answer", "release", "arm").join(heard.reactions, on="answer", maintain_order="left")
        return [
            (
                row.recommendation_id,
                row.user_id,
                row.at,
                *(found[name] for name in _NAMES[3:-2]),
                None if found["newest"] is None else clock.microseconds(found["newest"]),
                orjson.dumps(positives.get(number, [])).decode(),
            )
            for number, (row, found) in enumerate(zip(rows, told.iter_rows(named=True), strict=True))
        ]


def _second(moment: datetime) -> str:
    """Return the second of a time, as text that is in order with those of the table."""
    return moment.replace(microsecond=0, tzinfo=None).isoformat()
