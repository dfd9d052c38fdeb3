"""What people answered to the lists of a roll-out: the kept answers, joined with the event log, person by person.

A person counts once, for the arm that they had, when their time to respond is over: from their first list on, so many
seconds. What they liked or disliked by then, of the films that they were shown, is their response. So people are
independent of each other, each is complete, and a rate of them can be looked at at any time.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import orjson
from sqlalchemy import select

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.evaluation.experiments import credit
from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig
from movie_mlops.features.feedback import weigh
from movie_mlops.serving import EXPOSURES, IMPRESSIONS
from movie_mlops.state import Database

_PAGE: Final = 1000
_OVERLAP: Final = 30_000_000
"""Microseconds by which servers may be apart, and answers late in being written."""


@dataclass
class ArmResponses:
    """The people of one arm.

    Attributes:
        people: How many had a list.
        liked: How many films each liked whose time is over, in the order in which they came.
        pleased: How many of these liked any.
        displeased: How many of these disliked or skipped any.
        wins: Of lists that two models made: people who took more of the first's films.
        losses: Those who took more of the second's.
    """

    people: int = 0
    liked: list[int] = field(default_factory=list)
    pleased: int = 0
    displeased: int = 0
    wins: int = 0
    losses: int = 0

    @property
    def judged(self) -> int:
        """How many people's time is over."""
        return len(self.liked)


@dataclass
class _Person:
    arm: str
    since: int
    lists: list[tuple[Sequence[int], Sequence[int] | None]] = field(default_factory=list)
    liked: set[int] = field(default_factory=set)
    displeased: bool = False

    def was_shown(self, movie_id: int) -> bool:
        return any(movie_id in items for items, _ in self.lists)


class Responses:
    """The responses to one stage of a roll-out; it reads on from where it was.

    Args:
        database: Where answers are kept.
        events: What people did.
        feedback: What counts as liking.
        stage_id: The stage.
        began: When it began.
        window_seconds: How long somebody has to respond.
        lag_seconds: Answers and events of the last moments are left for the next time: they may not be written yet.
    """

    def __init__(
        self,
        database: Database,
        events: EventLog,
        feedback: FeedbackConfig,
        *,
        stage_id: int,
        began: datetime,
        window_seconds: float,
        lag_seconds: float = 5.0,
    ) -> None:
        self._database = database
        self._events = events
        self._feedback = feedback
        self._stage_id = stage_id
        self._began = began
        self._window = round(window_seconds * 1e6)
        self._lag = timedelta(seconds=lag_seconds)
        self._arms: defaultdict[str, ArmResponses] = defaultdict(ArmResponses)
        self._open: dict[str, _Person] = {}
        self._done: set[str] = set()
        self._recent: dict[str, int] = {}
        self._read_to = 0
        self._offset: int | None = None

    def by_arm(self, now: datetime) -> Mapping[str, ArmResponses]:
        """Return what is known by now.

        Raises:
            StateError: The database refuses.
        """
        until = now - self._lag
        self._read_lists(clock.microseconds(until))
        self._read_events(until)
        self._close(clock.microseconds(until))
        return self._arms

    def _read_lists(self, until: int) -> None:
        columns = (
            EXPOSURES.c.recommendation_id,
            EXPOSURES.c.user_id,
            EXPOSURES.c.arm,
            EXPOSURES.c.at,
            IMPRESSIONS.c["items"],
            IMPRESSIONS.c.policy,
        )
        statement = (
            select(*columns)
            .join(IMPRESSIONS, IMPRESSIONS.c.recommendation_id == EXPOSURES.c.recommendation_id)
            .where(
                EXPOSURES.c.stage_id == self._stage_id,
                EXPOSURES.c.at >= self._read_to - _OVERLAP,
                EXPOSURES.c.at <= until,
            )
            .order_by(EXPOSURES.c.at)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        for name, user_id, arm, at, items, policy in rows:
            if name in self._recent:
                continue
            self._recent[name] = at
            if user_id in self._done:
                continue
            if user_id not in self._open:
                self._open[user_id] = _Person(arm, at)
                self._arms[arm].people += 1
            teams = None if policy is None else orjson.loads(policy).get("teams")
            self._open[user_id].lists.append(([movie_id for movie_id, _ in orjson.loads(items)], teams))
        self._read_to = max(self._read_to, until)
        self._recent = {name: at for name, at in self._recent.items() if at >= self._read_to - _OVERLAP}

    def _read_events(self, until: datetime) -> None:
        if self._offset is None:
            self._offset = first_offset(self._events, self._began)
        while page := self._events.read(self._offset, _PAGE):
            for event in page:
                if event.recorded_at > until:
                    return
                self._offset = event.offset
                person = self._open.get(event.interaction.user_id)
                at = clock.microseconds(event.recorded_at)
                if person is not None and person.since <= at <= person.since + self._window:
                    self._hear(person, event.interaction)

    def _hear(self, person: _Person, said: Interaction) -> None:
        if not person.was_shown(said.movie_id):
            return
        if said.kind is Kind.WITHDRAW:
            person.liked.discard(said.movie_id)
        elif weigh(said.kind, said.value, self._feedback) > 0:
            person.liked.add(said.movie_id)
        elif said.kind in {Kind.DISLIKE, Kind.SKIP} or (
            said.kind is Kind.RATING and said.value is not None and said.value <= self._feedback.negative_rating
        ):
            person.displeased = True

    def _close(self, until: int) -> None:
        """Count whose time is over, in the order in which they came."""
        over = [(user_id, person) for user_id, person in self._open.items() if person.since + self._window <= until]
        for user_id, person in sorted(over, key=lambda each: (each[1].since, each[0])):
            arm = self._arms[person.arm]
            arm.liked.append(len(person.liked))
            arm.pleased += bool(person.liked)
            arm.displeased += person.displeased
            # One person, one vote: that of their first list that has a winner.
            votes = (credit(items, teams, person.liked) for items, teams in person.lists if teams is not None)
            vote = next((vote for vote in votes if vote), 0)
            arm.wins += vote > 0
            arm.losses += vote < 0
            del self._open[user_id]
            self._done.add(user_id)


def first_offset(events: EventLog, began: datetime) -> int:
    """Return the offset of the last event before a time; offsets and times ascend together."""
    low, high = 0, events.last_offset()
    while low < high:
        middle = (low + high) // 2
        page = events.read(middle, 1)
        if page and page[0].recorded_at < began:
            low = page[0].offset
        else:
            high = middle
    return low
