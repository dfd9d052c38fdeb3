"""The commands that take care of the lake, in processes of their own."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from movie_mlops.lake import SCHEMAS, Lake, LakeConfig
from movie_mlops.recommenders import create
from movie_mlops.release import write_bundle
from tests.fixtures.common.warm_python import WARM


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake of the data set ``mine`` with two appends and an overwrite."""
    lake = Lake(LakeConfig(tmp_path / "data" / "lake").of("mine"))
    for ids in ([1], [2]):
        lake.append("movies", films(ids))
    lake.overwrite("movies", films([1, 2, 3]))
    return lake


def films(ids: list[int]) -> pl.DataFrame:
    rows = [(movie_id, f"Film {movie_id}", 1990, [], [], None, None, None, None, [], [], None) for movie_id in ids]
    return pl.DataFrame(rows, SCHEMAS["movies"], orient="row")


def call(home: Path, *words: str) -> tuple[int, str, str]:
    done = WARM.run(["-m", "movie_mlops", "lake", *words, "--dataset", "mine", "--home", str(home)], cwd=home)
    return done.returncode, done.stdout, done.stderr


def bundle(home: Path, movies_version: int) -> None:
    """Put a bundle there whose manifest says from which version of the films it was made."""
    model = create("popular")
    model.fit(csr_array(np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], dtype=np.float32)))
    ids = np.array([1, 2, 3], dtype=np.int64)
    write_bundle(
        home / "models" / "mine", model=model, movie_ids=ids, facts={"lake_versions": {"movies": movies_version}}
    )


def test_vacuum_keeps_the_versions_behind_every_bundle(lake: Lake, tmp_path: Path) -> None:
    """What a bundle was made from can be read after a vacuum that keeps nothing else."""
    bundle(tmp_path, movies_version=1)
    assert call(tmp_path, "vacuum", "--keep-days", "0", "--dry-run")[1].startswith("movies: would free 0 bytes")
    lake.append("movies", films([4]))
    lake.overwrite("movies", films([5]))
    code, told, _ = call(tmp_path, "vacuum", "--keep-days", "0")
    assert (code, "2 files, giving up versions 2 to 3." in told) == (0, True)
    assert lake.scan("movies", version=1).sort("movie_id").collect()["movie_id"].to_list() == [1, 2]
    _, told, _ = call(tmp_path, "history", "movies", "--json")
    assert [row["version"] for row in json.loads(told) if row["readable"] == "yes"] == [4, 1, 0]
    code, _, problem = call(tmp_path, "show", "movies", "--version", "2")
    assert (code, "was given up by a vacuum" in problem) == (1, True)


def test_vacuum_is_refused_while_a_bundle_cannot_say_what_it_needs(lake: Lake, tmp_path: Path) -> None:
    """A damaged manifest stops the vacuum: its versions are unknown, so nothing is removed."""
    bundle(tmp_path, movies_version=0)
    [manifest] = (tmp_path / "models" / "mine").glob("*/manifest.json")
    manifest.write_text("{}")
    code, _, problem = call(tmp_path, "vacuum", "--keep-days", "0")
    assert (code, "manifest.json" in problem) == (1, True)
    assert lake.scan("movies", version=0).collect().height == 1


def test_verify_exits_1_with_a_line_for_each_defect(lake: Lake, tmp_path: Path) -> None:
    """A whole lake is exit code 0; a lost file is exit code 1 and one line that names it, as JSON too."""
    code, told, _ = call(tmp_path, "verify")
    assert (code, told.startswith("movies: whole; 3 files of 3 versions")) == (0, True)
    [lost] = [Path(path).name for path in lake.delta("movies").file_uris()]
    (tmp_path / "data" / "lake" / "mine" / "movies" / lost).unlink()
    code, told, _ = call(tmp_path, "verify", "movies")
    assert (code, told) == (1, f"movies: {lost} is missing\n")
    code, told, _ = call(tmp_path, "verify", "--json")
    assert (code, json.loads(told)[0]["defects"]) == (
        1,
        [{"table": "movies", "place": lost, "problem": "is missing"}],
    )


def test_compact_says_what_became_smaller(lake: Lake, tmp_path: Path) -> None:
    """Compaction tells of files and sizes before and after, and that the rows are the same."""
    assert call(tmp_path, "compact")[1].startswith("movies: nothing to join (1 files")
    lake.append("movies", films([4]))
    code, told, _ = call(tmp_path, "compact", "movies", "--json")
    [report] = json.loads(told)
    assert (code, report["version"], report["files_before"], report["files_after"], report["rows"]) == (0, 4, 2, 1, 4)
    assert call(tmp_path, "compact", "film")[0] == 1
