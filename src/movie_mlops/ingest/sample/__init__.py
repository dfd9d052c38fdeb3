"""The data of a first run: true facts of real films, and a simulated audience. Nothing is fetched."""

from movie_mlops.ingest.sample.audience import Audience, simulate
from movie_mlops.ingest.sample.catalogue import read_films
from movie_mlops.ingest.sample.config import SampleConfig
from movie_mlops.ingest.sample.fame import is_famous
from movie_mlops.ingest.sample.opinions import MOOD_SPREAD, draw_kindness, draw_stars, draw_watched, mean_opinion
from movie_mlops.ingest.sample.source import SampleSource
from movie_mlops.ingest.sample.tastes import (
    FilmTraits,
    circle_tastes,
    film_match,
    film_traits,
    user_tastes,
)

__all__ = [
    "MOOD_SPREAD",
    "Audience",
    "FilmTraits",
    "SampleConfig",
    "SampleSource",
    "circle_tastes",
    "draw_kindness",
    "draw_stars",
    "draw_watched",
    "film_match",
    "film_traits",
    "is_famous",
    "mean_opinion",
    "read_films",
    "simulate",
    "user_tastes",
]
