"""Feature views are named, versioned and described."""

from dataclasses import replace

import pytest

from movie_mlops.features import FILM_FEATURES, USER_FEATURES, FeatureView


@pytest.mark.parametrize("view", [FILM_FEATURES, USER_FEATURES], ids=lambda view: view.name)
def test_a_view_describes_each_of_its_columns(view: FeatureView) -> None:
    """Every column has its own name and a sentence."""
    columns = (view.entity, *view.features)
    assert len({column.name for column in columns}) == len(columns)
    assert all(column.description.endswith(".") for column in columns)


def test_the_digest_follows_the_definition() -> None:
    """A new version or a changed column has another digest; the same definition has the same."""
    again = replace(FILM_FEATURES, description="Said in other words.")
    assert again.digest() == FILM_FEATURES.digest()
    assert replace(FILM_FEATURES, version=FILM_FEATURES.version + 1).digest() != FILM_FEATURES.digest()
    assert replace(FILM_FEATURES, features=FILM_FEATURES.features[1:]).digest() != FILM_FEATURES.digest()
