"""The contract: every kind of bad row is caught, named and kept."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.core import clock
from movie_mlops.ingest import IngestConfig, IngestReport, SourceOptions, load, open_source
from movie_mlops.lake import Lake, LakeConfig

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

MOVIES = b"""movieId,title,genres,year
1,Toy Story (1995),Animation|Comedy,
6,Heat,Crime,1995
6,Heat again,Crime,1995
7,,Drama,1990
8,"  ",Drama,
x9,Nine,Drama,
,Nobody,Drama,
10,Too old,Drama,1492
11,What year,Drama,soon
12
-13,Negative,Drama,
"""
FILMS_REFUSED = [
    (4, "duplicate", "the same film as line 3"),
    (5, "empty-title", "title is empty"),
    (6, "empty-title", "title is empty"),
    (7, "bad-movie-id", "movie_id x9 is not a whole number"),
    (8, "missing-film", "movie_id is empty"),
    (9, "year-out-of-range", "year 1492 is not from 1870 to 2036"),
    (10, "bad-year", "year soon is not a year"),
    (11, "broken-row", "1 fields instead of 4"),
    (12, "bad-movie-id", "movie_id -13 is negative"),
]

RATINGS = b"""user,item,kind,rating,timestamp
ann,1,rating,4.5,964982703
ann,6,like,,964982704
ann,1,rating,4.5,964982703
ann,1,rating,2.0,964982703
bob,1,rating,0.4,964982703
bob,1,rating,5.5,964982703
bob,1,rating,,964982703
bob,1,rating,good,964982703
bob,1,rating,nan,964982703

bob,1,adore,,964982703
bob,1,,4,964982703
bob,1,like,3,964982703
bob,1,watch,1.5,964982703
bob,1,watch,0.5,964982703
,1,rating,4,964982703
bob,,rating,4,964982703
bob,one,rating,4,964982703
bob,1.5,rating,4,964982703
bob,-1,rating,4,964982703
bob,77,rating,4,964982703
bob,7,rating,4,964982703
bob,1,rating,4,soon
bob,1,rating,4,599999999
bob,1,rating,4,2000000000
bob,1,rating,4,2026-03-02T09:30:00Z
bob,1,rating,4,2026-03-02T09:30:01Z
bob,1,rating
bob,1,rating,4,964982703,more
b\xff\xfeb,1,rating,4,964982703
"bob,1,rating,4,964982703
\xeb\xb0\xa5,6.0,RATING,4,
"""
REFUSED = [
    (4, "duplicate", "the same user, film, kind and time as line 2"),
    (5, "duplicate", "the same user, film, kind and time as line 2"),
    (6, "value-out-of-range", "value 0.4 is not from 0.5 to 5 (a watch: 0 to 1)"),
    (7, "value-out-of-range", "value 5.5 is not from 0.5 to 5 (a watch: 0 to 1)"),
    (8, "missing-value", "the rating is empty"),
    (9, "bad-value", "value good is not a number"),
    (10, "bad-value", "value nan is not a number"),
    (12, "bad-kind", "kind adore is none of rating, like, dislike, view, watch, click, skip, withdraw"),
    (13, "missing-kind", "kind is empty"),
    (14, "unexpected-value", "value 3 belongs to no kind but rating and watch"),
    (15, "value-out-of-range", "value 1.5 is not from 0.5 to 5 (a watch: 0 to 1)"),
    (17, "missing-user", "user_id is empty"),
    (18, "missing-film", "movie_id is empty"),
    (19, "bad-movie-id", "movie_id one is not a whole number"),
    (20, "bad-movie-id", "movie_id 1.5 is not a whole number"),
    (21, "bad-movie-id", "movie_id -1 is negative"),
    (22, "unknown-film", "movie_id 77 is in no table of films"),
    (23, "unknown-film", "movie_id 7 is in no table of films"),
    (24, "bad-time", "event_time soon is neither epoch seconds or milliseconds nor ISO 8601"),
    (25, "time-too-early", "event_time 599999999 is before 1990-01-01"),
    (26, "time-in-future", "event_time 2000000000 is after 2026-03-02T09:30:00Z"),
    (28, "time-in-future", "event_time 2026-03-02T09:30:01Z is after 2026-03-02T09:30:00Z"),
    (29, "broken-row", "3 fields instead of 5"),
    (30, "broken-row", "6 fields instead of 5"),
    (31, "bad-encoding", "the line is not valid UTF-8"),
    (32, "broken-row", "the quotes do not pair up"),
]
GOOD = [
    ("mine|ann|1|rating|964982703", "ann", 1, "rating", 4.5),
    ("mine|ann|6|like|964982704", "ann", 6, "like", None),
    ("mine|bob|1|watch|964982703", "bob", 1, "watch", 0.5),
    ("mine|bob|1|rating|1772443800", "bob", 1, "rating", 4.0),
    ("mine|밥|6|rating|", "밥", 6, "rating", 4.0),
]


@pytest.fixture(autouse=True)
def _monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LakeConfig(tmp_path / "lake"))


def ingest(lake: Lake, folder: Path, ratings: bytes, movies: bytes | None = None, **options) -> IngestReport:
    (folder / "mine.csv").write_bytes(ratings)
    if movies is not None:
        (folder / "films.csv").write_bytes(movies)
        options["movies"] = folder / "films.csv"
    return load(open_source(f"file:{folder / 'mine.csv'}", downloads=folder, options=SourceOptions(**options)), lake)


def refused(lake: Lake, table: str) -> list[tuple[object, ...]]:
    rows = lake.scan("quarantine").filter(pl.col("table") == table).sort("line")
    return rows.select("line", "reason", "detail").collect().rows()


def test_every_kind_of_bad_row_is_in_the_quarantine_with_its_line(lake: Lake, tmp_path: Path) -> None:
    """A row that the contract refuses is in the quarantine with its line, a stable reason and what is wrong."""
    ingest(lake, tmp_path, RATINGS, MOVIES)
    assert refused(lake, "interactions") == REFUSED
    assert refused(lake, "movies") == FILMS_REFUSED


def test_good_and_quarantined_are_all_that_was_read(lake: Lake, tmp_path: Path) -> None:
    """Promise P2: good rows and quarantined rows together are the rows that were read; blank lines are no rows."""
    report = ingest(lake, tmp_path, RATINGS, MOVIES)
    lines = [line for line in RATINGS.splitlines()[1:] if line]
    assert report.rows_read == len(lines) == 31
    assert (report.rows_good, report.rows_new, report.rows_quarantined) == (5, 5, 26)
    assert (report.movies_read, report.movies, report.movies_quarantined) == (11, 2, 9)
    assert sum(report.reasons.values()) == 26
    assert report.reasons["broken-row"] == 3
    raws = lake.scan("quarantine").filter(pl.col("table") == "interactions").collect()
    for row in raws.iter_rows(named=True):
        line = RATINGS.splitlines()[row["line"] - 1]
        assert row["raw"] == line.decode("utf-8", "backslashreplace")
        assert (row["file"], row["source"], row["ingested_at"]) == ("mine.csv", "mine", NOW)


def test_good_rows_arrive_typed_under_a_readable_id(lake: Lake, tmp_path: Path) -> None:
    """A good row has its types, its time in UTC, and an id made of data set, user, film, kind and seconds."""
    ingest(lake, tmp_path, RATINGS, MOVIES)
    rows = lake.scan("interactions").collect()
    assert rows.select("event_id", "user_id", "movie_id", "kind", "value").rows() == GOOD
    assert rows["event_time"].to_list()[0] == datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC)
    assert rows["event_time"].to_list()[4] is None
    assert lake.scan("movies").select("movie_id", "title", "year", "genres").collect().rows() == [
        (1, "Toy Story", 1995, ["Animation", "Comedy"]),
        (6, "Heat", 1995, ["Crime"]),
    ]


def test_the_same_file_twice_changes_nothing(lake: Lake, tmp_path: Path) -> None:
    """Promise P1: the same file again adds no row to any table, not even to the quarantine, and makes no commit."""
    first = ingest(lake, tmp_path, RATINGS, MOVIES)
    again = ingest(lake, tmp_path, RATINGS, MOVIES)
    assert (again.rows_good, again.rows_new, again.rows_known, again.rows_quarantined) == (5, 0, 5, 26)
    assert again.reasons == first.reasons
    assert again.movies_new == 0
    assert again.versions == first.versions == {"movies": 0, "interactions": 0, "quarantine": 0}


def test_a_longer_file_adds_only_its_new_rows(lake: Lake, tmp_path: Path) -> None:
    """Promise P1: a file that overlaps an earlier one adds only what the lake does not have, good rows and bad ones."""
    ingest(lake, tmp_path, RATINGS, MOVIES)
    report = ingest(lake, tmp_path, RATINGS + b"eve,1,rating,3,964982703\neve,1,rating,9,964982703\n", MOVIES)
    assert (report.rows_read, report.rows_good, report.rows_new, report.rows_quarantined) == (33, 6, 1, 27)
    assert lake.scan("interactions").collect().height == 6
    assert len(refused(lake, "interactions")) == 27
    assert report.versions == {"movies": 0, "interactions": 1, "quarantine": 1}


def test_a_row_that_contradicts_the_lake_is_a_duplicate(lake: Lake, tmp_path: Path) -> None:
    """The same user, film, kind and time with another value is refused; the lake keeps the first."""
    ingest(lake, tmp_path, b"user,item,rating,ts\na,1,4,964982703\n")
    report = ingest(lake, tmp_path, b"user,item,rating,ts\na,1,3,964982703\n")
    assert (report.rows_read, report.rows_good, report.rows_new, report.reasons) == (1, 0, 0, {"duplicate": 1})
    assert refused(lake, "interactions") == [
        (2, "duplicate", "the lake has this user, film, kind and time with value 4.0")
    ]
    assert lake.scan("interactions").collect()["value"].to_list() == [4.0]


def test_parts_of_a_second_are_different_times(lake: Lake, tmp_path: Path) -> None:
    """Two events of one second are two events, where the source tells them apart."""
    report = ingest(lake, tmp_path, b"user,item,ts\na,1,1700000000001\na,1,1700000000002\na,1,1700000000001\n")
    assert (report.rows_good, report.reasons) == (2, {"duplicate": 1})
    assert lake.scan("interactions").collect()["event_id"].to_list() == [
        "mine|a|1|like|1700000000.001000",
        "mine|a|1|like|1700000000.002000",
    ]


def test_rows_without_ratings_are_likes(lake: Lake, tmp_path: Path) -> None:
    """A file without ratings and without kinds is a file of likes."""
    ingest(lake, tmp_path, b"user,item\na,1\n")
    assert lake.scan("interactions").select("kind", "value", "event_time").collect().rows() == [("like", None, None)]


def test_a_scale_is_stretched_only_when_asked(lake: Lake, tmp_path: Path) -> None:
    """Ratings from 1 to 10 become 0.5 to 5 when that scale is named, and are refused above 5 when it is not."""
    ratings = b"user,item,rating\na,1,1\na,2,10\na,3,5.5\na,4,11\n"
    assert ingest(lake, tmp_path, ratings).reasons == {"value-out-of-range": 3}
    other = Lake(LakeConfig(tmp_path / "scaled"))
    assert ingest(other, tmp_path, ratings, value_scale=(1, 10)).reasons == {"value-out-of-range": 1}
    assert other.scan("interactions").collect()["value"].to_list() == [0.5, 5.0, 2.75]
    assert refused(other, "interactions") == [
        (5, "value-out-of-range", "value 11 is not from 1 to 10 (a watch: 0 to 1)")
    ]


def test_limits_are_configuration(tmp_path: Path, lake: Lake) -> None:
    """What the contract accepts can be told."""
    path = tmp_path / "mine.csv"
    path.write_text("user,item,rating,ts\na,1,7,500000000\n")
    config = IngestConfig(rating_max=10, earliest=datetime(1980, 1, 1, tzinfo=UTC))
    assert load(open_source(f"file:{path}", downloads=tmp_path), lake, config=config).rows_good == 1


def test_bad_rows_of_a_parquet_file_are_kept_as_json(lake: Lake, tmp_path: Path) -> None:
    """A bad row of a Parquet file is in the quarantine with its row number and its values."""
    path = tmp_path / "mine.parquet"
    pl.DataFrame(
        {"user": [1, None, 3], "item": [10.0, 11.0, 12.5], "rating": [4, 4, 4], "timestamp": [964982703, None, None]}
    ).write_parquet(path)
    report = load(open_source(f"file:{path}", downloads=tmp_path), lake)
    assert (report.rows_read, report.rows_good, report.rows_quarantined) == (3, 1, 2)
    assert lake.scan("interactions").collect().row(0)[:5] == ("mine|1|10|rating|964982703", "1", 10, "rating", 4.0)
    rows = lake.scan("quarantine").select("line", "reason", "raw").collect().rows()
    assert rows == [
        (2, "missing-user", '{"user_id":null,"movie_id":11.0,"value":4,"event_time":null}'),
        (3, "bad-movie-id", '{"user_id":3,"movie_id":12.5,"value":4,"event_time":null}'),
    ]


def test_a_file_of_only_bad_rows_leaves_them_all_in_the_quarantine(lake: Lake, tmp_path: Path) -> None:
    """Promise P2: where nothing is good, everything is in the quarantine, and the tables exist."""
    report = ingest(lake, tmp_path, b"user,item,rating\n,1,4\na,x,4\n")
    assert (report.rows_read, report.rows_good, report.rows_quarantined) == (2, 0, 2)
    assert lake.scan("interactions").collect().height == 0
