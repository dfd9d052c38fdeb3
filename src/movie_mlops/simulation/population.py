"""People whose tastes are known, because they were made: tastes that turn, people who leave and others who come.

They come out of the same circles, films and opinions as the audience of the sample (:mod:`movie_mlops.ingest.sample`);
what is added is time. Everything that a recommender has to guess stands here as a number.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from movie_mlops.core import columns as c
from movie_mlops.ingest.sample import (
    MOOD_SPREAD,
    FilmTraits,
    circle_tastes,
    draw_kindness,
    film_match,
    film_traits,
    is_famous,
    mean_opinion,
    read_films,
    user_tastes,
)
from movie_mlops.simulation.config import PopulationConfig
from movie_mlops.simulation.errors import SimulationError

# What makes somebody watch a film that they look at: little for most, more by taste and by how much it is talked about.
_RELUCTANCE: Final = 2.0
_PULL_OF_TASTE: Final = 1.8
_PULL_OF_FAME: Final = 0.5
# How far the films' worth to everybody lies apart, in stars; talk and worth are not the same.
_QUALITY_SPREAD: Final = 0.45
_FAME_OF_KNOWN: Final = 1.5
# From so many stars, before they are rounded to halves, a film is one that somebody is glad to have watched.
_GLAD: Final = 3.75
Floats = NDArray[np.float64]

_QUARTER_TURN: Final = np.pi / 2


@dataclass(frozen=True)
class Population:
    """People and films at one generation, and the truth about them.

    Attributes:
        config: What it was made by.
        films: The films, as :func:`~movie_mlops.ingest.sample.read_films` gives them.
        traits: What is known and hidden of them.
        circles: Circles by traits.
        tastes: Users by traits, where each person's taste began.
        towards: Users by traits, where it turns to.
        kindness: float64[users], stars above or below the usual.
        people: int64[users], the number of the person in each row; newcomers have new numbers.
        since: int64[users], the generation in which each came.
        fame: float64[films], how much each film is talked about (standardised).
        quality: float64[films], what it is worth to everybody, in stars above or below the usual.
        generation: Which one this is, from 0.
    """

    config: PopulationConfig
    films: pl.DataFrame
    traits: FilmTraits
    circles: Floats
    tastes: Floats
    towards: Floats
    kindness: Floats
    people: NDArray[np.int64]
    since: NDArray[np.int64]
    fame: Floats
    quality: Floats
    generation: int = 0

    @classmethod
    def begin(cls, config: PopulationConfig, rng: np.random.Generator) -> Self:
        """Return the people and films of the first generation.

        Raises:
            SimulationError: The catalogue has not so many films.
        """
        catalogue = read_films()
        if config.films > catalogue.height:
            raise SimulationError(
                f"{config.films:,} films were asked for, and the catalogue has {catalogue.height:,}.",
                next_step=f"Ask for at most {catalogue.height}.",
            )
        chosen = np.sort(rng.choice(catalogue.height, config.films, replace=False))
        films = catalogue[chosen]
        traits = film_traits(films, rng)
        circles = circle_tastes(traits, rng)
        fame = rng.standard_normal(films.height) + _FAME_OF_KNOWN * is_famous(films)
        quality = _QUALITY_SPREAD * rng.standard_normal(films.height)
        joined = np.zeros(config.users)
        return cls(
            config=config,
            films=films,
            traits=traits,
            circles=circles,
            tastes=user_tastes(circles, traits, joined, rng)[1],
            towards=user_tastes(circles, traits, np.ones(config.users), rng)[1],
            kindness=draw_kindness(config.users, rng),
            people=np.arange(config.users),
            since=np.zeros(config.users, np.int64),
            fame=(fame - fame.mean()) / max(float(fame.std()), np.finfo(float).tiny),
            quality=quality,
        )

    def next(self, rng: np.random.Generator) -> Self:
        """Return the next generation: tastes have turned, some people have gone and others have come."""
        leaving = rng.random(len(self.people)) < self.config.churn
        coming = int(leaving.sum())
        generation = self.generation + 1
        joined = np.full(coming, min(1.0, generation / self.config.generations))
        tastes, towards, kindness = self.tastes.copy(), self.towards.copy(), self.kindness.copy()
        people, since = self.people.copy(), self.since.copy()
        tastes[leaving] = user_tastes(self.circles, self.traits, joined, rng)[1]
        towards[leaving] = user_tastes(self.circles, self.traits, np.ones(coming), rng)[1]
        kindness[leaving] = draw_kindness(coming, rng)
        people[leaving] = people.max() + 1 + np.arange(coming)
        since[leaving] = generation
        return replace(
            self,
            tastes=tastes, towards=towards, kindness=kindness, people=people, since=since, generation=generation,
        )  # fmt: skip

    def match(self) -> Floats:
        """Return users by films: how well each film fits each person now; each person's numbers spread by 1."""
        angle = np.minimum(self.config.drift * (self.generation - self.since), _QUARTER_TURN)[:, None]
        return film_match(np.cos(angle) * self.tastes + np.sin(angle) * self.towards, self.traits)

    def truth(self) -> "Truth":
        """Return what is true of this generation."""
        match = self.match()
        opinion = mean_opinion(match, self.quality, self.kindness[:, None])
        pull = _PULL_OF_TASTE * match + _PULL_OF_FAME * self.fame - _RELUCTANCE
        return Truth(match=match, watching=expit(pull), opinion=opinion)


@dataclass(frozen=True)
class Truth:
    """What a recommender would like to know; all of it users by films.

    Attributes:
        match: How well each film fits each person.
        watching: How probable it is that somebody who looks at the film's entry watches it.
        opinion: The stars that they would give on average.
    """

    match: Floats
    watching: Floats
    opinion: Floats

    @property
    def gladness(self) -> Floats:
        """How probable it is that somebody who watched the film is glad of it: four stars or more."""
        glad: Floats = ndtr((self.opinion - _GLAD) / MOOD_SPREAD)
        return glad

    @property
    def utility(self) -> Floats:
        """What it is worth to show somebody a film: the chance that who looks at it watches it and is glad of it."""
        return self.watching * self.gladness


def film_ids(population: Population) -> NDArray[np.int64]:
    """Return the id of each film."""
    return population.films[c.MOVIE_ID].to_numpy()
