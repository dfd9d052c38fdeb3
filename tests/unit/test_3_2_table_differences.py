"""What ``lake diff`` says, against a comparison row by row."""

import math
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.lake import Lake, LakeConfig, compact, diff

VALUES = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.sampled_from([None, 0.5, 1.0])), max_size=8)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LakeConfig(tmp_path / "lake"))


def frame(rows: list[tuple[int, str, float | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"key": pl.Int64, "name": pl.String, "value": pl.Float64}, orient="row")


@given(before=VALUES, after=VALUES)
@settings(max_examples=60, deadline=None)
def test_rows_that_differ_are_those_that_a_look_at_each_would_find(
    before: list[tuple[int, str, float | None]], after: list[tuple[int, str, float | None]]
) -> None:
    """Rows count as often as they stand there: what one version has more of is added or removed."""
    with TemporaryDirectory() as folder:
        lake = Lake(LakeConfig(Path(folder)))
        lake.overwrite("things", frame(before))
        lake.overwrite("things", frame(after))
        found = diff(lake, "things", 0, 1, examples=8)
    had, has = Counter(before), Counter(after)
    removed, added = (had - has), (has - had)
    assert Counter(tuple(row.values()) for row in found.examples["removed"]) == removed
    assert Counter(tuple(row.values()) for row in found.examples["added"]) == added
    assert (found.removed, found.added, found.changed) == (removed.total(), added.total(), 0)
    assert found.rows == (len(before), len(after))
    assert found.is_empty == (had == has)


def test_a_changed_row_shows_what_changed(lake: Lake) -> None:
    """With a key, the same row with other values is changed, not removed and added; both values are shown."""
    lake.overwrite("things", frame([(1, "a", 1.0), (2, "b", None), (3, "c", 2.0)]))
    lake.overwrite("things", frame([(4, "d", 0.0), (2, "b", 3.5), (1, "a", 1.0)]))
    found = diff(lake, "things", 0, 1, key=["key"])
    assert (found.added, found.removed, found.changed) == (1, 1, 1)
    assert found.examples == {
        "added": [{"key": 4, "name": "d", "value": 0.0}],
        "removed": [{"key": 3, "name": "c", "value": 2.0}],
        "changed": [{"key": 2, "value": [None, 3.5]}],
    }
    changes = {change.column: change for change in found.columns}
    assert set(changes) == {"key", "name", "value"}
    assert (changes["value"].nulls, changes["value"].least, changes["value"].mean) == ((1, 0), (1.0, 0.0), (1.5, 1.5))
    assert (changes["key"].distinct, changes["name"].largest) == ((3, 3), ("c", "d"))


def test_columns_that_came_and_went_are_named(lake: Lake) -> None:
    """Rows are compared by the columns that both versions have; the others are named."""
    lake.overwrite("things", pl.DataFrame({"key": [1], "old": ["x"]}))
    lake.overwrite("things", pl.DataFrame({"key": [1], "new": [[1, 2]]}))
    found = diff(lake, "things", 0, 1)
    assert (found.new_columns, found.lost_columns) == (("new",), ("old",))
    assert (found.added, found.removed, found.columns, found.is_empty) == (0, 0, (), False)


def test_another_layout_of_the_same_rows_is_no_difference(lake: Lake) -> None:
    """Compacting rewrites every file, and nothing differs; a mean that is summed in another order is the same mean."""
    rows = [(number, "a", math.sqrt(number)) for number in range(1000)]
    lake.append("things", frame(rows[:300]))
    lake.append("things", frame(rows[300:]))
    compact(lake, "things")
    lake.overwrite("things", frame(rows[::-1]))
    means = {lake.scan("things", version=version).select("value").mean().collect().item() for version in (1, 2, 3)}
    assert len(means) > 1
    for version in (2, 3):
        found = diff(lake, "things", 1, version)
        assert found.is_empty
        assert found.columns == ()


def test_only_the_files_that_differ_are_read(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an append, the rows of the files that both versions have are not looked at one by one."""
    lake.append("things", frame([(number, "a", 1.0) for number in range(100)]))
    lake.append("things", frame([(100, "a", 1.0)]))
    asked: list[tuple[int | None, int]] = []
    scan = Lake.scan

    def watched(self: Lake, table: str, **given: object) -> pl.LazyFrame:
        if given.get("only") is not None:
            asked.append((given["version"], len(given["only"])))
        return scan(self, table, **given)

    monkeypatch.setattr(Lake, "scan", watched)
    assert diff(lake, "things", 0, 1).added == 1
    assert asked == [(0, 0), (1, 1)]
