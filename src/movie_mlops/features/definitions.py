"""What a feature view is: named aggregations over what one kind of thing lived through, checked when they are declared.

Views are declared in ``views.py``. Here is what a declaration may hold and what is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final

import polars as pl

from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.core.digests import digest, file_digest
from movie_mlops.core.nouns import Kind
from movie_mlops.features.aggregations import Aggregation
from movie_mlops.features.errors import DefinitionError, UnknownFeatureError
from movie_mlops.features.measures import LIKES, Source
from movie_mlops.features.parts import Part, Total

_CODE: Final = (
    "measures.py",
    "parts.py",
    "aggregations.py",
    "timeline.py",
    "lookups.py",
    "lifetimes.py",
    "feedback.py",
    "closeness.py",
    "co_watch.py",
    "neighbourhoods.py",
)


@dataclass(frozen=True)
class Entity:
    """What a row of a view is about.

    Attributes:
        name: What it is called.
        keys: The columns that identify it, with their types.
        folds: The key whose interactions are folded.
    """

    name: str
    keys: tuple[tuple[str, pl.DataType], ...]
    folds: str

    @property
    def key_names(self) -> tuple[str, ...]:
        """The columns that identify it."""
        return tuple(name for name, _ in self.keys)

    @property
    def has_film(self) -> bool:
        """Whether a row names a film."""
        return MOVIE_ID in self.key_names


USER: Final = Entity("user", ((USER_ID, pl.String()),), folds=USER_ID)
FILM: Final = Entity("film", ((MOVIE_ID, pl.Int64()),), folds=MOVIE_ID)
USER_AND_FILM: Final = Entity("user and film", ((USER_ID, pl.String()), (MOVIE_ID, pl.Int64())), folds=USER_ID)


@dataclass(frozen=True)
class Feature:
    """One column of a view.

    Attributes:
        name: The column.
        aggregation: What it is.
        description: What it says, with its unit.
    """

    name: str
    aggregation: Aggregation
    description: str

    @property
    def dtype(self) -> pl.DataType:
        """Its polars type."""
        return self.aggregation.dtype


@dataclass(frozen=True)
class FeatureView:
    """A table of features about one kind of thing.

    Attributes:
        name: The table in the lake.
        version: Grows whenever a feature changes its meaning.
        entity: What a row is about.
        owner: Who answers for it.
        description: One sentence.
        time_to_live: How long a row that is served may lie there unrefreshed.
        features: The columns, the entity's keys aside.
        predicts: The kinds that its models predict: no feature may be made of them.

    Raises:
        DefinitionError: The definition contradicts itself or reads the future.
    """

    name: str
    version: int
    entity: Entity
    owner: str
    description: str
    time_to_live: timedelta
    features: tuple[Feature, ...]
    predicts: frozenset[Kind] = frozenset()

    def __post_init__(self) -> None:
        if twice := _first_twice([*self.entity.key_names, *self.names]):
            raise DefinitionError(
                f"The view {self.name!r} has two columns {twice!r}.", next_step="Rename one of the two."
            )
        if self.time_to_live <= timedelta(0):
            raise DefinitionError(
                f"The view {self.name!r} lives for {self.time_to_live}.", next_step="Give a time-to-live above 0."
            )
        for feature in self.features:
            _check(self, feature)

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names."""
        return tuple(feature.name for feature in self.features)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The columns in order, with their types."""
        return {**dict(self.entity.keys), **{feature.name: feature.dtype for feature in self.features}}

    @property
    def parts(self) -> tuple[Part, ...]:
        """What has to be folded, each once."""
        return tuple(dict.fromkeys(part for feature in self.features for part in feature.aggregation.parts))

    @property
    def follows_everybody(self) -> bool:
        """Whether its features ask what others did, too."""
        return any(part.follows_everybody for part in self.parts)

    def feature(self, name: str) -> Feature:
        """Return a feature.

        Raises:
            UnknownFeatureError: There is none of this name; the nearest is named.
        """
        for feature in self.features:
            if feature.name == name:
                return feature
        raise UnknownFeatureError(
            f"The view {self.name!r} has no feature {name!r}.", next_step=_nearest(name, self.names)
        )

    def only(self, names: Sequence[str]) -> "FeatureView":
        """Return this view with some of its features, in the order of ``names``.

        Raises:
            UnknownFeatureError: One is not there.
        """
        features = tuple(self.feature(name) for name in names)
        return FeatureView(**{**self.__dict__, "features": features})

    def digest(self) -> str:
        """Return the SHA-256 of the definition and of the code that computes it; descriptions aside."""
        columns = [[feature.name, str(feature.dtype), feature.aggregation.name] for feature in self.features]
        keys = [[name, str(dtype)] for name, dtype in self.entity.keys]
        return digest(
            {"name": self.name, "version": self.version, "keys": keys, "columns": columns, "code": code_digest()}
        )


class Views:
    """The views of a project, by name.

    Args:
        views: Which.

    Raises:
        DefinitionError: Two have one name.
    """

    def __init__(self, *views: FeatureView) -> None:
        if twice := _first_twice([view.name for view in views]):
            raise DefinitionError(f"There are two views {twice!r}.", next_step="Rename one of the two.")
        self._views = {view.name: view for view in views}

    def __iter__(self) -> Iterator[FeatureView]:
        return iter(self._views.values())

    def __getitem__(self, name: str) -> FeatureView:
        """Return a view.

        Raises:
            UnknownFeatureError: There is none of this name; the nearest is named.
        """
        if name not in self._views:
            raise UnknownFeatureError(f"There is no view {name!r}.", next_step=_nearest(name, tuple(self._views)))
        return self._views[name]

    def select(self, references: Sequence[str]) -> tuple[FeatureView, ...]:
        """Return the views that references mean, such as ``user_features`` or ``user_features:streak``.

        Raises:
            UnknownFeatureError: A view or a feature is not there; the nearest is named.
        """
        chosen: dict[str, list[str]] = {}
        for reference in references:
            name, colon, feature = reference.partition(":")
            names = chosen.setdefault(name, [])
            for wanted in [self[name].feature(feature).name] if colon else self[name].names:
                if wanted not in names:
                    names.append(wanted)
        return tuple(self[name].only(names) for name, names in chosen.items())


@cache
def code_digest() -> str:
    """Return the SHA-256 of the code that gives aggregations their meaning; the code itself is kept nowhere."""
    folder = Path(__file__).parent
    return digest({name: file_digest(folder / name) for name in _CODE})


def _check(view: FeatureView, feature: Feature) -> None:
    where = f"The feature {feature.name!r} of view {view.name!r}"
    if leaked := sorted(feature.aggregation.reads & view.predicts):
        raise DefinitionError(
            f"{where} reads what its models predict: {', '.join(leaked)}.",
            next_step="Make it of other kinds, or take the kind out of 'predicts'.",
        )
    for part in feature.aggregation.parts:
        if isinstance(part, Total) and part.window is not None:
            if part.window.ends < 0:
                raise DefinitionError(
                    f"{where} reads the future: its window is {part.window} the row's time.",
                    next_step="Let the window end at the row's time or before it.",
                )
            if part.window.starts <= part.window.ends:
                raise DefinitionError(f"{where} has an empty window.", next_step="Give a length above 0.")
        if part.needs_film and not view.entity.has_film:
            raise DefinitionError(
                f"{where} asks for the row's film, but a row is about a {view.entity.name}.",
                next_step=f"Move it to a view about a {FILM.name} or a {USER_AND_FILM.name}.",
            )
        if view.follows_everybody and not part.follows_everybody:
            raise DefinitionError(
                f"{where} is about the row alone, but others of the view are about what everybody did.",
                next_step="Move it to another view: this one keeps no states.",
            )
        if part.follows_everybody and part.follows is not None and part.follows != LIKES:
            raise DefinitionError(
                f"{where} follows {part.follows}, which cannot be read off a user's history.",
                next_step="Use LIKES there.",
            )
        if part.never_taken_back and part.follows is not None and part.follows.source is not Source.EVENTS:
            raise DefinitionError(
                f"{where} follows {part.follows}, which a later word can take back.",
                next_step="Use a measure of events there, such as EVERYTHING.",
            )


def _first_twice(names: Sequence[str]) -> str | None:
    return next((name for place, name in enumerate(names) if name in names[:place]), None)


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.0)
    return f"Did you mean {near[0]!r}? See them all with: movie-mlops features list" if near else "Declare it first."
