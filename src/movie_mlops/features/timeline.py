"""The columnar form of a fold: all interactions of all entities as lifetimes, and every row's place among them.

A word lives from the moment it is known until a later word takes its place. What a row sees at its time is what lives
then: the sum over everything that had begun, less the sum over everything that had ended. Both are running sums, so
that a row costs two look-ups, however long the history. Sums are of whole numbers; differences of them are exact.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core.columns import MOVIE_ID
from movie_mlops.features.co_watch import CoWatch
from movie_mlops.features.lookups import Segments, in_order, latest_above
from movie_mlops.features.measures import Condition, Measure, Source
from movie_mlops.features.neighbourhoods import Likes, closeness_of_rows

Int = NDArray[np.int64]

NO_TIME: Final = -(2**63)
"""A time that nobody knows."""

NEVER: Final = 2**63 - 1
"""The end of what nothing ends."""

DAY: Final = 86_400_000_000
"""A day in microseconds."""


@dataclass(frozen=True)
class Window:
    """A stretch of time before a row's time, in microseconds: from ``starts`` (not included) to ``ends`` before it.

    Attributes:
        starts: How long before the row's time it starts.
        ends: How long before the row's time it ends; below 0 it would end in the future.
    """

    starts: int
    ends: int = 0

    @classmethod
    def last(cls, length: timedelta, *, lag: timedelta = timedelta(0)) -> "Window":
        """Return the window of a length that ends ``lag`` before the row's time."""
        one = timedelta(microseconds=1)
        return cls(starts=(length + lag) // one, ends=lag // one)

    def __str__(self) -> str:
        return f"from {self.starts / DAY:g} d to {self.ends / DAY:g} d before"


@dataclass(frozen=True)
class Lifetimes:
    """What a source says, one place for each word, in order of entity, then beginning.

    Attributes:
        entity: int64[n], whose word.
        begins: int64[n], from when on it is known.
        ends: int64[n], when a later word takes its place; :data:`NEVER` mostly.
        time: int64[n], when it happened; :data:`NO_TIME` where unknown.
        facts: n rows: movie_id, kind, value, weight, and a column for each condition.
    """

    entity: Int
    begins: Int
    ends: Int
    time: Int
    facts: pl.DataFrame


class Timeline:
    """Rows, each an entity at a time, over the lifetimes of what was said.

    Args:
        entity: int64[rows], whose features.
        at: int64[rows], microseconds since 1970.
        lifetimes: What each source says of entities 0, 1, ….
        entities: How many there are.
        films: For each row its film, ``movie_id``, and what is known of it: ``year`` and a column for each condition;
            ``None`` without films.
    """

    def __init__(
        self,
        entity: Int,
        at: Int,
        lifetimes: dict[Source, Lifetimes],
        entities: int,
        films: pl.DataFrame | None = None,
    ) -> None:
        self._entity = entity
        self.at = at
        self._lifetimes = lifetimes
        self._entities = entities
        self._films = films
        self._places: dict[tuple[Source, Window | None], _Places] = {}
        self._numbers: dict[Measure, tuple[Int, NDArray[np.bool_]]] = {}

    def total(self, measure: Measure, power: int, window: Window | None) -> Int:
        """Return for each row the sum of a measure's numbers to a power, int64[rows]."""
        places = self._placed(measure.source, window)
        numbers, counted = self._said(measure)
        amounts = counted.astype(np.int64) if power == 0 else np.where(counted, numbers**power, 0)
        living = places.began.sums(amounts[places.begin])
        return living - places.ended.sums(amounts[places.end]) if len(places.end) else living

    def faded(self, measure: Measure, half_life: int) -> NDArray[np.float64]:
        """Return for each row the sum of a measure's numbers, halved for every half-life, float64[rows]."""
        lives = self._lifetimes[measure.source]
        numbers, counted = self._said(measure)
        born = np.flatnonzero(counted & (lives.time != NO_TIME))
        dead = born[lives.ends[born] != NEVER]
        which = np.concatenate([born, dead])
        moments = np.concatenate([lives.begins[born], lives.ends[dead]])
        signed = np.concatenate([numbers[born], -numbers[dead]]) * np.exp2((lives.time[which] - moments) / half_life)
        order = in_order(lives.entity[which], moments, ties=signed)
        segments = Segments(lives.entity[which][order], moments[order], self._entities)
        return segments.faded(
            signed[order], half_life, segments.positions(self._entity, self.at), self._entity, self.at
        )

    def extreme(self, measure: Measure, *, latest: bool) -> Int:
        """Return for each row when a measure last, or first, had a number; :data:`NO_TIME` without one."""
        lives = self._lifetimes[measure.source]
        counted = self._said(measure)[1] & (lives.time != NO_TIME)
        segments = Segments(lives.entity[counted], lives.begins[counted], self._entities)
        best = segments.running_best(lives.time[counted], latest=latest)
        return segments.last_of(best, segments.positions(self._entity, self.at), self._entity, default=NO_TIME)

    def run(self, measure: Measure) -> Int:
        """Return for each row how many days in a row, up to the last, a measure had a number, int64[rows]."""
        lives = self._lifetimes[measure.source]
        counted = self._said(measure)[1] & (lives.time != NO_TIME)
        days = (
            pl.DataFrame(
                {"entity": lives.entity[counted], "day": lives.time[counted] // DAY, "begins": lives.begins[counted]}
            )
            .group_by("entity", "day")
            .agg(pl.col("begins").min())
            .sort("entity", "day")
        )
        entity, day, begins = (days[name].to_numpy() for name in days.columns)
        last = self.extreme(measure, latest=True) // DAY
        segments = Segments(entity, day, self._entities)
        place = segments.positions(self._entity, last) - 1
        found = self.extreme(measure, latest=True) != NO_TIME
        # A day starts a run while the day before it is absent, or not known yet.
        follows = np.concatenate([[False], (np.diff(entity) == 0) & (np.diff(day) == 1)])[: len(day)]
        known = np.where(follows, np.concatenate([[NEVER], begins[:-1]])[: len(day)], NEVER)
        start = latest_above(known, place[found], self.at[found], segments.starts[self._entity[found]])
        lengths = np.zeros(len(self.at), np.int64)
        lengths[found] = place[found] - start + 1
        return lengths

    def holds(self, condition: Condition) -> Int:
        """Return for each row 1 where its film fulfils a condition, else 0."""
        assert self._films is not None
        return self._films[condition.name].cast(pl.Int64).to_numpy()

    def closeness(self, measure: Measure, model: CoWatch) -> NDArray[np.float64]:
        """Return for each row how close its film is to its entity's last ones, float64[rows, 4]: ``CLOSENESS``."""
        assert self._films is not None
        films = self._films[MOVIE_ID].to_numpy()
        return closeness_of_rows(model, self.likes(measure), self._entity, self.at, films)

    def likes(self, measure: Measure) -> Likes:
        """Return what a measure counts of everybody."""
        lives, counted = self._lifetimes[measure.source], self._said(measure)[1]
        return Likes.of(
            user=lives.entity[counted],
            time=lives.time[counted],
            film=lives.facts[MOVIE_ID].to_numpy()[counted],
            begins=lives.begins[counted],
            ends=lives.ends[counted],
            users=self._entities,
        )

    def film_years(self) -> NDArray[np.float64]:
        """Return for each row its film's year; NaN where unknown."""
        assert self._films is not None
        return self._films["year"].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    def years(self) -> NDArray[np.float64]:
        """Return for each row the year of its time."""
        return self.at.view("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + np.float64(1970)

    def _said(self, measure: Measure) -> tuple[Int, NDArray[np.bool_]]:
        """Return a measure's number in each lifetime of its source, and whether there is one."""
        if measure not in self._numbers:
            facts = self._lifetimes[measure.source].facts
            whole = measure if measure.condition is None else measure.everywhere()
            numbers = facts.select(measure.column.alias("number"))["number"] if whole is measure else None
            if numbers is None:
                value, counted = self._said(whole)
                assert measure.condition is not None
                self._numbers[measure] = value, counted & facts[measure.condition.name].to_numpy()
            else:
                numbers = numbers if len(numbers) == len(facts) else numbers.new_from_index(0, len(facts))
                self._numbers[measure] = numbers.fill_null(0).to_numpy(), numbers.is_not_null().to_numpy()
        return self._numbers[measure]

    def _placed(self, source: Source, window: Window | None) -> "_Places":
        key = (source, window)
        if key not in self._places:
            lives = self._lifetimes[source]
            begins, ends = lives.begins, lives.ends
            begin = np.arange(len(begins))
            if window is not None:
                begin = np.flatnonzero(lives.time != NO_TIME)
                begins, ends = begins.copy(), ends.copy()
                begins[begin] = np.maximum(begins[begin], lives.time[begin] + window.ends)
                ends[begin] = np.minimum(ends[begin], lives.time[begin] + window.starts)
                begin = begin[begins[begin] < ends[begin]]
            end = begin[ends[begin] != NEVER]
            self._places[key] = _Places(
                *self._in_order(begin, lives.entity, begins), *self._in_order(end, lives.entity, ends)
            )
        return self._places[key]

    def _in_order(self, which: Int, entity: Int, moments: Int) -> tuple[Int, "_Sums"]:
        ordered = which[in_order(entity[which], moments[which])]
        segments = Segments(entity[ordered], moments[ordered], self._entities)
        return ordered, _Sums(segments, segments.positions(self._entity, self.at), self._entity)


@dataclass(frozen=True)
class _Sums:
    """Where each row stands among ordered amounts."""

    segments: Segments
    positions: Int
    entity: Int

    def sums(self, amounts: Int) -> Int:
        return self.segments.sums(amounts, self.positions, self.entity)


@dataclass(frozen=True)
class _Places:
    """The words that begin and those that end, in order, and where each row stands among them."""

    begin: Int
    began: _Sums
    end: Int
    ended: _Sums
