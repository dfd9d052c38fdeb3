"""The quarantine: nothing vanishes, and what was corrected reaches the lake once."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.core import clock
from movie_mlops.ingest import (
    IngestConfig,
    IngestReport,
    SourceError,
    SourceOptions,
    export,
    load,
    open_rows,
    open_source,
    read_corrected,
    replay,
)
from movie_mlops.lake import Lake, LakeConfig

CONFIG = IngestConfig()
RATINGS = "user,item,rating,ts\na,1,4,1700000000\nb,1,9,1700000000\nc,2,,1700000000\nd,x,3,1700000000\ne,1\n"
FILMS = "movieId,title,year\n1,Heat,1995\n2,Alien,1492\n"


@pytest.fixture(autouse=True)
def _monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LakeConfig(tmp_path / "lake"))


def ingest(lake: Lake, folder: Path, text: str, films: str | None = None, config: IngestConfig = CONFIG, **options):
    (folder / "mine.csv").write_text(text)
    if films is not None:
        (folder / "films.csv").write_text(films)
        options["movies"] = folder / "films.csv"
    source = open_source(f"file:{folder / 'mine.csv'}", downloads=folder, options=SourceOptions(**options))
    return load(source, lake, config=config)


def adds_up(lake: Lake, read: int) -> tuple[int, int, int]:
    """Rows of the lake, open rows and replayed rows of the interactions; together they are what was read."""
    good = lake.scan("interactions").collect().height
    refused = lake.scan("quarantine").filter(pl.col("table") == "interactions").collect().height
    opened = open_rows(lake, table="interactions").height
    replayed = refused - opened
    assert good - replayed + opened + replayed == read
    return good, opened, replayed


def correct(path: Path, change: Callable[[dict[str, str]], None]) -> None:
    rows = list(csv.DictReader(path.read_text().splitlines()))
    for row in rows:
        change(row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_corrected_rows_reach_the_lake_once_and_everything_adds_up(lake: Lake, tmp_path: Path) -> None:
    """Promise P2: good + quarantined + replayed = read, before and after rows were corrected by hand, also twice."""
    report: IngestReport = ingest(lake, tmp_path, RATINGS, "movieId,title\n1,Heat\n2,Alien\n")
    assert report.reasons == {"bad-movie-id": 1, "broken-row": 1, "missing-value": 1, "value-out-of-range": 1}
    assert adds_up(lake, 5) == (1, 4, 0)
    export(open_rows(lake, table="interactions"), tmp_path / "fix.csv")

    def change(row: dict[str, str]) -> None:
        if row["reason"] == "value-out-of-range":
            row["value"] = "4.5"
        if row["reason"] == "broken-row":
            row.update(user_id="e", movie_id="2", value="3", event_time="2023-11-14T22:13:20Z")

    correct(tmp_path / "fix.csv", change)
    told = replay(lake, config=CONFIG, corrected=read_corrected(tmp_path / "fix.csv"))
    assert (told.tried, told.replayed, told.new, told.open) == (4, 2, 2, 2)
    assert told.refused == {"bad-movie-id": 1, "missing-value": 1}
    assert adds_up(lake, 5) == (3, 2, 2)
    ids = lake.scan("interactions").sort("user_id").collect()["event_id"].to_list()
    assert ids == [f"mine|{user}|{film}|rating|1700000000" for user, film in (("a", 1), ("b", 1), ("e", 2))]
    assert lake.scan("interactions").filter(pl.col("user_id") == "b").collect()["value"].item() == 4.5
    with pytest.raises(SourceError, match="2 corrected rows are not open"):
        replay(lake, config=CONFIG, corrected=read_corrected(tmp_path / "fix.csv"))
    again = ingest(lake, tmp_path, RATINGS, "movieId,title\n1,Heat\n2,Alien\n")
    assert (again.rows_new, again.rows_quarantined) == (0, 4)
    assert adds_up(lake, 5) == (3, 2, 2)


def test_rows_that_keep_changed_rules_are_replayed(lake: Lake, tmp_path: Path) -> None:
    """Promise P2: after a rule has changed, the rows that keep it now go in, and the others stay, also films."""
    ingest(lake, tmp_path, RATINGS, FILMS)
    assert open_rows(lake)["reason"].sort().to_list() == [
        "bad-movie-id",
        "broken-row",
        "missing-value",
        "value-out-of-range",
        "year-out-of-range",
    ]
    told = replay(lake, config=IngestConfig(rating_max=10, first_year=1400))
    assert (told.replayed, told.new, told.open) == (2, 2, 3)
    assert lake.scan("movies").sort("movie_id").select("title", "year").collect().rows() == [
        ("Heat", 1995),
        ("Alien", 1492),
    ]
    assert replay(lake, config=CONFIG).replayed == 0


def test_mixed_up_columns_are_put_right(lake: Lake, tmp_path: Path) -> None:
    """Rows whose columns were mapped wrongly are replayed with the right ones."""
    columns = {"user_id": "film", "movie_id": "who"}
    ingest(lake, tmp_path, "who,film,rating,ts\nann,1,4,1700000000\nbob,2,3,1700000000\n", FILMS, columns=columns)
    assert open_rows(lake, table="interactions").height == 2
    told = replay(lake, config=IngestConfig(first_year=1400), columns={"user_id": "movie_id", "movie_id": "user_id"})
    assert (told.new, told.open) == (3, 0)
    assert lake.scan("interactions").select("user_id", "movie_id").sort("user_id").collect().rows() == [
        ("ann", 1),
        ("bob", 2),
    ]


def test_a_file_that_is_good_now_closes_what_was_refused_of_it(lake: Lake, tmp_path: Path) -> None:
    """Promise P2: rows that a later load of the same file takes in are marked as replayed; nothing counts twice."""
    ingest(lake, tmp_path, RATINGS, FILMS)
    report = ingest(lake, tmp_path, RATINGS, FILMS, IngestConfig(rating_max=10))
    assert (report.rows_good, report.rows_new, report.rows_quarantined) == (2, 1, 3)
    assert adds_up(lake, 5) == (2, 3, 1)


def test_a_crash_between_lake_and_mark_is_made_good(lake: Lake, tmp_path: Path, monkeypatch) -> None:
    """Promise P2: a replay that died after the rows were in and before they were marked is completed by the next."""
    ingest(lake, tmp_path, RATINGS, FILMS)
    real = lake.append

    def dies(table: str, *arguments, **options) -> int:
        if table == "replays":
            raise KeyboardInterrupt
        return real(table, *arguments, **options)

    monkeypatch.setattr(lake, "append", dies)
    with pytest.raises(KeyboardInterrupt):
        replay(lake, config=IngestConfig(rating_max=10))
    monkeypatch.undo()
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 2, tzinfo=UTC))
    told = replay(lake, config=IngestConfig(rating_max=10))
    assert (told.replayed, told.new) == (1, 0)
    assert adds_up(lake, 5) == (2, 3, 1)


def test_a_replayed_rating_keeps_the_scale_of_its_file(lake: Lake, tmp_path: Path) -> None:
    """A row of a file of 1 to 10 is replayed on that scale, and a rating that is missing does not become a like."""
    text = "user,item,rating,ts\na,1,10,1700000000\nb,1,10,soon\nc,1,,1700000000\n"
    ingest(lake, tmp_path, text, value_scale=(1, 10))
    export(open_rows(lake), tmp_path / "fix.csv")
    correct(tmp_path / "fix.csv", lambda row: row.update(event_time="1700000000"))
    told = replay(lake, config=CONFIG, corrected=read_corrected(tmp_path / "fix.csv"))
    assert (told.new, told.refused) == (1, {"missing-value": 1})
    assert lake.scan("interactions").collect()["value"].to_list() == [5.0, 5.0]


def test_only_one_table_is_exported_at_a_time(lake: Lake, tmp_path: Path) -> None:
    """An export of two tables, of nothing, or a file that is no export is refused with what to do."""
    with pytest.raises(SourceError, match="nothing is open"):
        export(open_rows(lake), tmp_path / "fix.csv")
    ingest(lake, tmp_path, RATINGS, FILMS)
    with pytest.raises(SourceError, match=r"interactions and movies.*--table movies"):
        export(open_rows(lake), tmp_path / "fix.csv")
    with pytest.raises(SourceError, match="no column quarantine_id"):
        read_corrected(tmp_path / "mine.csv")
    with pytest.raises(SourceError, match="cannot be read"):
        read_corrected(tmp_path / "absent.csv")
