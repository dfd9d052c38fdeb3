"""Features as they were: from an older version of the lake, and as of a time, after the lake has gone on."""

from datetime import timedelta
from pathlib import Path

from polars.testing import assert_frame_equal

from movie_mlops.features import FeedbackConfig, film_features, user_features
from movie_mlops.lake import INTERACTIONS, Lake, LakeConfig
from tests.fixtures.stage_2.interactions import START, did, table

CONFIG = FeedbackConfig()
FIRST = [did("ann", 1, "rating", 5.0, at=1), did("bob", 1, "rating", 3.0, at=2), did("bob", 6, "like", at=3)]
# A later opinion, and one that was said early and arrives late.
LATER = [did("ann", 1, "rating", 1.0, at=9), did("cho", 1, "rating", 4.0, at=2.5)]


def filled(folder: Path) -> Lake:
    lake = Lake(LakeConfig(folder / "lake"))
    lake.append(INTERACTIONS, table(FIRST, ingested_at=START + timedelta(days=4)).collect())
    lake.append(INTERACTIONS, table(LATER, ingested_at=START + timedelta(days=10)).collect())
    return lake


def test_an_old_version_gives_the_features_of_then(tmp_path: Path) -> None:
    """Promise P4: from the version that a model was trained on come the same features, whatever has arrived since."""
    lake = filled(tmp_path)
    for compute in (film_features, user_features):
        then = compute(table(FIRST), as_of=None, config=CONFIG)
        assert_frame_equal(compute(lake.scan(INTERACTIONS, version=0), as_of=None, config=CONFIG), then)
        now = compute(lake.scan(INTERACTIONS), as_of=None, config=CONFIG)
        assert not now.equals(then)


def test_as_of_a_time_a_late_word_counts_when_it_was_said(tmp_path: Path) -> None:
    """Promise P4: as of a time no later opinion counts; one that arrives late counts from when it was said."""
    lake = filled(tmp_path)
    when = START + timedelta(days=3)
    means = {
        version: film_features(lake.scan(INTERACTIONS, version=version), as_of=when, config=CONFIG)
        .filter(movie_id=1)["rating_mean"]
        .item()
        for version in (0, 1)
    }
    assert means == {0: 4.0, 1: 4.0}
    counts = film_features(lake.scan(INTERACTIONS), as_of=when, config=CONFIG).filter(movie_id=1)["ratings"].item()
    assert counts == 3
