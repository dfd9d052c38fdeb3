"""How much films are talked about: few a lot, most a little; fashions that pass, films that arrive."""

from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.ingest.sample.config import SampleConfig
from movie_mlops.ingest.sample.fame import is_famous
from movie_mlops.ingest.sample.tastes import FilmTraits, Floats

# What makes a film talked about, beside chance, on the scale of logarithms.
_FAME: Final = {"language:en": 0.5, "Adventure": 0.2, "Action": 0.2, "Animation": 0.2, "Documentary": -0.5}
_FAME_OF_DIRECTOR: Final = 0.6
# The films of the list in fame.py: this much ahead, and nearer to one another than the others are.
_FAMOUS: Final = 2.9
_CHANCE_OF_FAMOUS: Final = 0.8
# How far films lie apart by chance: with this and the fame above, a tenth of them takes nearly half the attention.
_CHANCE: Final = 1.1
# How far fashions, and the fortune of each film, move in a week (logarithm).
_FASHION_STEP: Final = 0.06
_FORTUNE_STEP: Final = 0.15
# Parts of the catalogue: older films that arrive within the period, and known films that are rediscovered.
_ARRIVING: Final = 0.15
_REDISCOVERED: Final = 0.1
# A burst's height (logarithm) and how many weeks it takes to fade to a third.
_BURST: Final = (2.5, 4.0)
_FADING_WEEKS: Final = (2.0, 8.0)


def film_popularity(films: pl.DataFrame, traits: FilmTraits, config: SampleConfig, rng: np.random.Generator) -> Floats:
    """Return weeks by films: how much each film is talked about in each week; 0 before it arrives.

    It is a long tail (log-normal, ahead for the films of :data:`~movie_mlops.ingest.sample.fame.FAMOUS`), moved by
    fashions (traits wander), by each film's own fortune (it wanders too), and by bursts when a film arrives or is
    rediscovered. A film of a year within the period arrives in that year.
    """
    weeks = -(-config.days // 7)
    count = films.height
    age = config.end.year - films[c.YEAR].to_numpy().astype(np.float64)
    fame = traits.matrix @ np.array([_FAME.get(name, 0.0) for name in traits.names])
    is_director = np.array([name.startswith("director:") for name in traits.names])
    fame += _FAME_OF_DIRECTOR * (traits.matrix[:, is_director].sum(axis=1) > 0)
    famous = is_famous(films)
    fame += _FAMOUS * famous
    level = np.where(famous, _CHANCE_OF_FAMOUS, _CHANCE) * rng.standard_normal(count) + fame - 0.008 * age
    is_fashion = np.array([not name.startswith(("director:", "hidden:")) for name in traits.names])
    fashion = _walk(weeks, len(traits.names), _FASHION_STEP, rng) * is_fashion @ traits.matrix.T
    fortune = _walk(weeks, count, _FORTUNE_STEP, rng)
    arrival, is_new = _arrivals(films, config, weeks, rng)
    bursting = is_new | (rng.random(count) < _REDISCOVERED)
    peak = np.where(is_new, arrival, rng.integers(0, weeks, count))
    height = np.where(bursting, rng.uniform(*_BURST, count), 0.0)
    since = np.arange(weeks)[:, None] - peak
    burst = np.where(since >= 0, height * np.exp(-np.maximum(since, 0) / rng.uniform(*_FADING_WEEKS, count)), 0.0)
    is_there = np.arange(weeks)[:, None] >= arrival
    popularity: Floats = np.where(is_there, np.exp(level + fashion + fortune + burst), 0.0)
    return popularity


def _walk(weeks: int, count: int, step: float, rng: np.random.Generator) -> Floats:
    """Return weeks by count: random walks that are 0 on average over the period."""
    walk = np.cumsum(step * rng.standard_normal((weeks, count)), axis=0)
    centred: Floats = walk - walk.mean(axis=0)
    return centred


def _arrivals(
    films: pl.DataFrame, config: SampleConfig, weeks: int, rng: np.random.Generator
) -> tuple[Floats, np.typing.NDArray[np.bool_]]:
    """Return the week from which each film can be seen (0: always), and whether that is within the period."""
    older = np.where(rng.random(films.height) < _ARRIVING, rng.integers(4, weeks, films.height), 0)
    new_years = [datetime(year, 1, 1, tzinfo=UTC) for year in films[c.YEAR].to_list()]
    days = np.array([(new_year - config.start).days for new_year in new_years]) + rng.uniform(10, 170, films.height)
    arrival = np.where(days > 0, np.ceil(days / 7), older).astype(np.float64)
    return arrival, arrival > 0
