"""Features as they were known at a time."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_mlops.core.nouns import Interaction
from movie_mlops.features import (
    FILM_FEATURES,
    USER_FEATURES,
    FeatureError,
    FeedbackConfig,
    film_features,
    user_features,
)
from tests.fixtures.stage_2.interactions import day, did, table

CONFIG = FeedbackConfig()
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
            (1, 2, 3.5, 3.5, 1, 2, 2, day(1)),
            (2, 0, None, 3.5, 0, 0, 1, day(2)),
        ],
        schema=FILM_FEATURES.schema,
        orient="row",
    )
    assert film_features(table(WORDS), as_of=None, config=CONFIG).equals(expected)


def test_film_features_know_nothing_of_the_future() -> None:
    """As of the tenth day, only what had happened by then counts; the windows end there."""
    expected = pl.DataFrame(
        [
            (1, 1, 5.0, 5.0, 0, 1, 1, day(1)),
            (2, 0, None, 5.0, 0, 0, 0, day(2)),
        ],
        schema=FILM_FEATURES.schema,
        orient="row",
    )
    assert film_features(table(WORDS), as_of=day(10), config=CONFIG).equals(expected)


def test_an_undated_word_is_known_once_it_is_ingested() -> None:
    """A word without a time cannot be shown to be older than the moment it came."""
    words = table([did("d", 2, "like")], ingested_at=day(100))
    assert film_features(words, as_of=day(99), config=CONFIG).height == 0
    assert film_features(words, as_of=day(100), config=CONFIG)["likes_all"].to_list() == [1]


def test_a_mean_of_few_ratings_is_drawn_to_the_mean_of_all() -> None:
    """With a prior of 2 ratings, one rating of 5 among a global mean of 2 becomes (5 + 2 x 2) / 3 = 3."""
    words = [did("a", 1, "rating", 5.0, at=1), *(did(f"u{n}", 2, "rating", 1.25, at=1) for n in range(4))]
    frame = film_features(table(words), as_of=None, config=CONFIG, prior_ratings=2)
    assert frame["rating_mean_shrunk"].to_list() == [3.0, 1.5]


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
        schema=USER_FEATURES.schema,
        orient="row",
    )
    assert user_features(table(words), as_of=None, config=CONFIG).equals(expected)


@pytest.mark.parametrize("words", [[], [did("a", 1, "like")]], ids=["no rows", "no time anywhere"])
def test_little_data_gives_frames_of_the_right_shape(words: list[Interaction]) -> None:
    """An empty table or one without any time gives the columns of the view."""
    assert film_features(table(words), as_of=None, config=CONFIG).schema == FILM_FEATURES.schema
    assert user_features(table(words), as_of=None, config=CONFIG).schema == USER_FEATURES.schema


def test_a_time_without_zone_is_refused() -> None:
    """Nobody knows which moment a naive time is."""
    with pytest.raises(FeatureError, match="no time zone"):
        film_features(table(WORDS), as_of=day(1).replace(tzinfo=None), config=CONFIG)


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
