"""Every feature that there is: add one here.

A feature is a name, an aggregation and a sentence. An aggregation (``aggregations.py``) says what becomes of a measure
(``measures.py``): :data:`EVERYTHING` that was done, :data:`LIKES`, or :data:`STARS`, over all films or
``.where(genre("Comedy"))``. Batch, stream and online follow from the declaration: there is nothing else to write.
Where a feature changes its meaning, its view's version grows.
"""

from datetime import timedelta
from typing import Final

from movie_mlops.features.aggregations import (
    age,
    count,
    days_since,
    decayed,
    first,
    last,
    match,
    mean,
    mean_nearness,
    nearest,
    share,
    shared_users,
    shrunk_mean,
    spread,
    streak,
    trend,
)
from movie_mlops.features.co_watch import CoWatch
from movie_mlops.features.definitions import FILM, USER, USER_AND_FILM, Feature, FeatureView, Views
from movie_mlops.features.measures import EVERYTHING, LIKES, STARS, decade, genre

_DAY: Final = timedelta(days=1)
_OWNER: Final = "recommendations"

GENRES: Final = (
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Family",
    "Fantasy",
    "Film-Noir",
    "History",
    "Horror",
    "Music",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Science Fiction",
    "Thriller",
    "War",
    "Western",
)
"""The genres of MovieLens and of TMDB that tastes are kept for."""

DECADES: Final = tuple(range(1930, 2030, 10))
"""The first years of the decades that tastes are kept for."""

FILM_FEATURES: Final = FeatureView(
    name="film_features",
    version=2,
    entity=FILM,
    owner=_OWNER,
    description="How many know and like a film, and since when.",
    time_to_live=7 * _DAY,
    features=(
        Feature("ratings", count(STARS), "Users whose latest rating is counted."),
        Feature("rating_mean", mean(STARS), "Mean of the users' latest ratings, in stars; null without one."),
        Feature(
            "rating_mean_shrunk",
            shrunk_mean(STARS, prior=3.5, strength=20),
            "The mean of those ratings and 20 more of 3.5 stars: three enthusiasts do not make a best film.",
        ),
        Feature("rating_std", spread(STARS), "Their population standard deviation, in stars; null without one."),
        Feature(
            "likes_7d", count(LIKES, within=7 * _DAY), "Users whose latest word is positive and of the last 7 days."
        ),
        Feature(
            "likes_30d", count(LIKES, within=30 * _DAY), "Users whose latest word is positive and of the last 30 days."
        ),
        Feature("likes_all", count(LIKES), "Users whose latest word is positive."),
        Feature(
            "likes_trend",
            trend(LIKES, over=30 * _DAY),
            "Likes of the last 30 days against the 30 before, in doublings; 0 is steady.",
        ),
        Feature(
            "likes_recent", decayed(LIKES, half_life=30 * _DAY), "Likes, each worth half for every 30 days since it."
        ),
        Feature("interactions", count(EVERYTHING), "Everything that anybody did with it."),
        Feature("first_time", first(EVERYTHING), "When the film was first met; null where no time is known."),
        Feature("age_years", age(), "Years since it came out; null where its year is unknown."),
    ),
)
"""Everything known about each film that somebody met."""

USER_FEATURES: Final = FeatureView(
    name="user_features",
    version=2,
    entity=USER,
    owner=_OWNER,
    description="How much a user does, how they rate, and what they like.",
    time_to_live=7 * _DAY,
    features=(
        Feature("interactions", count(EVERYTHING), "Everything that the user did."),
        Feature("interactions_7d", count(EVERYTHING, within=7 * _DAY), "What the user did in the last 7 days."),
        Feature("interactions_30d", count(EVERYTHING, within=30 * _DAY), "What the user did in the last 30 days."),
        Feature("positives", count(LIKES), "Films on which the user's latest word is positive."),
        Feature("ratings", count(STARS), "Films that the user rated."),
        Feature("rating_mean", mean(STARS), "Mean of the user's latest ratings, in stars; null without one."),
        Feature("rating_std", spread(STARS), "Their population standard deviation, in stars; null without one."),
        Feature("last_time", last(EVERYTHING), "When the user last did something; null where no time is known."),
        Feature("days_since_last", days_since(EVERYTHING), "Days since then; null where no time is known."),
        Feature("streak_days", streak(EVERYTHING), "Days in a row with activity, up to the last active one."),
        *(
            Feature(
                f"taste_{name.lower().replace('-', '_').replace(' ', '_')}",
                share(LIKES, genre(name)),
                f"Which part of the user's likes is {name}; null without likes.",
            )
            for name in GENRES
        ),
        *(
            Feature(
                f"taste_{year}s",
                share(LIKES, decade(year)),
                f"Which part of the user's likes came out in the {year}s; null without likes.",
            )
            for year in DECADES
        ),
    ),
)
"""Everything known about each user."""

MATCH_FEATURES: Final = FeatureView(
    name="match_features",
    version=1,
    entity=USER_AND_FILM,
    owner=_OWNER,
    description="How well a film fits a user's tastes.",
    time_to_live=_DAY,
    features=(
        Feature(
            "genre_match",
            match(LIKES, [genre(name) for name in GENRES]),
            "Mean, over the film's genres, of their share in the user's likes; null without either.",
        ),
        Feature(
            "decade_match",
            match(LIKES, [decade(year) for year in DECADES]),
            "Share of the film's decade in the user's likes; null without either.",
        ),
        Feature("likes_before", count(LIKES), "Films that the user likes."),
    ),
)
"""What is known of a user and a film together; computed where it is asked for, never for all pairs."""

CO_WATCH: Final = CoWatch(window=50, neighbours=100, shrinkage=10.0, period=7 * _DAY // timedelta(microseconds=1))
"""What near means in :data:`CO_WATCH_FEATURES`."""

CO_WATCH_FEATURES: Final = FeatureView(
    name="user_film_co_watch",
    version=1,
    entity=USER_AND_FILM,
    owner=_OWNER,
    description="How close a film is to what a user likes: who likes the one likes the other.",
    time_to_live=7 * _DAY,
    features=(
        Feature(
            "nearest",
            nearest(LIKES, CO_WATCH),
            "Cosine, shrunk, of the film and the nearest of the user's last 50 likes; null without likes.",
        ),
        Feature(
            "mean_nearness",
            mean_nearness(LIKES, CO_WATCH),
            "Mean of that over the user's last 50 likes, 0 for films that are not near; null without likes.",
        ),
        Feature(
            "shared_users",
            shared_users(LIKES, CO_WATCH),
            "Users who like the film and a near one of the user's last 50 likes, summed over those.",
        ),
    ),
)
"""How well a film goes with a user's history, by what others like; the neighbourhoods are those of the week's start."""

VIEWS: Final = Views(FILM_FEATURES, USER_FEATURES, MATCH_FEATURES, CO_WATCH_FEATURES)
"""All of them."""
