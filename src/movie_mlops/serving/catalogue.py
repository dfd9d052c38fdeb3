"""The films in memory: facts, order of popularity, masks for filters, search by title."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core import columns
from movie_mlops.serving.search import Found, TitleIndex

_NO_YEAR: Final = -1
_NEWEST: Final = (0.05, 40)
"""The newest films are this share of those whose year is known, and at least so many."""
_HEAD: Final = 0.8
"""The famous films are those that have this share of all likes between them."""


@dataclass(frozen=True, slots=True)
class Film:
    """One film as the API tells it.

    Attributes:
        movie_id: Its id.
        title: Its title.
        year: The year it came out, where known.
        genres: Its genres.
        directors: Its directors.
        language: Its original language, where known.
        likes: How many likes it has had.
        recent_likes: How many of them lately: in the last 30 days, or longer where few people came.
        rating_mean: Its mean rating in stars, where it was rated.
        runtime_minutes: How long it is, where known.
        series: The series that it is of, where that is known.
        liked_first: How much it is liked by those who have said little yet, as ``recommenders.liked_first`` says it.
    """

    movie_id: int
    title: str
    year: int | None = None
    genres: tuple[str, ...] = ()
    directors: tuple[str, ...] = ()
    language: str | None = None
    likes: int = 0
    recent_likes: int = 0
    rating_mean: float | None = None
    runtime_minutes: int | None = None
    series: str | None = None
    liked_first: float = 0.0

    def document(self) -> dict[str, Any]:
        """Return the film in the API's shape."""
        return {
            "movie_id": self.movie_id,
            "title": self.title,
            "year": self.year,
            "genres": self.genres,
            "directors": self.directors,
            "language": self.language,
            "runtime_minutes": self.runtime_minutes,
            "likes": self.likes,
            "rating_mean": self.rating_mean,
        }


class Catalogue:
    """Every film, at a position in order of popularity: recent likes, then all likes, then id.

    Immutable, safe to share between threads.

    Args:
        films: The films, in any order; of two with one id the last counts.
    """

    def __init__(self, films: Iterable[Film]) -> None:
        unique = {film.movie_id: film for film in films}.values()
        self.films: Final = tuple(sorted(unique, key=lambda f: (-f.recent_likes, -f.likes, f.movie_id)))
        self.movie_ids: Final = np.array([film.movie_id for film in self.films], dtype=np.int64)
        self.by_likes: Final = np.array(
            sorted(range(len(self.films)), key=lambda i: (-self.films[i].likes, i)), dtype=np.int64
        )
        self._positions = {film.movie_id: position for position, film in enumerate(self.films)}
        self._years = _numbers(film.year for film in self.films)
        self._runtimes = _numbers(film.runtime_minutes for film in self.films)
        self._genres = _masks(film.genres for film in self.films)
        self._languages = _masks((film.language.casefold(),) if film.language else () for film in self.films)
        self._folded_genres = {genre.casefold(): genre for genre in self._genres}
        self._index = TitleIndex([(film.title, _other_words(film)) for film in self.films], self.by_likes)

    @classmethod
    def from_frames(
        cls,
        movies: pl.DataFrame,
        film_features: pl.DataFrame | None = None,
        *,
        lately: Mapping[int, int] | None = None,
        first: Mapping[int, float] | None = None,
    ) -> Self:
        """Make the catalogue from the lake's ``movies`` and, where there are any, the film features.

        Args:
            movies: The films.
            film_features: Of these, ``likes_all``, ``likes_30d`` and ``rating_mean`` are used, each where present.
            lately: By how many each film is liked lately, where that is known better than by the features.
            first: How much each film is liked by those who have said little yet, where that is known.
        """
        facts: dict[int, dict[str, Any]] = {}
        if film_features is not None:
            facts = {row[columns.MOVIE_ID]: row for row in film_features.iter_rows(named=True)}
        films = (_film(row, facts.get(row[columns.MOVIE_ID], {})) for row in movies.iter_rows(named=True))
        if lately is not None:
            films = (replace(film, recent_likes=lately.get(film.movie_id, 0)) for film in films)
        if first is not None:
            films = (replace(film, liked_first=first.get(film.movie_id, 0.0)) for film in films)
        return cls(films)

    def __len__(self) -> int:
        return len(self.films)

    @property
    def genres(self) -> list[str]:
        """Every genre, in alphabetical order."""
        return sorted(self._genres)

    @cached_property
    def new_since(self) -> int | None:
        """The year that the newest films came out in, or later; ``None`` where no year is known."""
        known = np.sort(self._years[self._years != _NO_YEAR])[::-1]
        share, least = _NEWEST
        return int(known[min(max(least, int(share * known.size)), known.size) - 1]) if known.size else None

    @cached_property
    def little_known(self) -> NDArray[np.bool_]:
        """bool[films], by position: liked by somebody, not famous, and rated no worse than films are on the whole.

        The famous ones, most liked first, have four fifths of all likes between them: what is left is the long tail
        (Anderson, "The Long Tail", Wired, 2004).
        """
        likes = np.array([film.likes for film in self.films], dtype=np.int64)
        ordered = likes[self.by_likes]
        famous = np.zeros(likes.size, dtype=np.bool_)
        famous[self.by_likes] = np.cumsum(ordered) - ordered < _HEAD * ordered.sum()
        rated = np.array([np.nan if film.rating_mean is None else film.rating_mean for film in self.films])
        usual = np.nanmean(rated) if (~np.isnan(rated)).any() else -np.inf
        liked_well: NDArray[np.bool_] = (likes > 0) & ~famous & ~(rated < usual)
        return liked_well

    def get(self, movie_id: int) -> Film | None:
        """Return the film, or ``None`` where it is unknown."""
        position = self._positions.get(movie_id)
        return None if position is None else self.films[position]

    def has_all(self, movie_ids: AbstractSet[int]) -> bool:
        """Return whether every film of some is known."""
        return movie_ids <= self._positions.keys()

    def position(self, movie_id: int) -> int | None:
        """Return the film's position in order of popularity, or ``None`` where it is unknown."""
        return self._positions.get(movie_id)

    def positions(self, movie_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position of each film; -1 where it is unknown."""
        get = self._positions.get
        return np.array([get(movie_id, -1) for movie_id in movie_ids.tolist()], dtype=np.int64)

    def known_genre(self, genre: str) -> str | None:
        """Return the genre as the catalogue writes it, whatever the case, or ``None`` where no film has it."""
        return self._folded_genres.get(genre.strip().casefold())

    def genre_mask(self, genres: Sequence[str]) -> NDArray[np.bool_]:
        """Return, by position, which films have any of ``genres``."""
        mask = np.zeros(len(self.films), dtype=np.bool_)
        for genre in genres:
            known = self.known_genre(genre)
            if known is not None:
                mask |= self._genres[known]
        return mask

    def year_mask(self, first: int | None, last: int | None) -> NDArray[np.bool_]:
        """Return, by position, which films came out from ``first`` to ``last``; a film without a year did not."""
        return _within(self._years, first, last)

    def runtime_mask(self, first: int | None, last: int | None) -> NDArray[np.bool_]:
        """Return, by position, which films last from ``first`` to ``last`` minutes; one of unknown length does not."""
        return _within(self._runtimes, first, last)

    def language_mask(self, languages: Sequence[str]) -> NDArray[np.bool_]:
        """Return, by position, which films are originally in any of ``languages``."""
        mask = np.zeros(len(self.films), dtype=np.bool_)
        for language in languages:
            known = self._languages.get(language.strip().casefold())
            if known is not None:
                mask |= known
        return mask

    def films_mask(self, movie_ids: Iterable[int]) -> NDArray[np.bool_]:
        """Return, by position, which films are among ``movie_ids``."""
        mask = np.zeros(len(self.films), dtype=np.bool_)
        get = self._positions.get
        mask[[position for movie_id in movie_ids if (position := get(movie_id)) is not None]] = True
        return mask

    @cached_property
    def series(self) -> dict[str, list[int]]:
        """The films of each series; empty where the lake does not know of series."""
        series: dict[str, list[int]] = {}
        for film in self.films:
            if film.series:
                series.setdefault(film.series, []).append(film.movie_id)
        return series

    @cached_property
    def fame(self) -> NDArray[np.float32]:
        """float32[n], by position: the share of the films with fewer likes; 0 for the least liked, 1 for the most."""
        fame = np.empty(len(self.films), dtype=np.float32)
        fame[self.by_likes] = np.linspace(1, 0, len(self.films), dtype=np.float32)
        return fame

    @cached_property
    def popularity(self) -> NDArray[np.float32]:
        """float32[n], by position, never rising: how much each film is liked lately, or ever where none is lately."""
        recent = np.array([film.recent_likes for film in self.films], dtype=np.float32)
        likes = recent if recent.any() else np.array([film.likes for film in self.films], dtype=np.float32)
        popularity: NDArray[np.float32] = np.log1p(likes)
        return popularity

    @cached_property
    def liked_first(self) -> NDArray[np.float32] | None:
        """float32[n], by position: how much each film is liked first; ``None`` where that is known of none."""
        first = np.array([film.liked_first for film in self.films], dtype=np.float32)
        return first if first.any() else None

    def genres_of(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return bool[len(positions), genres], which of :attr:`genres` each film has."""
        masks = [self._genres[genre][positions] for genre in self.genres]
        return np.stack(masks, axis=1) if masks else np.zeros((len(positions), 0), dtype=np.bool_)

    def find(self, query: str) -> Found:
        """Find the films that ``query`` names, by their positions; see :class:`TitleIndex`."""
        return self._index.search(query)

    def search(self, query: str) -> NDArray[np.int64]:
        """Return the positions of the films that ``query`` finds, the best first."""
        return self.find(query).films


def _film(row: dict[str, Any], facts: dict[str, Any]) -> Film:
    return Film(
        movie_id=row[columns.MOVIE_ID],
        title=row[columns.TITLE],
        year=row.get(columns.YEAR),
        genres=tuple(row.get(columns.GENRES) or ()),
        directors=tuple(row.get(columns.DIRECTORS) or ()),
        language=row.get(columns.LANGUAGE),
        likes=int(facts.get("likes_all") or 0),
        recent_likes=int(facts.get("likes_30d") or 0),
        rating_mean=facts.get("rating_mean"),
        runtime_minutes=row.get(columns.RUNTIME),
        series=row.get(columns.SERIES),
    )


def _other_words(film: Film) -> str:
    """Return what else a query may name: the year and the directors."""
    return " ".join([*film.directors, *([] if film.year is None else [str(film.year)])])


def _numbers(facts: Iterable[int | None]) -> NDArray[np.int32]:
    return np.array([_NO_YEAR if fact is None else fact for fact in facts], dtype=np.int32)


def _within(numbers: NDArray[np.int32], first: int | None, last: int | None) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = numbers != _NO_YEAR
    if first is not None:
        mask &= numbers >= first
    if last is not None:
        mask &= numbers <= last
    return mask


def _masks(words: Iterable[Sequence[str]]) -> dict[str, NDArray[np.bool_]]:
    """Return, for each word, which films have it."""
    holders: dict[str, list[int]] = {}
    films = 0
    for position, held in enumerate(words):
        films = position + 1
        for word in held:
            holders.setdefault(word, []).append(position)
    masks = {word: np.zeros(films, dtype=np.bool_) for word in holders}
    for word, positions in holders.items():
        masks[word][positions] = True
    return masks
