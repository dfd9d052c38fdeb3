"""What the house wants of every list, whoever asks: ``config/rules.yaml``."""

from dataclasses import dataclass
from math import ceil
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.errors import BadRequestError
from movie_mlops.serving.reading import read_runtime, read_years
from movie_mlops.serving.wishes import Filters


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FilmGroup(_Strict):
    """Films that have everything that is named."""

    genres: tuple[str, ...] = Field(default=(), description="At least one of these.")
    years: str | None = Field(default=None, description="1994, 1990-1999, 1990- or -1999.")
    languages: tuple[str, ...] = Field(default=(), description="Originally in one of these, as ISO 639-1.")
    runtime: str | None = Field(default=None, description="Minutes: 60-120, 60- or -120.")
    movies: tuple[int, ...] | None = Field(default=None, description="One of these films.")

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        try:
            films = self.filters()
        except BadRequestError as error:
            raise ValueError(error.problem) from error
        if films == Filters():
            message = "names no films: give genres, years, languages, runtime or movies"
            raise ValueError(message)
        return self

    def filters(self) -> Filters:
        """Return the group as filters."""
        return Filters(
            genres=self.genres,
            years=read_years(self.years),
            languages=self.languages,
            runtime=read_runtime(self.runtime),
            available=None if self.movies is None else frozenset(self.movies),
        )


class Quota(_Strict):
    """A share of every list that is kept for some films."""

    name: str = Field(min_length=1, max_length=60, description="What it is called in notes.")
    films: FilmGroup = Field(description="For which films.")
    share: float = Field(gt=0, le=1, description="Of the films of a list, rounded up.")


class Rules(_Strict):
    """The business rules of every list."""

    never: tuple[FilmGroup, ...] = Field(default=(), description="Films that are never recommended.")
    most_per_genre: int | None = Field(default=None, ge=1, description="Most films of one genre in a list.")
    most_per_director: int | None = Field(default=None, ge=1, description="Most films of one director in a list.")
    quotas: tuple[Quota, ...] = Field(default=(), description="Shares of every list.")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules mean for one catalogue.

    Attributes:
        rules: The rules.
        allowed: bool[n] by catalogue position, what is not banned; ``None`` where nothing is.
        quotas: bool[n] by catalogue position of each quota.
    """

    rules: Rules
    allowed: NDArray[np.bool_] | None
    quotas: tuple[NDArray[np.bool_], ...]

    @property
    def plain(self) -> bool:
        """Whether a list is simply the best of the films that are allowed."""
        rules = self.rules
        return rules.most_per_genre is None and rules.most_per_director is None and not rules.quotas

    def needed(self, k: int) -> list[int]:
        """Return how many films of a list of ``k`` each quota keeps."""
        # Rounded first: 0.3 of 10 is 3, which binary fractions may put a hair above.
        return [ceil(round(quota.share * k, 9)) for quota in self.rules.quotas]


class RuleBook:
    """The rules, worked out once for each catalogue that comes along.

    Args:
        rules: The rules.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._none = self._rules == Rules()
        self._last: tuple[Catalogue, Ruling] | None = None

    def of(self, catalogue: Catalogue) -> Ruling | None:
        """Return what the rules mean for a catalogue; ``None`` where there is no rule."""
        if self._none:
            return None
        last = self._last
        if last is None or last[0] is not catalogue:
            # One assignment of something that is never changed: safe between threads.
            last = self._last = (catalogue, _ruling(self._rules, catalogue))
        return last[1]


NO_RULES: Final = RuleBook()


def _ruling(rules: Rules, catalogue: Catalogue) -> Ruling:
    allowed: NDArray[np.bool_] | None = None
    for group in rules.never:
        banned = _mask(group, catalogue)
        allowed = ~banned if allowed is None else allowed & ~banned
    return Ruling(rules, allowed, tuple(_mask(quota.films, catalogue) for quota in rules.quotas))


def _mask(group: FilmGroup, catalogue: Catalogue) -> NDArray[np.bool_]:
    mask = group.filters().mask(catalogue)
    assert mask is not None, "a group names something"
    return mask
