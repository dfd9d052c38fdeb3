"""Search by title: every word of the query begins some word of the film, or is nearest to one."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.serving.folding import initials, only_initials, title_keys, words
from movie_mlops.serving.spelling import Spelling

_LAST: Final = "\U0010ffff"
_MOST_CORRECTED: Final = 6
"""Of a query with more words, the first so many are corrected."""
_EXACT, _STARTS, _WHOLE, _TITLE = 8, 4, 2, 1

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


@dataclass(frozen=True, slots=True)
class Found:
    """What a search finds.

    Attributes:
        films: The numbers of the films, the best first.
        corrected: The query as it had to be corrected to find them; ``None`` where it was taken as it is.
    """

    films: NDArray[np.int64]
    corrected: str | None = None


class TitleIndex:
    """An index of titles, of years and of directors.

    A film is found when each word of the query begins a word of its title, its year or one of its directors, or is
    made of the first consonants of a Korean one. Where no film is, each word also stands for the known ones
    nearest to it in spelling. Found films are ordered by how exactly the title is named — the whole title (an
    article aside), its beginning, whole words of it, beginnings of words of it, anything else — and then by
    popularity.

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
        self._initials = _Postings(initials(f"{title} {other}") for title, other in films)
        self._spelling = Spelling(self._all.words)

    def search(self, query: str) -> Found:
        """Find the films that ``query`` names; all of them for an empty query."""
        asked = words(query)
        if not asked:
            return Found(self._popularity if not query.strip() else self._popularity[:0])
        found = self._each(asked, self._beginning)
        if found.any():
            begun, whole = self._each(asked, self._titles.beginning), self._each(asked, self._titles.whole)
            return Found(self._ordered(found, begun, whole, " ".join(asked)))
        return self._corrected(asked)

    def _corrected(self, asked: Sequence[str]) -> Found:
        """Find films by the words that are nearest to those of the query."""
        distinct = list(dict.fromkeys(asked))
        # What begins a known word is taken as that as well; a mistake in it can only be one in a whole word.
        unfinished = asked[-1] if not len(self._all.beginning(asked[-1])) else None
        near = {word: self._spelling.near(word, unfinished=word == unfinished) for word in distinct[:_MOST_CORRECTED]}

        def of(postings: _Postings) -> _Lookup:
            def films_with(word: str) -> NDArray[np.int64]:
                return np.concatenate([postings.beginning(word), *map(postings.whole, near.get(word, ()))])

            return films_with

        found = self._each(asked, of(self._all))
        if not found.any():
            return Found(self._popularity[:0])

        def films(word: str) -> tuple[int, str]:
            return int(np.count_nonzero(found[self._all.whole(word)])), word

        # A word that begins one of a film that was found is left as it is.
        right = {word for word in distinct if found[self._all.beginning(word)].any()}
        corrected = " ".join(word if word in right else max(near[word], key=films) for word in asked)
        in_title = self._each(asked, of(self._titles))
        return Found(self._ordered(found, in_title, in_title, corrected), corrected)

    def _ordered(
        self, found: NDArray[np.bool_], begun: NDArray[np.bool_], whole: NDArray[np.bool_], named: str
    ) -> NDArray[np.int64]:
        rank = np.zeros(self._size, dtype=np.int8)
        rank[begun] += _TITLE
        rank[whole] += _WHOLE
        rank[self._keys.beginning(named)] |= _STARTS
        rank[self._keys.whole(named)] |= _EXACT
        ordered = self._popularity[found[self._popularity]]
        best_first: NDArray[np.int64] = ordered[np.argsort(-rank[ordered], kind="stable")]
        return best_first

    def _beginning(self, word: str) -> NDArray[np.int64]:
        """Return the films with a word that begins with ``word``, or whose first consonants do."""
        films = self._all.beginning(word)
        return np.concatenate([films, self._initials.beginning(word)]) if only_initials(word) else films

    def _each(self, asked: Sequence[str], films_with: _Lookup) -> NDArray[np.bool_]:
        """Return which films ``films_with`` gives for every one of the words."""
        found = np.zeros(self._size, dtype=np.bool_)
        found[films_with(asked[0])] = True
        for word in asked[1:]:
            also = np.zeros(self._size, dtype=np.bool_)
            also[films_with(word)] = True
            found &= also
        return found
