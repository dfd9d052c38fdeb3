"""What a caller may ask of a recommendation, read from the words of a request."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.errors import BadRequestError

_YEARS: Final = re.compile(r"([0-9]{4})|([0-9]{4})?-([0-9]{4})?")
_ID: Final = re.compile(r"[0-9]{1,18}")
_MOST_EXCLUDED: Final = 1000


@dataclass(frozen=True, slots=True)
class Years:
    """A span of years, both ends included; ``None`` leaves an end open."""

    first: int | None
    last: int | None

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        return f"{self.first or ''}-{self.last or ''}"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which films may be in an answer.

    Attributes:
        genres: At least one of these; empty for any.
        years: Came out in this span; ``None`` for any time.
    """

    genres: tuple[str, ...] = ()
    years: Years | None = None

    def mask(self, catalogue: Catalogue) -> NDArray[np.bool_] | None:
        """Return, by catalogue position, which films pass; ``None`` where all do."""
        mask: NDArray[np.bool_] | None = None
        if self.genres:
            mask = catalogue.genre_mask(self.genres)
        if self.years is not None:
            years = catalogue.year_mask(self.years.first, self.years.last)
            mask = years if mask is None else mask & years
        return mask

    def unknown_genres(self, catalogue: Catalogue) -> list[str]:
        """Return the genres that no film has."""
        return [genre for genre in self.genres if catalogue.known_genre(genre) is None]

    def document(self) -> dict[str, Any]:
        """Return the filters as plain data."""
        return {"genres": self.genres, "years": None if self.years is None else str(self.years)}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks for.

    Attributes:
        k: How many films.
        filters: Which films.
        exclude: These not.
        exclude_seen: None that was rated, liked, disliked, watched or skipped; what was only looked at may come again.
        explain: With a reason for each film.
    """

    k: int = 10
    filters: Filters = field(default_factory=Filters)
    exclude: frozenset[int] = frozenset()
    exclude_seen: bool = True
    explain: bool = True

    def document(self) -> dict[str, Any]:
        """Return the wish as plain data."""
        return {
            "k": self.k,
            **self.filters.document(),
            "exclude": sorted(self.exclude),
            "exclude_seen": self.exclude_seen,
            "explain": self.explain,
        }


def read_years(text: str | None) -> Years | None:
    """Read ``"1994"``, ``"1990-1999"``, ``"1990-"`` or ``"-1999"``; ``None`` and ``""`` mean any time.

    Raises:
        BadRequestError: It is none of these, or ends before it begins.
    """
    if not text:
        return None
    match = _YEARS.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise BadRequestError(
            f"The years {text!r} cannot be read.", next_step="Give one as 1994, or a span as 1990-1999, 1990- or -1999."
        )
    only, begin, end = (int(year) if year else None for year in match.groups())
    first, last = (only, only) if only is not None else (begin, end)
    if first is not None and last is not None and first > last:
        raise BadRequestError(
            f"The years {text!r} end before they begin.", next_step=f"Give the earlier one first: {last}-{first}."
        )
    return Years(first, last)


def read_genres(text: str | None) -> tuple[str, ...]:
    """Read genres with commas between them."""
    return tuple(genre.strip() for genre in (text or "").split(",") if genre.strip())


def read_ids(text: str | None) -> frozenset[int]:
    """Read film ids with commas between them.

    Raises:
        BadRequestError: One of them is no film id, or there are too many.
    """
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if len(parts) > _MOST_EXCLUDED:
        raise BadRequestError(
            f"{len(parts):,} films are to be excluded, more than {_MOST_EXCLUDED:,}.", next_step="Name fewer films."
        )
    for part in parts:
        if not _ID.fullmatch(part):
            raise BadRequestError(
                f"exclude holds {part!r}, which is no film id.", next_step="Give film ids with commas between: 1,2,3."
            )
    return frozenset(int(part) for part in parts)
