"""What a caller may ask of a list of films."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.cursors import Cursor

_MOST_WRITTEN: Final = 100
"""A list of available films that is longer is kept as its digest beside an answer."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Span:
    """A span of years or minutes, both ends included; ``None`` leaves an end open."""

    first: int | None
    last: int | None

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        return f"{'' if self.first is None else self.first}-{'' if self.last is None else self.last}"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which films are meant: those that pass every filter that is set.

    Attributes:
        genres: At least one of these; empty for any.
        years: Came out in this span; ``None`` for any time.
        languages: Originally in one of these (ISO 639-1); empty for any.
        runtime: So many minutes long; ``None`` for any length.
        available: One of these films; ``None`` for any.
    """

    genres: tuple[str, ...] = ()
    years: Span | None = None
    languages: tuple[str, ...] = ()
    runtime: Span | None = None
    available: frozenset[int] | None = None

    def mask(self, catalogue: Catalogue) -> Mask | None:
        """Return, by catalogue position, which films pass; ``None`` where all do."""
        mask: Mask | None = None
        for _, passing in self.parts(catalogue):
            mask = passing if mask is None else mask & passing
        return mask

    def parts(self, catalogue: Catalogue) -> Iterator[tuple[str, Mask]]:
        """Yield each filter that is set, in words that end "No film …", with the films that pass it alone."""
        if self.genres:
            yield f"has the genre {or_(self.genres)}", catalogue.genre_mask(self.genres)
        if self.years is not None:
            yield (
                f"came out in {_told(self.years, 'later', 'earlier')}",
                catalogue.year_mask(self.years.first, self.years.last),
            )
        if self.languages:
            yield f"is originally in {or_(self.languages)}", catalogue.language_mask(self.languages)
        if self.runtime is not None:
            yield (
                f"lasts {_told(self.runtime, 'more', 'fewer')} minutes",
                catalogue.runtime_mask(self.runtime.first, self.runtime.last),
            )
        if self.available is not None:
            yield "is one of those that are available", catalogue.films_mask(self.available)

    def unknown_genres(self, catalogue: Catalogue) -> list[str]:
        """Return the genres that no film has."""
        return [genre for genre in self.genres if catalogue.known_genre(genre) is None]

    def document(self) -> dict[str, Any]:
        """Return the filters as plain data; of the rarer ones, those that are set."""
        said: dict[str, Any] = {"genres": self.genres, "years": None if self.years is None else str(self.years)}
        if self.languages:
            said["languages"] = self.languages
        if self.runtime is not None:
            said["runtime"] = str(self.runtime)
        if self.available is not None:
            said["available"] = _written(self.available)
        return said


@dataclass(frozen=True, slots=True)
class Boost:
    """Some films are lifted or, below zero, lowered.

    Attributes:
        films: Which films.
        by: By how many standard deviations of all films' scores.
    """

    films: Filters
    by: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks for.

    Attributes:
        k: How many films.
        filters: Which films.
        exclude: These not.
        exclude_seen: None that was rated, liked, disliked, watched or skipped; what was only looked at may come again.
        exclude_finished_series: None of a series of which every film was seen.
        boosts: What is lifted and lowered.
        pins: These first, in this order, also where they were seen.
        diversity: From 0, the best films whatever they are, to 1, films as unlike each other as there are.
        serendipity: From 0, the best films, to 1, films away from what is popular and from the history.
        cursor: What the pages before have shown; ``None`` where no page follows.
        explain: With a reason for each film.
    """

    k: int = 10
    filters: Filters = field(default_factory=Filters)
    exclude: frozenset[int] = frozenset()
    exclude_seen: bool = True
    exclude_finished_series: bool = False
    boosts: tuple[Boost, ...] = ()
    pins: tuple[int, ...] = ()
    diversity: float = 0.0
    serendipity: float = 0.0
    cursor: Cursor | None = None
    explain: bool = True

    @property
    def plain(self) -> bool:
        """Whether the list is simply the best films, in their order."""
        return not (self.pins or self.diversity or self.serendipity)

    @property
    def straight(self) -> bool:
        """Whether nothing but films that are left out stands between the model's scores and the list."""
        return self.plain and not (self.boosts or self.exclude_finished_series) and self.cursor is None and self.k > 1

    def document(self) -> dict[str, Any]:
        """Return the wish as plain data; of the rarer words, those that were said."""
        said: dict[str, Any] = {
            "k": self.k,
            **self.filters.document(),
            "exclude": sorted(self.exclude),
            "exclude_seen": self.exclude_seen,
            "explain": self.explain,
        }
        if self.exclude_finished_series:
            said["exclude_finished_series"] = True
        if self.boosts:
            said["boosts"] = [{**boost.films.document(), "by": boost.by} for boost in self.boosts]
        if self.pins:
            said["pins"] = self.pins
        if self.diversity:
            said["diversity"] = self.diversity
        if self.serendipity:
            said["serendipity"] = self.serendipity
        if self.cursor is not None:
            said["pages_before"] = {"release_id": self.cursor.release_id, "films": len(self.cursor.shown)}
        return said

    def bound(self) -> dict[str, Any]:
        """Return what must stay the same from page to page."""
        changing = {"k", "explain", "pages_before"}
        return {name: value for name, value in self.document().items() if name not in changing}


def and_(names: tuple[str, ...] | list[str]) -> str:
    """Return names as a sentence lists them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def or_(names: tuple[str, ...]) -> str:
    """Return names in quotes, as alternatives."""
    quoted = [f"'{name}'" for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _told(span: Span, more: str, less: str) -> str:
    if span.first is None or span.last is None:
        return f"{span.last} or {less}" if span.first is None else f"{span.first} or {more}"
    return str(span.first) if span.first == span.last else f"{span.first} to {span.last}"


def _written(films: frozenset[int]) -> list[int] | dict[str, Any]:
    ordered = sorted(films)
    if len(ordered) <= _MOST_WRITTEN:
        return ordered
    return {"films": len(ordered), "sha256": sha256(np.array(ordered, np.int64).tobytes()).hexdigest()}
