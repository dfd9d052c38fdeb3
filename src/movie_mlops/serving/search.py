"""Search by title: every word of the query begins some word of the film."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.serving.folding import title_keys, words

_LAST: Final = "\U0010ffff"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_EXACT, _STARTS, _WHOLE, _TITLE = 8, 4, 2, 1
_SHORTEST_CORRECTED: Final = 4

_Lookup = Callable[[str], NDArray[np.int64]]


class _Postings:
    """For each word, the films that hold it, as one array in the order of the words.

    An index is built while others are asked: no single step of it holds the interpreter for long.
    """

    def __init__(self, films: Iterable[Iterable[str]]) -> None:
        holders: dict[str, list[int]] = {}
        for film, held in enumerate(films):
            for word in held:
                holders.setdefault(word, []).append(film)
        self.words: Final = sorted(holders)
        self.known: Final = frozenset(self.words)
        counts = np.fromiter((len(holders[word]) for word in self.words), dtype=np.int64, count=len(self.words))
        self._starts = np.concatenate(([0], np.cumsum(counts)))
        every = chain.from_iterable(holders[word] for word in self.words)
        self._films = np.fromiter(every, dtype=np.int64, count=int(counts.sum()))

    def beginning(self, prefix: str) -> NDArray[np.int64]:
        """Return the films that hold a word that begins with ``prefix``; a film may come several times."""
        return self._between(bisect_left(self.words, prefix), bisect_right(self.words, prefix + _LAST))

    def whole(self, word: str) -> NDArray[np.int64]:
        """Return the films that hold ``word``, once for each time that they do."""
        return self._between(bisect_left(self.words, word), bisect_right(self.words, word))

    def _between(self, first: int, last: int) -> NDArray[np.int64]:
        return self._films[self._starts[first] : self._starts[last]]


class TitleIndex:
    """An index of titles, of years and of directors.

    A film is found when each word of the query begins a word of its title, its year or one of its directors. Found
    films are ordered by how exactly the title is named — the whole title (an article aside), its beginning, whole
    words of it, beginnings of words of it, anything else — and then by popularity.

    Args:
        films: For each film its title and whatever else may be searched.
        popularity: The numbers of the films, the most popular first.
    """

    def __init__(self, films: Sequence[tuple[str, str]], popularity: NDArray[np.int64]) -> None:
        titles = [words(title) for title, _ in films]
        self._size = len(films)
        self._popularity = popularity
        self._titles = _Postings(titles)
        self._all = _Postings([*title, *words(other)] for title, (_, other) in zip(titles, films, strict=True))
        self._keys = _Postings(title_keys(title) for title in titles)

    def search(self, query: str) -> NDArray[np.int64]:
        """Return the numbers of the films that ``query`` finds, the best first; all of them for an empty query."""
        asked = words(query)
        if not asked:
            return self._popularity if not query.strip() else self._popularity[:0]
        found = self._each(asked, self._all.beginning)
        if not found.any():
            return self._popularity[:0]
        rank = np.zeros(self._size, dtype=np.int8)
        rank[self._each(asked, self._titles.beginning)] += _TITLE
        rank[self._each(asked, self._titles.whole)] += _WHOLE
        named = " ".join(asked)
        rank[self._keys.beginning(named)] |= _STARTS
        rank[self._keys.whole(named)] |= _EXACT
        ordered = self._popularity[found[self._popularity]]
        best_first: NDArray[np.int64] = ordered[np.argsort(-rank[ordered], kind="stable")]
        return best_first

    def spelling(self, query: str) -> str | None:
        """Return ``query`` with each unknown word changed by one letter into a known one, or ``None``."""
        corrected: list[str] = []
        for word in words(query):
            known = word if len(self._all.beginning(word)) else self._nearest(word)
            if known is None:
                return None
            corrected.append(known)
        return " ".join(corrected) if corrected else None

    def _nearest(self, word: str) -> str | None:
        if len(word) < _SHORTEST_CORRECTED:
            return None
        near = _one_letter_away(word) & self._all.known
        return max(near, key=lambda known: (len(self._all.whole(known)), known), default=None)

    def _each(self, asked: Sequence[str], films_with: _Lookup) -> NDArray[np.bool_]:
        """Return which films ``films_with`` gives for every one of the words."""
        found = np.zeros(self._size, dtype=np.bool_)
        found[films_with(asked[0])] = True
        for word in asked[1:]:
            also = np.zeros(self._size, dtype=np.bool_)
            also[films_with(word)] = True
            found &= also
        return found


def _one_letter_away(word: str) -> set[str]:
    """Return every word that one letter left out, swapped with its neighbour, changed or put in makes of ``word``."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    away = {head + tail[1:] for head, tail in cuts if tail}
    away |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    away |= {head + letter + tail[1:] for head, tail in cuts if tail for letter in _LETTERS}
    away |= {head + letter + tail for head, tail in cuts for letter in _LETTERS}
    return away
