"""A Feast repository is written whole, from our definitions, and needs no Feast."""

import ast
import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from movie_mlops.core import clock
from movie_mlops.features import USER_FEATURES, VIEWS, FeedbackConfig
from movie_mlops.features.feast import FeastBackend, FeastConfig, FeastError, RepositoryConfig, changes, exportable
from movie_mlops.features.feast import export_repository as export
from movie_mlops.features.feast.changes import in_groups
from movie_mlops.features.online import Cut
from tests.fixtures.stage_2.interactions import day, did
from tests.fixtures.stage_2.worlds import FILMS_TABLE, Arrived, arrivals

CONFIG = FeedbackConfig()
SAID = [
    Arrived(did("a", 1, "like", at=1), day(4)),
    Arrived(did("a", 2, "view", at=3), day(3)),
    Arrived(did("b", 1, "view"), day(2)),
]


def cut_of(said: list[Arrived]) -> Cut:
    return Cut(arrivals(said), FILMS_TABLE, {"interactions": 7, "movies": 2})


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: day(5))


def test_there_is_a_row_for_every_change() -> None:
    """One when something happened, with the arrival of the last of it, and one when it leaves a window."""
    view = USER_FEATURES.only(["interactions", "interactions_7d", "last_time"])
    micros = 1_704_067_200_000_000
    assert changes(view, cut_of(SAID), CONFIG).rows() == [
        ("a", day(1), day(4), 1, 1, micros + 1 * 86_400_000_000),
        ("a", day(3), day(4), 2, 2, micros + 3 * 86_400_000_000),
        ("a", day(8), day(4), 2, 1, micros + 3 * 86_400_000_000),
        ("a", day(10), day(4), 2, 0, micros + 3 * 86_400_000_000),
        ("b", day(2), day(2), 1, 0, None),
    ]


def test_groups_hold_whole_entities() -> None:
    """Group by group the rows are the same as all at once."""
    view = exportable(VIEWS)["user_features"]
    groups = list(in_groups(view, cut_of(SAID), at_once=1))
    assert [group.interactions.select("user_id").unique().collect().rows() for group in groups] == [[("a",)], [("b",)]]
    parts = [changes(view, group, CONFIG) for group in groups]
    assert pl.concat(parts).equals(changes(view, cut_of(SAID), CONFIG))


def test_what_changes_with_time_alone_stays_behind() -> None:
    """No stored row could say it; the repository says what is not there."""
    views = {view.name: set(view.names) for view in exportable(VIEWS)}
    assert set(views) == {"film_features", "user_features"}
    assert set(VIEWS["film_features"].names) - views["film_features"] == {"likes_recent", "age_years"}
    assert set(VIEWS["user_features"].names) - views["user_features"] == {"days_since_last"}


def test_the_definitions_are_ours(tmp_path: Path) -> None:
    """Every feature with its type and sentence, every view with its key, owner, description and tags."""
    made = export(tmp_path / "repo", cut_of(SAID), VIEWS, CONFIG, RepositoryConfig())
    calls = [
        node for node in ast.walk(ast.parse((made.folder / "features.py").read_text())) if isinstance(node, ast.Call)
    ]
    of = {name: [call for call in calls if getattr(call.func, "id", "") == name] for name in ("Entity", "FeatureView")}
    assert [_given(call, "join_keys") for call in of["Entity"]] == [["movie_id"], ["user_id"]]
    for call, view in zip(of["FeatureView"], exportable(VIEWS), strict=True):
        assert (_given(call, "name"), _given(call, "owner")) == (view.name, view.owner)
        assert _given(call, "description") == view.description
        assert _given(call, "tags")["time_to_live_seconds"] == str(view.time_to_live // timedelta(seconds=1))
        [schema] = [word.value for word in call.keywords if word.arg == "schema"]
        fields = [(_given(field, "name"), _type(field)) for field in schema.elts][1:]
        kinds = {pl.Int64(): "Int64", pl.Float64(): "Float64", pl.Datetime("us", "UTC"): "Int64"}
        assert fields == [(feature.name, kinds[feature.dtype]) for feature in view.features]
        parquet = pl.read_parquet_schema(made.folder / "data" / f"{view.name}.parquet")
        assert set(parquet) == {view.entity.folds, "event_timestamp", "created_timestamp", *view.names}


@pytest.mark.parametrize(
    ("layout", "online"),
    [
        (RepositoryConfig(), {"type": "sqlite", "path": "data/online.db"}),
        (
            RepositoryConfig(redis="cache:6379"),
            {"type": "redis", "connection_string": "cache:6379", "skip_dedup": True},
        ),
    ],
    ids=["sqlite", "redis"],
)
def test_the_stores_are_those_asked_for(tmp_path: Path, layout: RepositoryConfig, online: dict[str, str]) -> None:
    """feature_store.yaml names DuckDB offline, and the online store; the manifest the versions of the lake."""
    made = export(tmp_path / "repo", cut_of(SAID), VIEWS, CONFIG, layout)
    store = yaml.safe_load((made.folder / "feature_store.yaml").read_text())
    assert (store["offline_store"], store["online_store"]) == ({"type": "duckdb"}, online)
    manifest = json.loads((made.folder / "movie_mlops.json").read_text())
    assert (manifest["lake"], manifest["at"]) == ({"interactions": 7, "movies": 2}, "2024-01-04T00:00:00Z")


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    """Nothing in it is touched, by the export or by the backend."""
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FeastError, match="not an empty folder"):
        export(tmp_path, cut_of(SAID), VIEWS, CONFIG, RepositoryConfig())
    with pytest.raises(FeastError, match="not an empty folder"):
        FeastBackend(tmp_path, VIEWS, CONFIG, FeastConfig(Path("python")))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_lake_leaves_nothing_behind(tmp_path: Path) -> None:
    """The error says what to run first, and there is no half a repository."""
    with pytest.raises(FeastError, match="movie-mlops run"):
        export(tmp_path / "repo", cut_of([]), VIEWS, CONFIG, RepositoryConfig())
    assert list(tmp_path.iterdir()) == []


def _given(call: ast.Call, name: str):
    [value] = [word.value for word in call.keywords if word.arg == name]
    return ast.literal_eval(value)


def _type(call: ast.Call) -> str:
    [value] = [word.value for word in call.keywords if word.arg == "dtype"]
    return value.id
