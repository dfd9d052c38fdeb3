# ruff: noqa: D102 - Part says what each method does
"""What aggregations are built of: folds with a mergeable state, each in a columnar and an incremental form.

The columnar form (``over``) asks a :class:`~movie_mlops.features.timeline.Timeline` for all rows at once. The
incremental form folds one interaction after the other: ``put`` adds it (sign 1) or takes it back (sign -1) when a later
word takes its place, ``merge`` joins what two partitions made, ``read`` says what the state means at a moment. States
are plain data. ``tests/unit/test_2_4_fold_parity.py`` holds the two forms together.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.nouns import Kind
from movie_mlops.features.co_watch import NOTHING_BESIDE, Beside
from movie_mlops.features.measures import UNKNOWN_FILM, Condition, Film, Measure, Seen
from movie_mlops.features.timeline import DAY, NO_TIME, Timeline, Window

State = Any
"""The state of a part: numbers, or a dict of whole numbers."""


class Moment(NamedTuple):
    """When, and about which film, a state is read.

    Attributes:
        at: Microseconds since 1970.
        film: The film of the row, where its entity has one.
        beside: What is near it.
    """

    at: int
    film: Film = UNKNOWN_FILM
    beside: Beside = NOTHING_BESIDE


class Part(ABC):
    """A fold."""

    needs_film: ClassVar[bool] = False
    """Whether it asks something of the row's film."""
    never_taken_back: ClassVar[bool] = False
    """Whether it can follow only what no later word takes back."""
    follows_everybody: ClassVar[bool] = False
    """Whether it asks what others did, too."""

    @property
    def reads(self) -> frozenset[Kind]:
        """The kinds that it learns from."""
        return frozenset() if self.follows is None else self.follows.reads

    @property
    def follows(self) -> Measure | None:
        """The measure that it follows, where it follows one."""
        return getattr(self, "measure", None)

    @abstractmethod
    def over(self, timeline: Timeline) -> NDArray[Any]:
        """Return the value of each row of ``timeline``."""

    def empty(self) -> State:
        """Return the state of nothing."""
        return 0

    def put(self, state: State, seen: Seen, sign: int) -> State:  # noqa: ARG002 - facts follow nothing
        """Return ``state`` with an interaction added, or taken back; the old state may be used up.

        One of which the measure has no number changes nothing, and need not be put.
        """
        return state

    def merge(self, one: State, other: State) -> State:  # noqa: ARG002
        """Return the state of both; the old ones may be used up."""
        return one

    @abstractmethod
    def read(self, state: State, moment: Moment) -> Any:
        """Return the value, a number or a tuple of them, at a moment that is not before anything that was put."""


@dataclass(frozen=True)
class Total(Part):
    """The sum of a measure's numbers to a power: 0 counts, 1 sums, 2 sums squares; exact.

    Attributes:
        measure: What is summed.
        power: To which power.
        window: Only what happened in it; ``None`` for all time, the undated too.
    """

    measure: Measure
    power: int = 0
    window: Window | None = None

    def over(self, timeline: Timeline) -> NDArray[Any]:
        return timeline.total(self.measure, self.power, self.window)

    def empty(self) -> State:
        return 0 if self.window is None else {}

    def put(self, state: State, seen: Seen, sign: int) -> State:
        number = self.measure.of(seen)
        if number is None:
            return state
        amount = sign * number**self.power
        if self.window is None:
            return state + amount
        return state if seen.time is None else added(state, seen.time, amount)

    def merge(self, one: State, other: State) -> State:
        if self.window is None:
            return one + other
        for time, amount in other.items():
            one = added(one, time, amount)
        return one

    def read(self, state: State, moment: Moment) -> float:
        if self.window is None:
            return int(state)
        low, high = moment.at - self.window.starts, moment.at - self.window.ends
        return int(sum(amount for time, amount in state.items() if low < time <= high))


@dataclass(frozen=True)
class Faded(Part):
    """The sum of a measure's numbers, each halved for every half-life since it happened; without the undated.

    Attributes:
        measure: What is summed.
        half_life: In microseconds.
    """

    measure: Measure
    half_life: int

    def over(self, timeline: Timeline) -> NDArray[Any]:
        return timeline.faded(self.measure, self.half_life)

    def empty(self) -> State:
        return [0.0, NO_TIME]

    def put(self, state: State, seen: Seen, sign: int) -> State:
        number = self.measure.of(seen)
        if number is None or seen.time is None:
            return state
        return self.merge(state, [float(sign * number), seen.time])

    def merge(self, one: State, other: State) -> State:
        latest = max(one[1], other[1])
        return [self._at(one, latest) + self._at(other, latest), latest]

    def read(self, state: State, moment: Moment) -> float:
        return self._at(state, moment.at)

    def _at(self, state: State, at: int) -> float:
        total, time = state
        return 0.0 if time == NO_TIME else float(total * np.exp2((time - at) / self.half_life))


@dataclass(frozen=True)
class Extreme(Part):
    """When a measure last, or first, had a number.

    Attributes:
        measure: Which; over events only.
        latest: Whether the last is meant.
    """

    never_taken_back = True

    measure: Measure
    latest: bool = True

    def over(self, timeline: Timeline) -> NDArray[Any]:
        return timeline.extreme(self.measure, latest=self.latest)

    def empty(self) -> State:
        return NO_TIME

    def put(self, state: State, seen: Seen, sign: int) -> State:
        assert sign == 1
        if seen.time is None or self.measure.of(seen) is None:
            return state
        return self.merge(state, seen.time)

    def merge(self, one: State, other: State) -> State:
        if NO_TIME in {one, other}:
            return max(one, other)
        return max(one, other) if self.latest else min(one, other)

    def read(self, state: State, moment: Moment) -> float:  # noqa: ARG002 - a time stands still
        return int(state)


@dataclass(frozen=True)
class Run(Part):
    """How many days in a row, up to the last one, a measure had a number. Days begin at midnight UTC.

    Attributes:
        measure: Which; over events only.
    """

    never_taken_back = True

    measure: Measure

    def over(self, timeline: Timeline) -> NDArray[Any]:
        return timeline.run(self.measure)

    def empty(self) -> State:
        return {}

    def put(self, state: State, seen: Seen, sign: int) -> State:
        assert sign == 1
        if seen.time is not None and self.measure.of(seen) is not None:
            state[seen.time // DAY] = 1
        return state

    def merge(self, one: State, other: State) -> State:
        return one | other

    def read(self, state: State, moment: Moment) -> float:  # noqa: ARG002
        if not state:
            return 0
        last = day = max(state)
        while day - 1 in state:
            day -= 1
        return int(last - day + 1)


@dataclass(frozen=True)
class Holds(Part):
    """1 where the row's film fulfils a condition, else 0.

    Attributes:
        condition: Which.
    """

    needs_film = True

    condition: Condition

    def over(self, timeline: Timeline) -> NDArray[Any]:
        return timeline.holds(self.condition)

    def read(self, state: State, moment: Moment) -> float:  # noqa: ARG002
        return int(self.condition.holds(moment.film))


@dataclass(frozen=True)
class Age(Part):
    """The year of the moment less the year of the row's film; NaN where that is unknown."""

    needs_film = True

    def over(self, timeline: Timeline) -> NDArray[Any]:
        return timeline.years() - timeline.film_years()

    def read(self, state: State, moment: Moment) -> float:  # noqa: ARG002
        year = int(np.datetime64(moment.at, "us").astype("datetime64[Y]").astype(np.int64)) + 1970
        return float("nan") if moment.film.year is None else float(year - moment.film.year)


@dataclass(frozen=True)
class Now(Part):
    """The moment, in microseconds since 1970."""

    def over(self, timeline: Timeline) -> NDArray[Any]:
        return timeline.at

    def read(self, state: State, moment: Moment) -> float:  # noqa: ARG002
        return moment.at


NOW: Final = Now()


def added(amounts: dict[int, int], time: int, amount: int) -> dict[int, int]:
    """Return ``amounts`` with one more; what adds up to 0 is forgotten."""
    amounts[time] = amounts.get(time, 0) + amount
    if not amounts[time]:
        del amounts[time]
    return amounts
