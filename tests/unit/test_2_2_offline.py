"""Features as they were known at a time."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.core.nouns import Interaction
from movie_mlops.features import (
    FILM_FEATURES,
    USER_FEATURES,
    FeatureError,
    FeedbackConfig,
    features_at,
    film_features,
    snapshot,
    user_features,
)
from tests.fixtures.stage_2.interactions import day, did, table

CONFIG = FeedbackConfig()
FILMS = FILM_FEATURES.only(
    [
        "ratings",
        "rating_mean",
        "rating_std",
        "likes_7d",
        "likes_30d",
        "likes_all",
        "interactions",
        "first_time",
    ]
)
USERS = USER_FEATURES.only(["interactions", "positives", "ratings", "rating_mean", "rating_std", "last_time"])
WORDS = [
    did("a", 1, "rating", 5.0, at=1),
    did("a", 1, "rating", 3.0, at=20),
    did("b", 1, "rating", 4.0, at=18),
    did("c", 1, "like", at=40),
    did("c", 2, "view", at=2),
    did("d", 2, "like"),
]


def test_film_features_are_what_the_rows_say() -> None:
    """Each user has one voice per film; undated words count only in the figures over all time."""
    expected = pl.DataFrame(
        [
            (1, 2, 3.5, 0.5, 1, 2, 2, 4, day(1)),
            (2, 0, None, None, 0, 0, 1, 2, day(2)),
        ],
        schema=FILMS.schema,
        orient="row",
    )
    assert snapshot(FILMS, table(WORDS), as_of=None, config=CONFIG).equals(expected)


def test_film_features_know_nothing_of_the_future() -> None:
    """As of the tenth day, only what had happened by then counts; the windows end there."""
    expected = pl.DataFrame(
        [
            (1, 1, 5.0, 0.0, 0, 1, 1, 1, day(1)),
            (2, 0, None, None, 0, 0, 0, 1, day(2)),
        ],
        schema=FILMS.schema,
        orient="row",
    )
    assert snapshot(FILMS, table(WORDS), as_of=day(10), config=CONFIG).equals(expected)


def test_an_undated_word_is_known_once_it_is_ingested() -> None:
    """A word without a time cannot be shown to be older than the moment it came."""
    words = table([did("d", 2, "like")], ingested_at=day(100))
    assert film_features(words, as_of=day(99), config=CONFIG).height == 0
    assert film_features(words, as_of=day(100), config=CONFIG)["likes_all"].to_list() == [1]


def test_a_mean_of_few_ratings_is_drawn_to_the_middle() -> None:
    """One rating of 5 stars among 20 of 3.5 makes 75 / 21; without a rating the middle is left."""
    words = [did("a", 1, "rating", 5.0, at=1), did("a", 2, "view", at=1)]
    frame = film_features(table(words), as_of=None, config=CONFIG)
    assert frame["rating_mean_shrunk"].to_list() == [75 / 21, 3.5]


def test_likes_that_come_faster_trend_upwards() -> None:
    """Three likes in the last 30 days after one in the 30 before: (3 + 1) / (1 + 1) is one doubling."""
    words = [did(f"u{at}", 1, "like", at=at) for at in (10, 40, 50, 65)]
    frame = film_features(table(words), as_of=None, config=CONFIG)
    assert frame["likes_trend"].to_list() == [1.0]
    assert frame["likes_recent"].to_list() == [pytest.approx(sum(2 ** ((at - 65) / 30) for at in (10, 40, 50, 65)))]


def test_a_film_has_the_age_of_its_year() -> None:
    """In January 2024 a film of 1994 is 30 years old; where its year is unknown nobody knows."""
    words = [did("a", film, "view", at=1) for film in (1, 2)]
    films = pl.LazyFrame(
        [(1, 1994, ["Comedy"]), (2, None, [])],
        schema={"movie_id": pl.Int64(), "year": pl.Int32(), "genres": pl.List(pl.String())},
        orient="row",
    )
    assert film_features(table(words), as_of=None, config=CONFIG, films=films)["age_years"].to_list() == [30.0, None]


def test_tastes_are_shares_of_what_a_user_likes() -> None:
    """Two of three likes are comedies, one is of the nineties; what was disliked says nothing."""
    words = [
        *(did("a", film, "like", at=film) for film in (1, 2, 3)),
        did("a", 4, "dislike", at=4),
        did("b", 4, "view", at=1),
    ]
    films = pl.LazyFrame(
        [(1, 1994, ["Comedy"]), (2, 2003, ["Comedy", "Drama"]), (3, None, []), (4, 1990, ["Comedy"])],
        schema={"movie_id": pl.Int64(), "year": pl.Int32(), "genres": pl.List(pl.String())},
        orient="row",
    )
    frame = user_features(table(words), as_of=None, config=CONFIG, films=films)
    assert frame["taste_comedy"].to_list() == [2 / 3, None]
    assert frame["taste_drama"].to_list() == [1 / 3, None]
    assert frame["taste_1990s"].to_list() == [1 / 3, None]


def test_a_streak_is_counted_to_the_last_active_day() -> None:
    """Active on days 1, 2, 5, 6, 7: the last three are a streak, whatever day it is now."""
    words = [did("a", 1, "view", at=at) for at in (1, 2.5, 5, 5.5, 6, 7)]
    for now in (7, 9):
        assert user_features(table(words), as_of=day(now), config=CONFIG)["streak_days"].to_list() == [3]


def test_user_features_are_what_the_rows_say() -> None:
    """Interactions count all rows, ratings only the latest per film."""
    words = [*WORDS, did("a", 3, "rating", 5.0, at=21)]
    expected = pl.DataFrame(
        [
            ("a", 3, 1, 2, 4.0, 1.0, day(21)),
            ("b", 1, 1, 1, 4.0, 0.0, day(18)),
            ("c", 2, 1, 0, None, None, day(40)),
            ("d", 1, 1, 0, None, None, None),
        ],
        schema=USERS.schema,
        orient="row",
    )
    assert snapshot(USERS, table(words), as_of=None, config=CONFIG).equals(expected)


@pytest.mark.parametrize("words", [[], [did("a", 1, "like")]], ids=["no rows", "no time anywhere"])
def test_little_data_gives_frames_of_the_right_shape(words: list[Interaction]) -> None:
    """An empty table or one without any time gives the columns of the view."""
    assert film_features(table(words), as_of=None, config=CONFIG).schema == FILM_FEATURES.schema
    assert user_features(table(words), as_of=None, config=CONFIG).schema == USER_FEATURES.schema


def test_a_time_without_zone_is_refused() -> None:
    """Nobody knows which moment a naive time is."""
    with pytest.raises(FeatureError, match="no time zone"):
        film_features(table(WORDS), as_of=day(1).replace(tzinfo=None), config=CONFIG)


# No test is timed: a busy machine is no failure.
@settings(deadline=None, max_examples=15)
@given(
    words=st.lists(
        st.builds(
            did,
            st.sampled_from("abc"),
            st.integers(1, 3),
            st.just("rating"),
            st.sampled_from([1.0, 3.0, 4.5]),
            at=st.integers(0, 60),
        ),
        max_size=12,
    ),
    cut=st.integers(0, 60),
)
def test_rows_of_the_future_change_nothing(words: list[Interaction], cut: int) -> None:
    """Features as of a time are the same whether or not the later rows are in the table."""
    past = [word for word in words if word.event_time is not None and word.event_time <= day(cut)]
    for compute in (film_features, user_features):
        assert compute(table(words), as_of=day(cut), config=CONFIG).equals(
            compute(table(past), as_of=day(cut), config=CONFIG),
        )


def test_the_order_of_the_rows_changes_no_bit() -> None:
    """Promise P5: likes that arrived in one instant, in any order, give the very same decayed sum, not one near it."""
    said = table([did(f"u{user}", user % 3, "like", at=user % 7 + user % 11 / 3) for user in range(300)]).collect()
    rows = pl.DataFrame({"movie_id": [0, 1, 2], "at": [day(1003)] * 3})
    view = FILM_FEATURES.only(["likes_recent"])
    whole = features_at(view, rows, said.lazy(), config=CONFIG)
    for seed in range(10):
        again = features_at(view, rows, said.sample(fraction=1, shuffle=True, seed=seed).lazy(), config=CONFIG)
        assert again.equals(whole)
