"""The incremental form of a view: one interaction after the other into a state, for the stream and for online.

The same interactions in any order, and partitions of them merged in any order, leave the same state: the word that
counts is a maximum, and everything else is a sum, a maximum or a set. Each interaction is put once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np

from movie_mlops.core.clock import from_microseconds, microseconds
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.features.co_watch import NOTHING_BESIDE, Beside
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import Feature, FeatureView
from movie_mlops.features.feedback import KIND_CODES, RATED, Rank, rank_of, weigh
from movie_mlops.features.measures import UNKNOWN_FILM, Condition, Film, Measure, Seen, Source
from movie_mlops.features.parts import Moment, Part, State, Total
from movie_mlops.features.timeline import NO_TIME
from movie_mlops.features.words import NOT_IN_LAKE

Value = int | float | datetime | None
"""What a feature can be."""

Word = tuple[Rank, Seen]
"""A word with its rank: of two on one film, the greater counts."""


@dataclass
class FoldState:
    """What a fold knows of one entity.

    Attributes:
        parts: The state of each part of the view.
        words: For each source that a later word can change, the word that counts of each (user, film).
    """

    parts: list[State]
    words: dict[Source, dict[str, Word]] = field(default_factory=dict)


class _Formula(NamedTuple):
    """Features of one view that are computed by one formula.

    Attributes:
        finish: The formula.
        names: The features.
        inputs: For each argument of the formula, the place of each feature's part.
        is_time: Whether they are times.
    """

    finish: Callable[..., Any]
    names: tuple[str, ...]
    inputs: list[list[int]]
    is_time: bool


class _Followers(NamedTuple):
    """The parts that follow one measure.

    Attributes:
        measure: Over all films.
        kinds: Those of each kind of film, with their places in the view; ``None`` for those of all films.
    """

    measure: Measure
    kinds: list[tuple[Condition | None, list[tuple[int, Part]]]]


class Fold:
    """A view, ready to fold the interactions of one entity at a time.

    Args:
        view: What is computed.
        config: What counts as liking.
    """

    def __init__(self, view: FeatureView, config: FeedbackConfig) -> None:
        self.view = view
        self._config = config
        self._parts: Final = view.parts
        places = {part: place for place, part in enumerate(self._parts)}
        self._formulas = _formulas(view, places)
        self._windows = [
            (place, part.window)
            for part, place in places.items()
            if isinstance(part, Total) and part.window is not None
        ]
        self._names = view.names
        self._followers = _followers(self._parts)
        self._by_time = [isinstance(part.empty(), dict) for part in self._parts]

    def empty(self) -> FoldState:
        """Return what is known of an entity that did nothing."""
        words: dict[Source, dict[str, Word]] = {source: {} for source in self._followers if source is not Source.EVENTS}
        return FoldState([part.empty() for part in self._parts], words)

    def put(
        self, state: FoldState, interaction: Interaction, film: Film = UNKNOWN_FILM, *, arrived: datetime | None = None
    ) -> FoldState:
        """Fold one more interaction of the entity in.

        Args:
            state: What is known so far; used up.
            interaction: What happened, not put before.
            film: Its film.
            arrived: When the lake got it; ``None`` where it has not got it yet, which is later than everything.

        Returns:
            What is known now.
        """
        seen, rank = self._seen(interaction, film, arrived)
        for source in self._followers:
            if source is Source.EVENTS:
                self._put(state, source, seen, 1)
            elif source is Source.WORDS or seen.kind in RATED:
                pair = _pair(interaction.user_id, interaction.movie_id)
                self._say(state, source, pair, (rank, seen))
        return state

    def merge(self, one: FoldState, other: FoldState) -> FoldState:
        """Return what is known of the entity from two parts of its interactions; both are used up."""
        merged = FoldState(
            [part.merge(a, b) for part, a, b in zip(self._parts, one.parts, other.parts, strict=True)], one.words
        )
        for source, words in other.words.items():
            for pair, word in words.items():
                held = merged.words[source].get(pair)
                if held is not None:
                    self._put(merged, source, min(held, word, key=_rank)[1], -1)
                merged.words[source][pair] = word if held is None else max(held, word, key=_rank)
        return merged

    def values(
        self, state: FoldState, at: datetime, film: Film = UNKNOWN_FILM, beside: Beside = NOTHING_BESIDE
    ) -> dict[str, Value]:
        """Return the features at a time that is not before anything that was put.

        Args:
            state: What is known.
            at: When, aware.
            film: The row's film, for views whose entity has one.
            beside: What is near it, for views that ask.

        Returns:
            Feature name to value.
        """
        return self.values_of_many([state], [Moment(microseconds(at), film, beside)])[0]

    def values_of_many(self, states: Sequence[FoldState], moments: Sequence[Moment]) -> list[dict[str, Value]]:
        """Return :meth:`values` of many entities, each at a moment of its own: each formula takes all of them."""
        reads = [
            [part.read(each, moment) for part, each in zip(self._parts, state.parts, strict=True)]
            for state, moment in zip(states, moments, strict=True)
        ]
        values: list[dict[str, Value]] = [dict.fromkeys(self._names) for _ in states]
        for formula in self._formulas:
            inputs = (np.array([read[place] for read in reads for place in places]) for places in formula.inputs)
            found = iter(formula.finish(*inputs).tolist())
            for each in values:
                for name in formula.names:
                    each[name] = _plain(next(found), is_time=formula.is_time)
        return values

    def values_for_films(
        self, state: FoldState, at: datetime, films: Sequence[Film], besides: Sequence[Beside]
    ) -> list[tuple[Value, ...]]:
        """Return :meth:`values`, in the features' order, for each of many films: each formula takes all of them."""
        moments = [Moment(microseconds(at), *each) for each in zip(films, besides, strict=True)]
        read = {
            part: np.array([part.read(each, moment) for moment in (moments if part.needs_film else moments[:1])])
            for part, each in zip(self._parts, state.parts, strict=True)
        }
        columns = []
        for feature in self.view.features:
            inputs = (
                np.repeat(read[part], len(moments) // len(read[part]), axis=0) for part in feature.aggregation.parts
            )
            found, is_time = feature.aggregation.finish(*inputs).tolist(), feature.dtype.is_temporal()
            columns.append([_plain(value, is_time=is_time) for value in found])
        return list(zip(*columns, strict=True))

    def forget(self, state: FoldState, at: int) -> None:
        """Leave out what no window will see again, read at ``at`` (microseconds since 1970) or later."""
        for place, window in self._windows:
            oldest = at - window.starts
            state.parts[place] = {time: amount for time, amount in state.parts[place].items() if time > oldest}

    def pack(self, state: FoldState) -> bytes:
        """Return ``state`` as bytes: JSON, nothing that could run."""
        words = {source.value: [[pair, *word] for pair, word in words.items()] for source, words in state.words.items()}
        parts = [list(part.items()) if isinstance(part, dict) else part for part in state.parts]
        # Sums of squares are exact, and may have more digits than faster writers of JSON can.
        return json.dumps({"parts": parts, "words": words}, separators=(",", ":")).encode()

    def unpack(self, packed: bytes) -> FoldState:
        """Return the state that :meth:`pack` wrote."""
        plain: Mapping[str, Any] = json.loads(packed)
        parts = [
            dict(given) if by_time else given for by_time, given in zip(self._by_time, plain["parts"], strict=True)
        ]
        words = {
            Source(source): {pair: (tuple(rank), _as_seen(seen)) for pair, rank, seen in words}
            for source, words in plain["words"].items()
        }
        return FoldState(parts, words)

    def _say(self, state: FoldState, source: Source, pair: str, word: Word) -> None:
        held = state.words[source].get(pair)
        if held is not None:
            if _rank(held) >= _rank(word):
                return
            self._put(state, source, held[1], -1)
        self._put(state, source, word[1], 1)
        state.words[source][pair] = word

    def _put(self, state: FoldState, source: Source, seen: Seen, sign: int) -> None:
        parts = state.parts
        for measure, kinds in self._followers[source]:
            if measure.number(seen) is None:
                continue
            for condition, followers in kinds:
                if condition is None or condition.holds(seen.film):
                    for place, part in followers:
                        parts[place] = part.put(parts[place], seen, sign)

    def _seen(self, interaction: Interaction, film: Film, arrived: datetime | None) -> tuple[Seen, Rank]:
        kind, value = interaction.kind, None if interaction.value is None else float(np.float32(interaction.value))
        time = None if interaction.event_time is None else microseconds(interaction.event_time)
        weight = weigh(kind, value, self._config)
        arrival = NOT_IN_LAKE if arrived is None else microseconds(arrived)
        rank = rank_of(KIND_CODES[kind], value, weight, NO_TIME if time is None else time, arrival)
        return Seen(kind, value, weight, time, interaction.movie_id, film), rank


def _followers(parts: Sequence[Part]) -> dict[Source, list[_Followers]]:
    """Return which parts follow what: of most films, and of most words, the many parts of other kinds need not ask."""
    together: dict[Source, dict[Measure, dict[Condition | None, list[tuple[int, Part]]]]] = {}
    for place, part in enumerate(parts):
        if part.follows is not None:
            measure = part.follows
            kinds = together.setdefault(measure.source, {}).setdefault(measure.everywhere(), {})
            kinds.setdefault(measure.condition, []).append((place, part))
    return {
        source: [_Followers(measure, list(kinds.items())) for measure, kinds in measures.items()]
        for source, measures in together.items()
    }


def _formulas(view: FeatureView, places: Mapping[Part, int]) -> list[_Formula]:
    """Return what the features are computed by: those of one formula together, as it takes arrays."""
    together: dict[tuple[Callable[..., Any], str], list[Feature]] = {}
    for feature in view.features:
        together.setdefault((feature.aggregation.finish, str(feature.dtype)), []).append(feature)
    return [
        _Formula(
            finish,
            tuple(feature.name for feature in features),
            [
                [places[part] for part in parts]
                for parts in zip(*(feature.aggregation.parts for feature in features), strict=True)
            ],
            is_time=features[0].dtype.is_temporal(),
        )
        for (finish, _), features in together.items()
    ]


def _pair(user_id: str, movie_id: int) -> str:
    return f"{movie_id} {user_id}"


def _rank(word: Word) -> Rank:
    return word[0]


def _as_seen(plain: list[Any]) -> Seen:
    kind, value, weight, time, movie_id, (genres, year) = plain
    return Seen(Kind(kind), value, weight, time, movie_id, Film(tuple(genres), year))


def _plain(value: float, *, is_time: bool) -> Value:
    if is_time:
        return None if value == NO_TIME else from_microseconds(int(value))
    return None if value != value else value  # noqa: PLR0124 - NaN alone differs from itself
