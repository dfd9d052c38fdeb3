"""From a file of one's own through the contract to the lake, and back for the rows that were refused."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.ingest import IngestReport, SourceOptions, load, open_source
from movie_mlops.lake import INTERACTIONS, QUARANTINE, Lake, LakeConfig

HEADER = "user_id,movie_id,rating,timestamp"
RATINGS = f"""{HEADER}
ann,1,4.5,964982703
ann,6,9.0,964982704
bob,1,3.0,964982705
bob,six,4.0,964982706
,6,4.0,964982707
"조, ""철수"" 1",6,five,964982708
"""
CORRECTIONS = {"9.0": "4.0", "six": "6", "": "cho", "five": "5.0"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LakeConfig(tmp_path / "lake"))


def load_file(folder: Path, lake: Lake, text: str, name: str = "ratings") -> IngestReport:
    (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    source = open_source(f"file:{folder / name}.csv", downloads=folder, options=SourceOptions(dataset="mine"))
    return load(source, lake)


def test_every_line_of_the_file_is_in_one_table(tmp_path: Path, lake: Lake) -> None:
    """Promise P2: good and quarantined add up to read, and each line number is in one of the two tables of the lake."""
    report = load_file(tmp_path, lake, RATINGS)
    assert (report.rows_read, report.rows_good, report.rows_quarantined) == (6, 2, 4)
    good = lake.scan(INTERACTIONS).select("user_id", "movie_id", "value").collect().rows()
    assert sorted(good) == [("ann", 1, 4.5), ("bob", 1, 3.0)]
    refused = lake.scan(QUARANTINE).select("line", "reason", "raw").collect().sort("line")
    assert refused["line"].to_list() == [3, 5, 6, 7]
    assert refused["reason"].to_list() == ["value-out-of-range", "bad-movie-id", "missing-user", "bad-value"]


def test_what_was_refused_can_be_corrected_from_the_quarantine_alone(tmp_path: Path, lake: Lake) -> None:
    """Promise P2: the quarantine keeps rows so that they can be put right without the file they came from."""
    load_file(tmp_path, lake, RATINGS)
    (tmp_path / "ratings.csv").unlink()
    raw = lake.scan(QUARANTINE).collect().sort("line")["raw"].to_list()
    rows = [[CORRECTIONS.get(cell, cell) for cell in row] for row in csv.reader(raw)]
    text = io.StringIO()
    csv.writer(text).writerows([HEADER.split(","), *rows])
    report = load_file(tmp_path, lake, text.getvalue(), "corrected")
    assert (report.rows_read, report.rows_new, report.rows_quarantined) == (4, 4, 0)
    everything = lake.scan(INTERACTIONS).select("user_id", "movie_id", "value").collect().rows()
    assert sorted(everything) == [
        ("ann", 1, 4.5),
        ("ann", 6, 4.0),
        ("bob", 1, 3.0),
        ("bob", 6, 4.0),
        ("cho", 6, 4.0),
        ('조, "철수" 1', 6, 5.0),
    ]


def test_the_same_file_again_adds_nothing_to_either_table(tmp_path: Path, lake: Lake) -> None:
    """Promise P1: a file that is loaded twice makes no commit the second time, in the quarantine neither."""
    first = load_file(tmp_path, lake, RATINGS)
    again = load_file(tmp_path, lake, RATINGS)
    assert again.versions == first.versions
    assert (again.rows_new, again.rows_quarantined) == (0, 4)
    assert lake.scan(QUARANTINE).select(pl.len()).collect().item() == 4
