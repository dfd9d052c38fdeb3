"""The declared feature views, written to a Delta table and read back by polars and by SQL."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from movie_mlops.features import FILM_FEATURES, USER_FEATURES, FeatureView, FeedbackConfig, film_features, user_features
from movie_mlops.lake import Lake, LakeConfig
from tests.fixtures.stage_2.interactions import did, table

SAID = table(
    [
        did("ann", 1, "rating", 4.5, at=1),
        did("ann", 6, "like", at=2),
        did("bob", 1, "view"),
        did("cho", 50, "view"),
        did("bob", 50, "rating", 2.0, at=3),
    ]
)
VIEWS = {FILM_FEATURES.name: film_features, USER_FEATURES.name: user_features}


@pytest.mark.parametrize("view", [FILM_FEATURES, USER_FEATURES], ids=lambda view: view.name)
def test_a_view_keeps_its_declared_columns_and_types_in_the_lake(tmp_path: Path, view: FeatureView) -> None:
    """What a view declares is what the table has, in that order and of those types, empty cells included."""
    frame = VIEWS[view.name](SAID, as_of=None, config=FeedbackConfig())
    assert frame.null_count().sum_horizontal().item() > 0
    lake = Lake(LakeConfig(tmp_path / "lake"))
    lake.overwrite(view.name, frame)
    read = Lake(LakeConfig(tmp_path / "lake")).scan(view.name).collect()
    assert dict(read.schema) == view.schema
    assert_frame_equal(read, frame, check_row_order=False)


def test_features_are_asked_for_in_sql_by_their_declared_names(tmp_path: Path) -> None:
    """Every declared column can be named in SQL, and counts and missing means come out as they went in."""
    lake = Lake(LakeConfig(tmp_path / "lake"))
    lake.overwrite(FILM_FEATURES.name, film_features(SAID, as_of=None, config=FeedbackConfig()))
    names = ", ".join(FILM_FEATURES.schema)
    assert lake.sql(f"select {names} from film_features").columns == list(FILM_FEATURES.schema)
    counts = lake.sql("select movie_id, ratings, rating_mean, likes_all from film_features order by movie_id")
    assert counts.rows() == [(1, 1, 4.5, 1), (6, 0, None, 1), (50, 1, 2.0, 0)]


def test_each_commit_says_what_it_was_made_from(tmp_path: Path) -> None:
    """The commit that holds a view says from which version of the interactions it was made."""
    lake = Lake(LakeConfig(tmp_path / "lake"))
    for version in (3, 4):
        frame = pl.DataFrame(schema=FILM_FEATURES.schema)
        lake.overwrite(FILM_FEATURES.name, frame, note={"interactions": str(version)})
    assert [commit.note["interactions"] for commit in lake.history(FILM_FEATURES.name)] == ["4", "3"]
