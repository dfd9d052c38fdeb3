"""What somebody thinks of a film that they watched, and how far they watched it."""

from typing import Final

import numpy as np

from movie_mlops.ingest.sample.tastes import Floats

# Stars: what everybody gives, how much a fitting film adds, how far people and their moods lie apart.
_USUAL: Final = 3.1
_FIT: Final = 0.45
_KINDNESS_SPREAD: Final = 0.35
MOOD_SPREAD: Final = 0.65
"""Standard deviation, in stars, of one opinion around its mean."""


def draw_kindness(users: int, rng: np.random.Generator) -> Floats:
    """Draw how many stars each user gives above or below the usual, whatever the film."""
    kindness: Floats = _KINDNESS_SPREAD * rng.standard_normal(users)
    return kindness


def mean_opinion(match: Floats, quality: Floats, kindness: Floats) -> Floats:
    """Return the stars that films are worth on average, before the mood of the day; shapes as they broadcast."""
    opinion: Floats = _USUAL + kindness + quality + _FIT * match
    return opinion


def draw_stars(opinion: Floats, rng: np.random.Generator) -> Floats:
    """Draw the stars that are given, in halves from 0.5 to 5: the mean opinion and a mood."""
    stars: Floats = np.clip(np.rint(2 * (opinion + rng.normal(0.0, MOOD_SPREAD, opinion.shape))) / 2, 0.5, 5.0)
    return stars


def draw_watched(stars: Floats, rng: np.random.Generator) -> Floats:
    """Draw the fraction of the film that is watched: the better it is found, the more."""
    watched: Floats = np.clip(0.35 + 0.14 * stars + rng.normal(0.0, 0.12, stars.shape), 0.05, 1.0).round(2)
    return watched
