"""How a user's words are packed for the online store: fixed-width records behind a small header."""

import struct
from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.nouns import Interaction
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.feedback import KIND_CODES, Rank, rank_of, weigh

WORD: Final = np.dtype(
    {
        "names": ["movie_id", "time", "arrival", "weight", "value", "kind"],
        "formats": ["<i8", "<i8", "<i8", "<f4", "<f4", "u1"],
    },
)
"""One word: film; microseconds since 1970 when it was said and when it was ingested; its weight; its value (NaN where
it has none) and the code of its kind."""

UNKNOWN_TIME: Final = -(2**63)
"""The ``time`` of a word that nobody dated: older than every other."""

NOT_IN_LAKE: Final = 2**63 - 1
"""The ``arrival`` of a word that the lake has not got yet: later than everything that it has."""

_RECORD: Final = struct.Struct("<qqqffB")
_HEADER: Final = struct.Struct("<B7x")
_VERSION: Final = 2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Record = tuple[int, int, int, float, float, int]
"""A record in plain Python, in the order of :data:`WORD`."""


def pack(words: NDArray[np.void]) -> bytes:
    """Return ``words`` (of :data:`WORD`, in order of time, then film) as the bytes that the store keeps."""
    return _HEADER.pack(_VERSION) + words.tobytes()


def unpack(packed: bytes, user_id: str) -> NDArray[np.void]:
    """Return the words in ``packed``, read-only, without copying them.

    Args:
        packed: What :func:`pack` or :func:`add` made.
        user_id: Whose words they are, for the message.

    Returns:
        Records of :data:`WORD` in order of time, then film; one per film.

    Raises:
        FeatureError: The bytes are of another version, or cut.
    """
    if len(packed) < _HEADER.size or packed[0] != _VERSION or (len(packed) - _HEADER.size) % WORD.itemsize:
        raise FeatureError(
            f"The stored history of the user '{user_id}' ({len(packed)} bytes) cannot be read.",
            next_step="Build the online store anew with 'movie-mlops run'.",
        )
    return np.frombuffer(packed, WORD, offset=_HEADER.size)


def add(packed: bytes | None, interactions: Iterable[Interaction], config: FeedbackConfig, user_id: str) -> bytes:
    """Return ``packed`` with the words of new interactions of its user in it.

    Args:
        packed: The user's words so far; ``None`` for a new user.
        interactions: What the user did, in any order; the lake need not have it yet.
        config: The thresholds and weights.
        user_id: Whose words they are.

    Returns:
        The packed words, one per film: the one that counts.

    Raises:
        FeatureError: ``packed`` cannot be read.
    """
    packed = packed or _HEADER.pack(_VERSION)
    records = unpack(packed, user_id)
    films, times = records["movie_id"].tolist(), records["time"].tolist()
    body = bytearray(memoryview(packed)[_HEADER.size :])
    for interaction in interactions:
        word = record_of(interaction, config)
        if word[0] in films:
            place = films.index(word[0])
            start = place * WORD.itemsize
            if rank_of_record(_RECORD.unpack_from(body, start)) >= rank_of_record(word):
                continue
            del body[start : start + WORD.itemsize], films[place], times[place]
        place = bisect_right(times, word[1])
        while place and times[place - 1] == word[1] and films[place - 1] > word[0]:
            place -= 1
        start = place * WORD.itemsize
        body[start:start] = _RECORD.pack(*word)
        films.insert(place, word[0])
        times.insert(place, word[1])
    return _HEADER.pack(_VERSION) + bytes(body)


def record_of(interaction: Interaction, config: FeedbackConfig) -> Record:
    """Return the word that an interaction says which the lake need not have yet."""
    moment = interaction.event_time
    return (
        interaction.movie_id,
        UNKNOWN_TIME if moment is None else (moment - _EPOCH) // _MICROSECOND,
        NOT_IN_LAKE,
        weigh(interaction.kind, interaction.value, config),
        nan if interaction.value is None else float(np.float32(interaction.value)),
        KIND_CODES[interaction.kind],
    )


def rank_of_record(word: Record) -> Rank:
    """Return :func:`~movie_mlops.features.feedback.rank_of` of a record."""
    _, time, arrival, weight, value, code = word
    return rank_of(code, value, weight, time, arrival)
