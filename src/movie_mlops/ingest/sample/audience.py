"""A simulated audience: nobody in it exists, and what they think of the films is made up.

It is made so that the platform has something to learn with no network: circles of people with similar tastes, a few
films that everybody sees (first of all those that everybody has heard of, see ``fame``) and many that few do, a few
people who rate a lot and many who rate little, more people every month, fashions that pass, films that arrive and burn
brightly. The truth behind it (who likes what) stays at hand.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Kind
from movie_mlops.ingest.sample.config import SampleConfig
from movie_mlops.ingest.sample.opinions import draw_kindness, draw_stars, draw_watched, mean_opinion
from movie_mlops.ingest.sample.popularity import film_popularity
from movie_mlops.ingest.sample.tastes import Floats, circle_tastes, film_match, film_traits, user_tastes

Integers = NDArray[np.int64]

_DAY: Final = 86_400
_WEEK: Final = 7 * _DAY
# How strongly taste, beside popularity, decides what somebody watches.
_CHOOSINESS: Final = 1.7
# Draws beyond the wanted number: nobody watches a film twice, so that some are lost.
_SURPLUS: Final = 3.0
_SESSIONS_AT_ONCE: Final = 1_000
_KINDS: Final = (Kind.RATING, Kind.LIKE, Kind.WATCH)
# From these stars somebody loved it; this part of them only says so, and this part of all only leaves what was watched.
_LOVED: Final = 4.5
_LIKES_INSTEAD: Final = 0.1
_WATCHES_INSTEAD: Final = 0.03


@dataclass(frozen=True)
class Audience:
    """People, their true tastes, and what they did.

    Attributes:
        user_ids: The name of each user, in the order in which they joined.
        movie_ids: The films, in the catalogue's order.
        circles: Users by circles (those of :mod:`movie_mlops.ingest.sample.tastes`): how much of each is in each user.
        match: Users by films: how well each film truly fits each user, compared with the other users and films; every
            user's numbers have a standard deviation of 1.
        quality: How good everybody finds each film, in stars above or below the usual.
        popularity: Weeks by films: how much each film is talked about; 0 before it arrives.
        interactions: What they did, in order of time: ``user_id``, ``movie_id``, ``kind``, ``value`` (Float32),
            ``event_time`` (UTC).
    """

    user_ids: tuple[str, ...]
    movie_ids: Integers
    circles: Floats
    match: Floats
    quality: Floats
    popularity: Floats
    interactions: pl.DataFrame

    def true_appeal(self, user: int, week: int) -> Floats:
        """Return how likely each film was to be the next one that a user chose in a week; sums to 1.

        This is the order that a perfect recommender of "what will be watched next" would give.
        """
        weight = np.exp(_CHOOSINESS * self.match[user]) * self.popularity[week]
        appeal: Floats = weight / weight.sum()
        return appeal


def simulate(films: pl.DataFrame, config: SampleConfig | None = None) -> Audience:
    """Return the audience that ``config`` describes; the same on every run with the same version of NumPy.

    Args:
        films: ``movie_id``, ``year``, ``genres``, ``directors``, ``language``; one row per film.
        config: Seed, size and period.
    """
    config = config or SampleConfig()
    # One stream per question, so that a change of one answer does not change the others.
    seeds = np.random.SeedSequence(config.seed).spawn(5)
    for_films, for_users, for_sessions, for_choices, for_opinions = (
        np.random.Generator(np.random.PCG64(each)) for each in seeds
    )
    traits = film_traits(films, for_films)
    popularity = film_popularity(films, traits, config, for_films)
    quality = 0.3 * for_films.standard_normal(films.height)
    joined = _joining(config, for_users)
    tastes_of_circles = circle_tastes(traits, for_films)
    circles, tastes = user_tastes(tastes_of_circles, traits, joined / (config.days * _DAY), for_users)
    match = film_match(tastes, traits)
    sessions = _sessions(joined, config, for_sessions)
    appeal = np.exp(_CHOOSINESS * match)
    events = _choose(sessions, appeal, popularity, config, for_choices)
    user_ids = tuple(f"u{number:05d}" for number in range(1, config.users + 1))
    said = _say(events, match, quality, for_opinions)
    frame = _frame(events, said, films[c.MOVIE_ID], pl.Series(user_ids), config)
    return Audience(user_ids, films[c.MOVIE_ID].to_numpy(), circles, match, quality, popularity, frame)


@dataclass(frozen=True)
class _Sessions:
    """Sittings in order of time: who, when (seconds from the start of the period), how many films."""

    user: Integers
    start: Integers
    size: Integers


@dataclass(frozen=True)
class _Events:
    """Choices in order of time: who, which film (row), when (seconds from the start of the period)."""

    user: Integers
    film: Integers
    time: Integers


def _joining(config: SampleConfig, rng: np.random.Generator) -> Floats:
    """Return when each user joins, in seconds from the start, sorted; three times as many a day at the end."""
    chance = rng.random(config.users)
    part = np.where(rng.random(config.users) < 0.5, chance, np.sqrt(chance))  # noqa: PLR2004 - half of them
    return np.sort(part) * config.days * _DAY


def _sessions(joined: Floats, config: SampleConfig, rng: np.random.Generator) -> _Sessions:
    """Draw who sits down when: a long first time, then again for as long as the interest lasts."""
    period = config.days * _DAY
    activity = rng.lognormal(0.0, 0.8, joined.size)
    interest = np.minimum(rng.exponential(300 * _DAY, joined.size), period - joined)
    again = rng.poisson(8.0 * activity * interest / (180 * _DAY))
    user = np.repeat(np.arange(joined.size), again + 1)
    is_first = np.zeros(user.size, dtype=bool)
    is_first[np.cumsum(again + 1) - again - 1] = True
    later = joined[user] + interest[user] * rng.random(user.size) ** 1.3
    size = rng.lognormal(0.0, 0.7, user.size) * np.sqrt(activity[user]) * np.where(is_first, 3.0, 1.0)
    size *= _SURPLUS * config.interactions / size.sum()
    # What is cut off by rounding is drawn, so that small audiences come out right as well.
    whole = np.maximum(np.floor(size + rng.random(user.size)), is_first).astype(np.int64)
    start = _evening(np.where(is_first, joined[user], later), rng)
    order = np.argsort(start, kind="stable")
    return _Sessions(user[order], start[order], whole[order])


def _evening(moment: Floats, rng: np.random.Generator) -> Integers:
    """Return each moment moved within its day to when people watch films."""
    hour = rng.normal(20.0, 3.0, moment.size) % 24
    return (moment // _DAY * _DAY + hour * 3_600).astype(np.int64)


def _choose(
    sessions: _Sessions, appeal: Floats, popularity: Floats, config: SampleConfig, rng: np.random.Generator
) -> _Events:
    """Draw the films of each session by taste and popularity; a film that somebody has seen already is left out."""
    week = np.minimum(sessions.start // _WEEK, len(popularity) - 1)
    films = []
    for first in range(0, sessions.user.size, _SESSIONS_AT_ONCE):
        chunk = slice(first, first + _SESSIONS_AT_ONCE)
        weight = appeal[sessions.user[chunk]] * popularity[week[chunk]]
        films.append(_draw(weight, sessions.size[chunk], rng))
    film = np.concatenate(films)
    session = np.repeat(np.arange(sessions.user.size), sessions.size)
    user, time = sessions.user[session], sessions.start[session] + _within(sessions.size, rng)
    _, first_times = np.unique(user * np.int64(appeal.shape[1]) + film, return_index=True)
    kept = np.sort(first_times)
    kept = kept[time[kept] < config.days * _DAY]
    if kept.size > config.interactions:
        # Everybody's first choice stays, the others by chance.
        lot = rng.random(kept.size)
        lot[np.unique(user[kept], return_index=True)[1]] = -1.0
        kept = kept[np.argsort(lot, kind="stable")[: config.interactions]]
    kept = kept[np.lexsort((film[kept], user[kept], time[kept]))]
    return _Events(user[kept], film[kept], time[kept])


def _draw(weight: Floats, size: Integers, rng: np.random.Generator) -> Integers:
    """Draw ``size[i]`` columns from row ``i`` of ``weight``, each as likely as its weight."""
    reach = np.cumsum(weight, axis=1)
    reach /= reach[:, -1:]
    # One search for all rows: row i covers the numbers from i to i + 1.
    row = np.arange(len(weight))
    reach += row[:, None]
    owner = np.repeat(row, size)
    found = np.searchsorted(reach.ravel(), owner + rng.random(owner.size), side="right")
    column: Integers = np.minimum(found - owner * weight.shape[1], weight.shape[1] - 1)
    return column


def _within(size: Integers, rng: np.random.Generator) -> Integers:
    """Return the seconds since the session's start: half a minute or so per film, as in one sitting."""
    gap = rng.integers(8, 60, size.sum())
    gone = np.cumsum(gap)
    begin = np.repeat(np.cumsum(size) - size, size)
    since: Integers = gone - gone[begin]
    return since


def _say(events: _Events, match: Floats, quality: Floats, rng: np.random.Generator) -> tuple[Integers, pl.Series]:
    """Return the kind (an index of ``_KINDS``) and the value of each event: mostly stars."""
    count = events.user.size
    kindness = draw_kindness(len(match), rng)
    fit = match[events.user, events.film]
    stars = draw_stars(mean_opinion(fit, quality[events.film], kindness[events.user]), rng)
    watched = draw_watched(stars, rng)
    chance = rng.random(count)
    is_like = (chance < _LIKES_INSTEAD) & (stars >= _LOVED)
    is_watch = chance > 1 - _WATCHES_INSTEAD
    kind = np.where(is_like, 1, np.where(is_watch, 2, 0))
    value = pl.Series(np.where(is_watch, watched, stars), dtype=pl.Float32).set(pl.Series(is_like), None)
    return kind, value


def _frame(
    events: _Events, said: tuple[Integers, pl.Series], movie_ids: pl.Series, user_ids: pl.Series, config: SampleConfig
) -> pl.DataFrame:
    kind, value = said
    seconds = pl.Series(int(config.start.timestamp()) + events.time)
    return pl.DataFrame(
        {
            c.USER_ID: user_ids.gather(events.user),
            c.MOVIE_ID: movie_ids.gather(events.film),
            c.KIND: pl.Series([str(each) for each in _KINDS]).gather(kind),
            c.VALUE: value,
            c.EVENT_TIME: pl.from_epoch(seconds, "s").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
        }
    )
