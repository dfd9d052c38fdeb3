"""Training sets over a real lake."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.cli.main import main
from movie_mlops.core.nouns import Workspace
from movie_mlops.features import FeatureError, FeedbackConfig, TrainingSets, TrainingSetSpec, UnknownFeatureError
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS, Lake, LakeConfig
from tests.fixtures.stage_2.interactions import day, did, table

CONFIG = FeedbackConfig()
SMALL = TrainingSetSpec("small", ("user_features:positives", "film_features:likes_all", "match_features:genre_match"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two users and two films; the second like of Ann came ten days late."""
    lake = Lake(LakeConfig(Workspace(tmp_path, "tiny").lakes).of("tiny"))
    prompt = [did("ann", 1, "like", at=1), did("bob", 1, "rating", 2.0, at=3), did("bob", 2, "rating", 4.5, at=20)]
    for word in prompt:
        assert word.event_time is not None
        lake.append(INTERACTIONS, table([word], ingested_at=word.event_time).collect())
    lake.append(INTERACTIONS, table([did("ann", 2, "like", at=2)], ingested_at=day(12)).collect())
    films = [(1, "Heat", 1995, ["Crime"]), (2, "Big", 1988, ["Comedy", "Crime"])]
    frame = pl.DataFrame(films, schema=["movie_id", "title", "year", "genres"], orient="row").with_columns(
        pl.lit(None).alias(name) for name in SCHEMAS[MOVIES] if name not in {"movie_id", "title", "year", "genres"}
    )
    lake.append(MOVIES, frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMAS[MOVIES].items()))
    return lake


@pytest.fixture
def sets(lake: Lake, tmp_path: Path) -> TrainingSets:
    return TrainingSets(Workspace(tmp_path, "tiny").training_sets, lake)


def features(sets: TrainingSets, spec: TrainingSetSpec) -> list[tuple]:
    columns = ["user_id", "movie_id", "user_features__positives", "film_features__likes_all"]
    return sets.build(spec, CONFIG).read().select(columns).rows()


def test_a_row_does_not_know_itself_nor_what_came_late(sets: TrainingSets) -> None:
    """Ann's late like counts for nobody before the day on which it came; no row counts its own word."""
    assert features(sets, SMALL) == [("ann", 1, 0, 0), ("ann", 2, 1, 0), ("bob", 1, 0, 1), ("bob", 2, 0, 1)]
    frame = sets.get("small").read()
    assert frame["liked"].to_list() == [True, True, False, True]
    assert frame["stars"].to_list() == [None, None, 2.0, 4.5]
    assert frame["match_features__genre_match"].to_list() == [None, 0.5, None, None]


def test_late_rows_are_known_where_that_is_said(sets: TrainingSets) -> None:
    """With the knowledge of before it came nothing counts Ann's late like; bounds choose rows, not what they know."""
    early = TrainingSetSpec("early", SMALL.features, knowledge=day(11), since=day(3))
    assert features(sets, early) == [("bob", 1, 0, 1), ("bob", 2, 0, 0)]
    ever = TrainingSetSpec("ever", SMALL.features, knowledge=None, until=day(20))
    assert features(sets, ever) == [("ann", 1, 0, 0), ("ann", 2, 1, 0), ("bob", 1, 0, 1)]


def test_the_manifest_says_what_it_was_made_of(sets: TrainingSets) -> None:
    """Versions of the lake, digests of the views, rows and the file's SHA-256."""
    manifest = sets.build(SMALL, CONFIG).manifest
    assert manifest["lake"] == {"interactions": 3, "movies": 0}
    assert set(manifest["views"]) == {"user_features", "film_features", "match_features"}
    assert all(len(view["digest"]) == 64 for view in manifest["views"].values())
    assert (manifest["rows"], manifest["version"], len(manifest["sha256"])) == (4, 1, 64)


def test_the_same_is_not_built_twice_and_more_data_makes_a_version(sets: TrainingSets, lake: Lake) -> None:
    """A second build of the same is the first; new rows make a second version, and the first can be made again."""
    first = sets.build(SMALL, CONFIG)
    assert sets.build(SMALL, CONFIG).manifest == first.manifest
    lake.append(INTERACTIONS, table([did("ann", 1, "dislike", at=30)], ingested_at=day(30)).collect())
    second = sets.build(SMALL, CONFIG)
    assert second.manifest["version"] == 2
    assert second.read()["liked"].to_list() != first.read()["liked"].to_list()
    assert [made.manifest["version"] for made in sets] == [1, 2]
    assert sets.rebuild(sets.get("small", 1))
    again = sets.build(TrainingSetSpec("again", SMALL.features), CONFIG, versions={"interactions": 3})
    assert again.manifest["sha256"] == first.manifest["sha256"]


def test_changed_rows_are_not_read(sets: TrainingSets) -> None:
    """A byte more, and the file is refused."""
    made = sets.build(SMALL, CONFIG)
    with (made.folder / "rows.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(FeatureError, match="not those that were written"):
        sets.get("small").read()


def test_a_failed_build_leaves_nothing(sets: TrainingSets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails there is no version, and no file either."""

    def fail(*_args: object, **_options: object) -> None:
        raise OSError

    monkeypatch.setattr(pl.DataFrame, "write_parquet", fail)
    with pytest.raises(OSError):
        sets.build(SMALL, CONFIG)
    assert list(sets) == []
    assert list((Workspace(tmp_path, "tiny").training_sets / "small").iterdir()) == []


@pytest.mark.parametrize("name", ["../escape", "", "Upper", "a/b", ".hidden"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    """A name cannot lead out of the folder of training sets."""
    with pytest.raises(FeatureError, match="cannot be called"):
        TrainingSetSpec(name)


def test_what_is_not_there_is_answered_with_the_nearest(sets: TrainingSets) -> None:
    """Unknown training set, unknown version, unknown feature."""
    sets.build(SMALL, CONFIG)
    with pytest.raises(FeatureError, match=r"no training set 'smal'.*'small'"):
        sets.get("smal")
    with pytest.raises(FeatureError, match="no version 7"):
        sets.get("small", 7)
    with pytest.raises(UnknownFeatureError, match="'positives'"):
        sets.build(TrainingSetSpec("x", ("user_features:positive",)), CONFIG)
    with pytest.raises(FeatureError, match="no time zone"):
        TrainingSetSpec("x", since=datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None))


def test_the_commands_build_list_and_verify(lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a user types: list, show, build, list what was built, make it again."""
    there = ["--home", str(tmp_path), "--dataset", "tiny"]
    assert main(["features", "list"]) == 0
    assert main(["features", "show", "match_features", "--json"]) == 0
    assert "genre_match" in capsys.readouterr().out
    built = ["features", "build-training-set", "typed", "--feature", "user_features:ratings", "--known", "ever", *there]
    assert main([*built, "--interactions-version", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lake"] == {"interactions": 2, "movies": 0}
    assert main(["features", "training-sets", "--json", *there]) == 0
    assert json.loads(capsys.readouterr().out)[0]["rows"] == 3
    assert main(["features", "verify-training-set", "typed", *there]) == 0
    assert "the same when made again" in capsys.readouterr().out
    assert main(["features", "show", "users"]) == 1
    assert "no view 'users'" in capsys.readouterr().err
    assert main([*built, "--since", "yesterday"]) == 1
