# ruff: noqa: D102 - Part says what each method does
"""The part behind co-watch: how close a film is to the last films that a user liked."""

from dataclasses import dataclass
from heapq import nlargest
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features.co_watch import CoWatch, closeness
from movie_mlops.features.measures import Measure, Seen
from movie_mlops.features.parts import Moment, Part, State, added
from movie_mlops.features.timeline import NO_TIME, Timeline

_LOWER: Final = 2**64


@dataclass(frozen=True)
class Closeness(Part):
    """How close the row's film is to the last films of the user that a measure counts: see ``co_watch.CLOSENESS``.

    The state has one whole number for each of those films, with the film in its lower half and the time in its upper
    one, so that the last are the greatest.

    Attributes:
        measure: Which films count, of the user and of everybody.
        model: What near means.
    """

    needs_film = True
    follows_everybody = True

    measure: Measure
    model: CoWatch

    def over(self, timeline: Timeline) -> NDArray[Any]:
        return timeline.closeness(self.measure, self.model)

    def empty(self) -> State:
        return {}

    def put(self, state: State, seen: Seen, sign: int) -> State:
        if self.measure.of(seen) is None:
            return state
        time = NO_TIME if seen.time is None else seen.time
        return added(state, time * _LOWER + seen.movie_id, sign)

    def merge(self, one: State, other: State) -> State:
        for word, many in other.items():
            one = added(one, word, many)
        return one

    def read(self, state: State, moment: Moment) -> tuple[float, ...]:
        history = [word % _LOWER for word in nlargest(self.model.window, state)]
        return closeness(np.array(history, np.int64), *moment.beside)
