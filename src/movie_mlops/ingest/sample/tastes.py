"""Who likes what: the circles of the simulated audience, the traits of the films, the tastes of the users."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core import columns as c

Floats = NDArray[np.float64]

# A director is a trait of its own from this many films in the catalogue.
_DIRECTOR_FILMS: Final = 4
# What films share beyond the facts in the catalogue: mood, actors, fashion.
_HIDDEN_TRAITS: Final = 16
# How much a user's taste strays from the circles, by the kind of trait; and how much a circle has beyond its words.
_OWN_SPREAD: Final = {"director": 0.2, "hidden": 0.08, "other": 0.1}
_CIRCLE_SPREAD: Final = {"director": 0.5, "hidden": 0.45, "other": 0.1}
# The sum of the Dirichlet distribution's parameters: the smaller, the more a user belongs to one circle alone.
_OPENNESS: Final = 0.8


@dataclass(frozen=True)
class Circle:
    """People who like similar films.

    Attributes:
        name: What they call themselves.
        share_at_start: Their part of the people who join on the first day, in percent.
        share_at_end: Their part of the people who join on the last day, in percent.
        likes: The traits they look for, as ``kind:value`` words in one text; ``!`` in front: they avoid it.
    """

    name: str
    share_at_start: float
    share_at_end: float
    likes: str


CIRCLES: Final = (
    Circle("blockbusters", 16, 10, "Action Adventure Sci-Fi Fantasy decade:2010 decade:2000 language:en !Drama"),
    Circle("families", 9, 8, "Animation Children Musical Fantasy language:en !Horror !War !Crime"),
    Circle("anime", 4, 9, "Animation Fantasy language:ja decade:1990 decade:2000 decade:2010 !Western"),
    Circle("korean wave", 4, 13, "language:ko language:ko Thriller Crime Mystery decade:2000 decade:2010"),
    Circle("horror", 6, 8, "Horror Horror Thriller Mystery decade:1970 decade:1980 !Children !Musical"),
    Circle("film noir", 6, 3, "Film-Noir Film-Noir Crime decade:1940 decade:1950 language:en !Animation"),
    Circle("old Hollywood", 7, 3, "Comedy Romance Musical decade:1930 decade:1940 decade:1950 language:en !Horror"),
    Circle("art house", 8, 7, "Drama language:fr language:it language:sv language:ru decade:1960 decade:1970 !Action"),
    Circle("new Hollywood", 8, 5, "Crime Drama Thriller decade:1970 decade:1980 language:en !Children"),
    Circle("romantics", 9, 8, "Romance Romance Comedy decade:1990 decade:2000 !War !Horror !Western"),
    Circle("nineties", 9, 6, "Crime Comedy Thriller decade:1990 language:en !Musical"),
    Circle("asian cinema", 3, 5, "language:zh language:ja language:th language:vi Drama decade:1990 Action"),
    Circle("indian cinema", 3, 6, "language:hi language:ta language:te language:bn Musical Drama"),
    Circle("world today", 3, 5, "Drama language:es language:fa language:tr language:pt language:de decade:2010"),
    Circle("true stories", 3, 3, "Documentary Documentary War !Fantasy !Sci-Fi"),
    Circle("westerns and war", 5, 2, "Western Western War Adventure decade:1950 decade:1960 !Romance"),
)


@dataclass(frozen=True)
class FilmTraits:
    """What is known, and what is hidden, about each film.

    Attributes:
        names: The name of each trait: a genre, ``decade:1990``, ``language:ko``, ``director:…``, ``hidden:3``.
        matrix: Films by traits; 1 where a film has the trait, any number for hidden ones.
    """

    names: tuple[str, ...]
    matrix: Floats


def film_traits(films: pl.DataFrame, rng: np.random.Generator) -> FilmTraits:
    """Return the traits of ``films``, in their order."""
    decade = pl.format("decade:{}", pl.col(c.YEAR) // 10 * 10)
    language = pl.format("language:{}", c.LANGUAGE)
    directors = pl.col(c.DIRECTORS).list.eval(pl.format("director:{}", pl.element()))
    words = films.select(pl.concat_list(c.GENRES, decade, language, directors).alias("trait")).with_row_index("film")
    pairs = words.explode("trait")
    counts = pairs.group_by("trait").len()
    is_kept = ~pl.col("trait").str.starts_with("director:") | (pl.col("len") >= _DIRECTOR_FILMS)
    kept = counts.filter(is_kept)["trait"].sort()
    known = np.zeros((films.height, kept.len()))
    pairs = pairs.join(kept.to_frame().with_row_index("column"), on="trait")
    known[pairs["film"].to_numpy(), pairs["column"].to_numpy()] = 1.0
    hidden = rng.standard_normal((films.height, _HIDDEN_TRAITS))
    names = (*kept.to_list(), *(f"hidden:{number}" for number in range(_HIDDEN_TRAITS)))
    return FilmTraits(names, np.hstack([known, hidden]))


def circle_tastes(traits: FilmTraits, rng: np.random.Generator) -> Floats:
    """Return circles by traits: what the words of each circle say, and a leaning to directors and hidden traits."""
    place = {name: number for number, name in enumerate(traits.names)}
    tastes = rng.standard_normal((len(CIRCLES), len(traits.names))) * _spread(traits, _CIRCLE_SPREAD)
    for row, circle in zip(tastes, CIRCLES, strict=True):
        for word in circle.likes.split():
            name = word.removeprefix("!")
            if name in place:
                row[place[name]] += -1.0 if word.startswith("!") else 1.0
    return tastes


def user_tastes(circles: Floats, traits: FilmTraits, joined: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw the tastes of users from the circles, as popular as the circles are when each user joins.

    Args:
        circles: Circles by traits.
        traits: The traits of the films.
        joined: When each user joins, as a part of the period (0 to 1).
        rng: Where randomness comes from.

    Returns:
        Users by circles, how much of each circle is in each user (rows sum to 1); users by traits, the tastes.
    """
    start = np.array([circle.share_at_start for circle in CIRCLES])
    end = np.array([circle.share_at_end for circle in CIRCLES])
    share = np.outer(1 - joined, start / start.sum()) + np.outer(joined, end / end.sum())
    # Gamma variables over their sum are a Dirichlet variable.
    parts = rng.standard_gamma(_OPENNESS * share) + 1e-9
    mix = parts / parts.sum(axis=1, keepdims=True)
    own = rng.standard_normal((joined.size, len(traits.names))) * _spread(traits, _OWN_SPREAD)
    return mix, mix @ circles + own


def film_match(tastes: Floats, traits: FilmTraits) -> Floats:
    """Return users by films: how well each film fits each user, compared with the other users and films.

    What all users agree on is left out (that is popularity); each user's numbers have a standard deviation of 1.
    """
    match = tastes @ traits.matrix.T
    match -= match.mean(axis=0)
    centred: Floats = match / match.std(axis=1, keepdims=True)
    return centred


def _spread(traits: FilmTraits, by_kind: Mapping[str, float]) -> Floats:
    kinds = [name.split(":", maxsplit=1)[0] for name in traits.names]
    return np.array([by_kind.get(kind, by_kind["other"]) for kind in kinds])
