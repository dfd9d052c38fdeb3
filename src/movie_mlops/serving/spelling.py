"""The known words nearest to a word that nobody knows."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_WIDTH: Final = 20
"""Of a longer word, so many letters are compared."""
_FEW, _MANY = 4, 8
"""A word of this many letters may have one mistake, and of this many two; a shorter one none."""
_HALF: Final = 32
_STEP: Final = 2048
_FAR: Final = 100


class Spelling:
    """Finds words by the fewest letters left out, put in, changed or swapped with their neighbour.

    Which words could be near at all is told from a bit for each letter that a word has and another for each that it has
    twice: a mistake changes few of them. Only what is left is compared, all at once (optimal string alignment:
    Boytsov, *Indexing methods for approximate dictionary searching*, ACM JEA 16, 2011).

    Args:
        words: The known words.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        cut = np.empty(len(words), dtype=f"U{_WIDTH}")
        # In steps: an index is built while others are asked, and none shall hold the interpreter for long.
        for start in range(0, len(words), _STEP):
            cut[start : start + _STEP] = words[start : start + _STEP]
        self._letters = cut.view(np.uint32).reshape(len(words), _WIDTH)
        self._lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
        self._bits = _bits(self._letters)

    def near(self, word: str, *, unfinished: bool) -> list[str]:
        """Return the known words that are nearest to ``word``; none where all are too far.

        Args:
            word: The word.
            unfinished: Whether more of it may follow: then words that begin with something near count as well, where no
                whole word is as near.
        """
        mistakes = 0 if len(word) < _FEW else 1 if len(word) < _MANY else 2
        if not mistakes or len(word) > _WIDTH - mistakes:
            return []
        letters = np.array(list(word)).view(np.uint32).reshape(1, -1)
        bits = _bits(letters)[0]
        likely = np.bitwise_count(bits & ~self._bits) <= mistakes
        likely &= self._lengths >= len(word) - mistakes
        if not unfinished:
            likely &= self._lengths <= len(word) + mistakes
            likely &= np.bitwise_count(self._bits & ~bits) <= mistakes
        places = np.flatnonzero(likely)
        last = _distances(letters[0], self._letters[places], mistakes)
        whole = last[np.minimum(self._lengths[places], len(last) - 1), np.arange(len(places))]
        whole[self._lengths[places] >= len(last)] = _FAR
        fewest = int(whole.min(initial=_FAR))
        if unfinished:
            begun = last.min(axis=0)
            if int(begun.min(initial=_FAR)) < fewest:
                whole, fewest = begun, int(begun.min(initial=_FAR))
        if fewest > mistakes:
            return []
        return [self._words[place] for place in places[whole == fewest].tolist()]


def _bits(letters: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return a bit for each letter of each row (those that share one count as the same), another for a second one."""
    bits = np.zeros(len(letters), np.uint64)
    one, half = np.uint64(1), np.uint64(_HALF)
    for column in letters.T:
        bit = np.where(column > 0, one << (column.astype(np.uint64) % half), np.uint64(0))
        bits |= np.where(bits & bit, bit << half, bit)
    return bits


def _distances(word: NDArray[np.uint32], letters: NDArray[np.uint32], most: int) -> NDArray[np.uint8]:
    """Return uint8[len(word) + most + 1, words]: how far ``word`` is from the first 0, 1, 2 … letters of each word.

    Distances above ``most`` are no more than that: too far.
    """
    width = len(word) + most
    columns = np.ascontiguousarray(letters.T)
    far = np.full(len(letters), _FAR, np.uint8)
    before: list[NDArray[np.uint8]] = []
    row = [np.full(len(letters), place, np.uint8) if place <= most else far for place in range(width + 1)]
    for place, letter in enumerate(word.tolist(), start=1):
        earlier, before = before, row
        row = [far] * (width + 1)
        if place <= most:
            row[0] = np.full(len(letters), place, np.uint8)
        for other in range(max(1, place - most), min(width, place + most) + 1):
            same = columns[other - 1] == letter
            cell = before[other - 1] + ~same
            cell = np.minimum(cell, np.minimum(before[other], row[other - 1]) + np.uint8(1))
            if place > 1 and other > 1:
                swapped = (columns[other - 2] == letter) & (columns[other - 1] == word[place - 2])
                cell = np.where(swapped, np.minimum(cell, earlier[other - 2] + np.uint8(1)), cell)
            row[other] = cell
    return np.stack(row)
