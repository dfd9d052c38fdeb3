"""Feature views are named, versioned, described, and refused where they cannot be meant."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from movie_mlops.core.nouns import Kind
from movie_mlops.features import (
    FILM_FEATURES,
    USER_FEATURES,
    VIEWS,
    DefinitionError,
    Feature,
    FeatureView,
    UnknownFeatureError,
    Views,
)
from movie_mlops.features import definitions as module
from movie_mlops.features.aggregations import Aggregation, age, count, last, mean
from movie_mlops.features.measures import EVERYTHING, LIKES, STARS
from movie_mlops.features.parts import Total
from movie_mlops.features.timeline import Window


def with_feature(view: FeatureView, aggregation: Aggregation, *, name: str = "new") -> FeatureView:
    return replace(view, features=(*view.features, Feature(name, aggregation, "A new one.")))


@pytest.mark.parametrize("view", list(VIEWS), ids=lambda view: view.name)
def test_a_view_says_what_it_is(view: FeatureView) -> None:
    """Every view has an owner and a time to live, every column its own name and a sentence."""
    assert view.owner
    assert view.time_to_live > timedelta(0)
    assert view.description.endswith(".")
    assert len(set(view.names)) == len(view.features)
    assert all(feature.description.endswith(".") for feature in view.features)
    assert list(view.schema) == [*view.entity.key_names, *view.names]


def test_the_digest_follows_the_definition() -> None:
    """A new version or another aggregation has another digest; other words for the same have the same."""
    again = replace(FILM_FEATURES, description="Said in other words.")
    assert again.digest() == FILM_FEATURES.digest()
    assert replace(FILM_FEATURES, version=FILM_FEATURES.version + 1).digest() != FILM_FEATURES.digest()
    assert replace(FILM_FEATURES, features=FILM_FEATURES.features[1:]).digest() != FILM_FEATURES.digest()
    first = FILM_FEATURES.features[0]
    other = replace(first, aggregation=count(STARS, within=timedelta(days=1)))
    assert replace(FILM_FEATURES, features=(other, *FILM_FEATURES.features[1:])).digest() != FILM_FEATURES.digest()


def test_the_digest_follows_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same definition computed by other code has another digest."""
    before = USER_FEATURES.digest()
    module.code_digest.cache_clear()
    monkeypatch.setattr(module, "file_digest", lambda _path: "other code")
    assert USER_FEATURES.digest() != before
    monkeypatch.undo()
    module.code_digest.cache_clear()
    assert USER_FEATURES.digest() == before


def test_a_window_that_ends_in_the_future_is_refused() -> None:
    """A feature that would read what happens after the row's time cannot be declared."""
    peeking = replace(count(LIKES), parts=(Total(LIKES, 0, Window.last(timedelta(days=7), lag=timedelta(days=-1))),))
    with pytest.raises(DefinitionError, match="'new' of view 'film_features' reads the future"):
        with_feature(FILM_FEATURES, peeking)
    with pytest.raises(DefinitionError, match="empty window"):
        with_feature(FILM_FEATURES, count(LIKES, within=timedelta(0)))


def test_what_is_predicted_cannot_be_an_input() -> None:
    """A view for models that predict ratings cannot hold a feature made of ratings."""
    with pytest.raises(DefinitionError, match="'rating_mean' of view 'ours' reads what its models predict: rating"):
        replace(
            USER_FEATURES,
            name="ours",
            predicts=frozenset({Kind.RATING}),
            features=(Feature("rating_mean", mean(STARS), "Stars."),),
        )


def test_a_feature_of_the_film_needs_a_film() -> None:
    """A row about a user has no film to ask the age of."""
    with pytest.raises(DefinitionError, match="a row is about a user"):
        with_feature(USER_FEATURES, age())


def test_what_can_be_taken_back_has_no_last_time() -> None:
    """A like can be taken back by a later word, so that when it last happened is no maximum over what was said."""
    with pytest.raises(DefinitionError, match="a later word can take back"):
        with_feature(USER_FEATURES, last(LIKES))


def test_two_of_one_name_are_refused() -> None:
    """Two columns of one name, also that of the key, and two views of one name."""
    with pytest.raises(DefinitionError, match="two columns 'ratings'"):
        with_feature(FILM_FEATURES, count(EVERYTHING), name="ratings")
    with pytest.raises(DefinitionError, match="two columns 'movie_id'"):
        with_feature(FILM_FEATURES, count(EVERYTHING), name="movie_id")
    with pytest.raises(DefinitionError, match="two views 'user_features'"):
        Views(USER_FEATURES, FILM_FEATURES, USER_FEATURES)


def test_a_view_that_is_stale_at_once_is_refused() -> None:
    """Nothing can be served from a view that lives for no time."""
    with pytest.raises(DefinitionError, match="lives for 0:00:00"):
        replace(USER_FEATURES, time_to_live=timedelta(0))


def test_views_and_features_are_found_by_name() -> None:
    """A reference names a view, or one of its features; a wrong one is answered with the nearest."""
    users, films = VIEWS.select(["user_features:streak_days", "film_features", "user_features:ratings"])
    assert users.names == ("streak_days", "ratings")
    assert users.schema == {"user_id": pl.String(), "streak_days": pl.Int64(), "ratings": pl.Int64()}
    assert films == FILM_FEATURES
    with pytest.raises(UnknownFeatureError, match=r"no view 'user_feature'.*'user_features'"):
        VIEWS.select(["user_feature"])
    with pytest.raises(UnknownFeatureError, match=r"no feature 'steak_days'.*'streak_days'"):
        VIEWS.select(["user_features:steak_days"])
