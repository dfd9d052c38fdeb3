"""Write-through: an event goes into the rows of its user and its film in its own transaction, by the views' folds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isnan
from typing import Final

import numpy as np
from sqlalchemy import Connection

from movie_mlops.core import clock
from movie_mlops.core.columns import USER_ID
from movie_mlops.core.nouns import Interaction
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import Views
from movie_mlops.features.feedback import KIND_CODES, RATED
from movie_mlops.features.fold import Fold, FoldState
from movie_mlops.features.measures import UNKNOWN_FILM, Film, Seen, Source
from movie_mlops.features.online.histories import HISTORIES
from movie_mlops.features.online.materialise import FILMS, RATINGS, STATES_OF, put_states, states_of
from movie_mlops.features.online.record import Stored, chunks, locked, put
from movie_mlops.features.online.rows import RowFormat
from movie_mlops.features.parts import Moment
from movie_mlops.features.words import UNKNOWN_TIME, WORD, Record, pack, rank_of_record, record_of, unpack
from movie_mlops.state import fetch_rows

_MADE_BY: Final = "SELECT view, digest FROM online_origins"
_KINDS: Final = tuple(KIND_CODES)
_RATED: Final = frozenset(KIND_CODES[kind] for kind in RATED)
_Pair = tuple[str, int]


class WriteThrough:
    """The folds of all views.

    Args:
        views: What is kept current.
        config: What counts as liking.
    """

    def __init__(self, views: Views, config: FeedbackConfig) -> None:
        self._config = config
        self._folds = [
            (Fold(view, config), RowFormat(view), states_of(view), view.digest())
            for view in views
            # What asks for everybody is read off the histories, which need no fold.
            if not view.follows_everybody
        ]

    def apply(
        self, connection: Connection, interactions: Sequence[Interaction], *, position: int, now: datetime
    ) -> None:
        """Fold events in, within the caller's transaction; before their words go into the histories.

        A view that was not materialised, or by another definition, is left alone: its rows say so when they are read.

        Args:
            connection: A connection of :meth:`movie_mlops.state.Database.write`.
            interactions: What happened, none of it folded before.
            position: The place in the event log of the last of them.
            now: As of when the rows are.
        """
        made_by = dict(fetch_rows(connection, _MADE_BY))
        folds = [
            _States(connection, fold, rows, name, interactions)
            for fold, rows, name, digest in self._folds
            if made_by.get(fold.view.name) == digest and interactions
        ]
        if not folds:
            return
        said = _Said(connection, interactions)
        at = max([now, *(each.event_time for each in interactions if each.event_time is not None)])
        for interaction in interactions:
            record = record_of(interaction, self._config)
            film = said.films.get(interaction.movie_id, UNKNOWN_FILM)
            words = said.counting(interaction, film)
            for states in folds:
                states.put(interaction, film, words)
            said.add(interaction, record)
        said.write(connection, position)
        for states in folds:
            states.write(connection, said.films, at=at, position=position)


class _States:
    """The states that a fold goes on from."""

    def __init__(
        self, connection: Connection, fold: Fold, rows: RowFormat, name: str, interactions: Sequence[Interaction]
    ) -> None:
        self._fold = fold
        self._rows = rows
        self._name = name
        self._keys = list(dict.fromkeys(self._key(each) for each in interactions))
        self._states = {
            key: fold.unpack(state.encode())
            for some in chunks(self._keys)
            for key, state in fetch_rows(connection, STATES_OF.format(",".join("?" * len(some))), (name, *some))
        }

    def put(self, interaction: Interaction, film: Film, words: dict[Source, dict[str, tuple]]) -> None:  # type: ignore[type-arg]
        key = self._key(interaction)
        state = self._states.get(key) or self._fold.empty()
        held = {source: dict(words[source]) for source in state.words}
        state = self._fold.put(FoldState(state.parts, held), interaction, film)
        self._states[key] = FoldState(state.parts, {source: {} for source in held})

    def write(self, connection: Connection, films: Mapping[int, Film], *, at: datetime, position: int) -> None:
        """Write the states, and the rows where the view has any."""
        view, rows = self._fold.view, self._rows
        has_rows = len(view.entity.keys) == 1
        before = locked(connection, view.name, self._keys) if has_rows else {}
        moments = []
        for key, state in self._states.items():
            held = before.get(key)
            moment = max(clock.microseconds(at), rows.at(held.packed) if held else 0)
            self._fold.forget(state, moment)
            film = films.get(int(key), UNKNOWN_FILM) if has_rows and view.entity.has_film else UNKNOWN_FILM
            moments.append(Moment(moment, film))
        if has_rows:
            values = self._fold.values_of_many(list(self._states.values()), moments)
            packed = [
                (key, position, rows.pack(each, clock.from_microseconds(moment.at)))
                for key, each, moment in zip(self._states, values, moments, strict=True)
            ]
            put(connection, view.name, packed)
        packer = self._fold.pack
        put_states(connection, self._name, [(key, packer(state).decode()) for key, state in self._states.items()])

    def _key(self, interaction: Interaction) -> str:
        return interaction.user_id if self._fold.view.entity.folds == USER_ID else str(interaction.movie_id)


class _Said:
    """The words that count before each event, from the histories and the ratings that stand below other words."""

    def __init__(self, connection: Connection, interactions: Sequence[Interaction]) -> None:
        users = list(dict.fromkeys(each.user_id for each in interactions))
        pairs = dict.fromkeys((each.user_id, each.movie_id) for each in interactions)
        self._words = _records(locked(connection, HISTORIES, users), pairs)
        self._stored = locked(connection, RATINGS, users)
        self._ratings = _records(self._stored, pairs)
        for pair, word in self._words.items():
            if word[-1] in _RATED:
                self._ratings[pair] = max(word, self._ratings.get(pair, word), key=rank_of_record)
        films = locked(connection, FILMS, [str(movie_id) for movie_id in {movie_id for _, movie_id in pairs}])
        self.films = {int(key): film_of(stored) for key, stored in films.items()}

    def counting(self, interaction: Interaction, film: Film) -> dict[Source, dict[str, tuple]]:  # type: ignore[type-arg]
        """Return the word of each source on the pair of an event, as folds hold it."""
        pair = (interaction.user_id, interaction.movie_id)
        name = f"{interaction.movie_id} {interaction.user_id}"
        found = {Source.WORDS: self._words.get(pair), Source.RATINGS: self._ratings.get(pair)}
        return {
            source: {} if word is None else {name: (rank_of_record(word), seen_of(word, film))}
            for source, word in found.items()
        }

    def add(self, interaction: Interaction, record: Record) -> None:
        """Have an event count for those after it."""
        pair = (interaction.user_id, interaction.movie_id)
        held = self._words.get(pair)
        if held is None or rank_of_record(held) < rank_of_record(record):
            self._words[pair] = record
        if interaction.kind in RATED:
            self._ratings[pair] = max(record, self._ratings.get(pair, record), key=rank_of_record)

    def write(self, connection: Connection, position: int) -> None:
        """Keep the ratings that are in no history."""
        below: dict[str, dict[int, Record]] = {}
        for (user, movie_id), rating in self._ratings.items():
            if self._words[user, movie_id][-1] not in _RATED:
                below.setdefault(user, {})[movie_id] = rating
        changed = []
        for user, ratings in below.items():
            stored = self._stored.get(user)
            before = {} if stored is None else {row[0]: row for row in unpack(stored.packed, user).tolist()}
            words = sorted({**before, **ratings}.values(), key=lambda word: (word[1], word[0]))
            changed.append((user, position, pack(np.array(words, WORD))))
        put(connection, RATINGS, changed)


def film_of(stored: Stored) -> Film:
    """Return what is known of a film."""
    genres, year = json.loads(stored.packed)
    return Film(tuple(genres), year)


def _records(stored: dict[str, Stored], pairs: Iterable[_Pair]) -> dict[_Pair, Record]:
    """Return the stored word of each pair that has one."""
    words = {user: unpack(row.packed, user) for user, row in stored.items()}
    found = {}
    for user, movie_id in pairs:
        if user in words:
            for place in np.flatnonzero(words[user]["movie_id"] == movie_id).tolist():
                found[user, movie_id] = words[user][place].item()
    return found


def seen_of(record: Record, film: Film) -> Seen:
    """Return a record as measures see it."""
    movie_id, time, _, weight, value, code = record
    known = None if time == UNKNOWN_TIME else time
    return Seen(_KINDS[code], None if isnan(value) else value, weight, known, movie_id, film)
