"""Each user's history, one read away, current to the last event."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sqlalchemy import Connection

from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT, MOVIE_ID, USER_ID, VALUE, WEIGHT
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.core.tracing import span
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.feedback import CODE_COLUMN, CONSUMED, KIND_CODES, latest_words, weigh
from movie_mlops.features.online.counts import Counts
from movie_mlops.features.online.record import OnlineStore, Record, counted, locked, put, replace
from movie_mlops.features.online.trust import renew
from movie_mlops.features.words import UNKNOWN_TIME, WORD, add, pack, unpack
from movie_mlops.state import Database

HISTORIES: Final = "histories"
"""The name under which the online store keeps histories."""

_KINDS: Final = tuple(KIND_CODES)
_WITHDRAWN: Final = KIND_CODES[Kind.WITHDRAW]
_CONSUMED: Final = np.array([kind in CONSUMED for kind in _KINDS])


@dataclass(frozen=True, slots=True)
class History:
    """What one user met, in order of time, the oldest first; one entry per film, none for what was withdrawn.

    Attributes:
        movie_ids: int64[n], the films.
        weights: float32[n], above 0 for a positive, 0 for seen but not liked, below 0 for evidence against.
        times: int64[n], Unix seconds; -1 where unknown.
        values: float32[n], stars or watched fraction of each word; NaN where it has none.
        codes: uint8[n], the kind of each word; see :attr:`kinds`.
        stamp: The place in the event log up to which it holds everything that the user did.
    """

    movie_ids: NDArray[np.int64]
    weights: NDArray[np.float32]
    times: NDArray[np.int64]
    values: NDArray[np.float32]
    codes: NDArray[np.uint8]
    stamp: int = 0

    @classmethod
    def of(cls, words: Iterable[tuple[int, Kind, float | None]], config: FeedbackConfig) -> Self:
        """Return the history of somebody who has no account: undated words on films; of two on one the last counts.

        Args:
            words: Film, kind and value of each.
            config: What counts as liking.
        """
        latest = {movie_id: (kind, value) for movie_id, kind, value in words}
        said = set(latest.values())
        if any(kind is Kind.WITHDRAW for kind, _ in said):
            latest = {movie_id: word for movie_id, word in latest.items() if word[0] is not Kind.WITHDRAW}
        n = len(latest)
        # Most lists say the same of all their films.
        if len(said) == 1:
            kind, value = said.pop()
            return cls(np.fromiter(latest, np.int64, n), *_same(n, KIND_CODES[kind], value, weigh(kind, value, config)))
        told = {
            word: (weigh(*word, config), np.nan if word[1] is None else word[1], KIND_CODES[word[0]]) for word in said
        }
        weights, values, codes = np.array([told[word] for word in latest.values()], np.float64).reshape(n, 3).T
        return cls(
            movie_ids=np.fromiter(latest, np.int64, n),
            weights=weights.astype(np.float32),
            times=np.full(n, -1, np.int64),
            values=values.astype(np.float32),
            codes=codes.astype(np.uint8),
        )

    @property
    def kinds(self) -> list[Kind]:
        """What the user did with each film: the word that counts."""
        return [_KINDS[code] for code in self.codes.tolist()]

    @property
    def consumed(self) -> NDArray[np.bool_]:
        """bool[n], which films the user is done with; those that were only looked at may be recommended again."""
        return _CONSUMED[self.codes]

    def digest(self) -> str:
        """Return the SHA-256 of everything that it says."""
        parts = (self.movie_ids, self.weights, self.times, self.values, self.codes)
        return sha256(b"".join(part.tobytes() for part in parts)).hexdigest()

    def __len__(self) -> int:
        return len(self.movie_ids)


class Histories:
    """The histories of all users; the record is the state database.

    Args:
        database: Where they are kept.
        store: Where they are read; the record itself when not given.
    """

    def __init__(self, database: Database, store: OnlineStore | None = None) -> None:
        self._database = database
        self._store = store or Record(database)

    @property
    def degraded(self) -> str | None:
        """Why reads are slower than they should be, in a sentence; ``None`` while all is well."""
        return self._store.degraded

    @property
    def carried(self) -> bool:
        """Whether something carries copies of the record, which have to be renewed."""
        return not isinstance(self._store, Record)

    @property
    def counts(self) -> Counts:
        """What became of the reads of the store."""
        return self._store.counts

    def read(self, user_id: str) -> History:
        """Return a user's history, empty for somebody unknown; it holds every event acknowledged before the call.

        Args:
            user_id: Whose.

        Returns:
            The history.

        Raises:
            FeatureError: What is stored cannot be read.
            StateError: The record cannot be asked.
        """
        return self.read_many([user_id])[0]

    def read_many(self, user_ids: Sequence[str]) -> list[History]:
        """Return the history of each user; see :meth:`read`."""
        with span("history read") as reading:
            rows = self._store.read_many(HISTORIES, user_ids)
            if reading is not None:
                reading.tell({"movie_mlops.backend": self._store.counts.backend, "movie_mlops.users": len(user_ids)})
        return [
            _EMPTY if row is None else read_words(row.packed, user, row.stamp)
            for user, row in zip(user_ids, rows, strict=True)
        ]

    def count(self) -> int:
        """Return how many users have a history."""
        with self._database.read() as connection:
            return counted(connection, HISTORIES)

    def replace_all(
        self,
        interactions: pl.LazyFrame,
        config: FeedbackConfig,
        *,
        position: int = 0,
        later: Callable[[Connection], Iterable[Sequence[Interaction]]] | None = None,
    ) -> int:
        """Build every history anew from the lake, in one transaction: readers see the old ones until it ends.

        Args:
            interactions: Rows of the table ``interactions``.
            config: What counts as liking.
            position: The place in the event log up to which the lake has everything.
            later: Called inside the transaction; gives, in batches, the events that the lake may not have yet, so
                that what was acknowledged while the lake was read is not lost. Events that it has do no harm.

        Returns:
            How many users have a history.

        Raises:
            FeatureError: A history cannot be read back.
        """
        rows = [(user, position, packed) for user, packed in packed_words(latest_words(interactions, config))]
        with self._database.write() as connection:
            replace(connection, HISTORIES, rows)
            renew(connection)
            for events in later(connection) if later else ():
                self.apply(connection, events, config)
            return counted(connection, HISTORIES)

    def apply(
        self,
        connection: Connection,
        interactions: Sequence[Interaction],
        config: FeedbackConfig,
        *,
        position: int | None = None,
    ) -> None:
        """Add new interactions to their users' histories, within the caller's transaction.

        Any order and any grouping of the same interactions gives the same histories, and so does a repetition.

        Args:
            connection: A connection of :meth:`movie_mlops.state.Database.write`.
            interactions: What happened.
            config: What counts as liking.
            position: The place in the event log of the last of them; without it, one more than before.

        Raises:
            FeatureError: A stored history cannot be read.
        """
        by_user: dict[str, list[Interaction]] = {}
        for interaction in interactions:
            by_user.setdefault(interaction.user_id, []).append(interaction)
        stored = locked(connection, HISTORIES, list(by_user))
        changed = []
        for user, events in by_user.items():
            held = stored.get(user)
            before = 0 if held is None else held.stamp
            stamp = before + 1 if position is None else max(before, position)
            changed.append((user, stamp, add(None if held is None else held.packed, events, config, user)))
        put(connection, HISTORIES, changed)

    def publish(self, user_ids: Iterable[str]) -> None:
        """Make committed histories what is read; called before their events are acknowledged."""
        self._store.publish(HISTORIES, list(dict.fromkeys(user_ids)))


@lru_cache(maxsize=256)
def _same(
    n: int, code: int, value: float | None, weight: float
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.uint8]]:
    """Return weights, times, values and codes of so many films of which the same was said."""
    parts = (
        np.full(n, weight, np.float32),
        np.full(n, -1, np.int64),
        np.full(n, np.nan if value is None else value, np.float32),
        np.full(n, code, np.uint8),
    )
    for part in parts:
        part.flags.writeable = False
    return parts


def _history(words: NDArray[np.void], stamp: int) -> History:
    # The store keeps a withdrawal, so that a word that comes late does not count after all; nobody reads it.
    withdrawn = words["kind"] == _WITHDRAWN
    if withdrawn.any():
        words = words[~withdrawn]
    times = words["time"] // 1_000_000
    times[words["time"] == UNKNOWN_TIME] = -1
    return History(
        movie_ids=np.ascontiguousarray(words["movie_id"], np.int64),
        weights=np.ascontiguousarray(words["weight"], np.float32),
        times=times,
        values=np.ascontiguousarray(words["value"], np.float32),
        codes=np.ascontiguousarray(words["kind"], np.uint8),
        stamp=stamp,
    )


_EMPTY: Final = _history(np.empty(0, WORD), 0)


def read_words(packed: bytes | None, user_id: str, stamp: int = 0) -> History:
    """Return the history that :func:`packed_words` packed; an empty one for ``None``.

    Raises:
        FeatureError: The bytes cannot be read.
    """
    return _EMPTY if packed is None else _history(unpack(packed, user_id), stamp)


def packed_words(words: pl.DataFrame) -> Iterator[tuple[str, bytes]]:
    """Yield each user with their words, packed.

    Args:
        words: The result of ``latest_words``.
    """
    ordered = words.sort(USER_ID, EVENT_TIME, MOVIE_ID, nulls_last=False)
    records = np.zeros(ordered.height, WORD)
    records["movie_id"] = ordered[MOVIE_ID].to_numpy()
    records["time"] = ordered[EVENT_TIME].to_physical().fill_null(UNKNOWN_TIME).to_numpy()
    records["arrival"] = ordered[INGESTED_AT].to_physical().to_numpy()
    records["weight"] = ordered[WEIGHT].to_numpy()
    records["value"] = ordered[VALUE].fill_null(float("nan")).to_numpy()
    records["kind"] = ordered[CODE_COLUMN].to_numpy()
    start = 0
    for user, length in ordered[USER_ID].rle().struct.unnest().select("value", "len").iter_rows():
        yield user, pack(records[start : start + length])
        start += length
