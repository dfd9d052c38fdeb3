"""From a film as TMDB tells it to the facts that the lake keeps."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from movie_mlops.core import columns as c
from movie_mlops.ingest.tmdb.client import Answer
from movie_mlops.ingest.tmdb.shapes import Details, Refusal, read

# Films are older than cinema in no catalogue, and announced only some years ahead.
_FIRST_YEAR: Final = 1870
_YEARS_AHEAD: Final = 10
# Where both have a word for the same thing, the lake's is MovieLens'.
_GENRES: Final[Mapping[str, str]] = {"Science Fiction": "Sci-Fi", "Family": "Children"}
# TMDB's own codes: no language at all, and Cantonese, which ISO 639-1 counts as Chinese.
_LANGUAGES: Final[Mapping[str, str | None]] = {"xx": None, "cn": "zh"}
_DIRECTOR: Final = "Director"


@dataclass(frozen=True)
class Film:
    """What TMDB says of a film, under the lake's column names; ``None`` and empty where it does not know.

    Attributes:
        tmdb_id: The film's identifier at TMDB.
        imdb_id: The one at IMDb.
        title: The title in the language that was asked for.
        year: The year of the first release.
        genres: Genres, by the lake's names.
        directors: In the order of the credits.
        language: The original language, as ISO 639-1.
        runtime_minutes: How long it is.
        keywords: Sorted, since their order at TMDB means nothing.
        cast: The first-billed names.
        series: The collection that the film belongs to.
    """

    tmdb_id: int
    imdb_id: str | None
    title: str
    year: int | None
    genres: list[str]
    directors: list[str]
    language: str | None
    runtime_minutes: int | None
    keywords: list[str]
    cast: list[str]
    series: str | None = None

    def to_json(self) -> str:
        """Return the film as text, for the journal."""
        return json.dumps(vars(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what :meth:`to_json` wrote."""
        return cls(**json.loads(text))

    def facts(self) -> dict[str, Any]:
        """Return the facts by column."""
        return {name: value for name, value in vars(self).items() if name != c.TMDB_ID}


def place_of(tmdb_id: int) -> str:
    """Return how the quarantine calls the answer about a film."""
    return f"tmdb:movie/{tmdb_id}"


def read_film(tmdb_id: int, answer: Answer, *, cast_size: int, now: datetime) -> Film | Refusal:
    """Return the film that ``answer`` tells of, or why it cannot be believed.

    Args:
        tmdb_id: Which film was asked for.
        answer: What came.
        cast_size: How many of the cast to keep.
        now: The present time; films are announced only some years ahead.
    """
    place = place_of(tmdb_id)
    told = read(Details, answer.data, place=place, raw=answer.text)
    if isinstance(told, Refusal):
        return told
    if told.id != tmdb_id:
        return Refusal(place, 1, "wrong-film", f"film {told.id} came for film {tmdb_id}", answer.text)
    year = int(told.release_date[:4]) if told.release_date else None
    last_year = now.year + _YEARS_AHEAD
    if year is not None and not _FIRST_YEAR <= year <= last_year:
        wrong = f"release_date {told.release_date} is not from {_FIRST_YEAR} to {last_year}"
        return Refusal(place, 1, "year-out-of-range", wrong, answer.text)
    return Film(
        tmdb_id=tmdb_id,
        imdb_id=told.imdb_id or None,
        title=told.title,
        year=year,
        genres=_distinct(_GENRES.get(genre.name, genre.name) for genre in told.genres),
        directors=_distinct(person.name for person in told.credits.crew if person.job == _DIRECTOR),
        language=_LANGUAGES.get(told.original_language, told.original_language),
        runtime_minutes=told.runtime or None,
        keywords=sorted(_distinct(word.name for word in told.keywords.keywords)),
        cast=_distinct(person.name for person in sorted(told.credits.cast, key=lambda person: person.order))[
            :cast_size
        ],
        series=None if told.belongs_to_collection is None else told.belongs_to_collection.name.strip() or None,
    )


def tmdb_genre(name: str) -> str:
    """Return TMDB's word for a genre of ours."""
    theirs = {ours: word for word, ours in _GENRES.items()}
    return theirs.get(name, name)


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))
