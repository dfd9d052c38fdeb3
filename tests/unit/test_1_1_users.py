"""What is known of users, from files into the lake."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.core import clock
from movie_mlops.ingest import (
    CONTRACTS,
    IngestConfig,
    SourceError,
    SourceOptions,
    load,
    open_rows,
    open_source,
    replay,
    validate,
)
from movie_mlops.lake import BATCHES, USERS, Lake, LakeConfig
from tests.unit.test_1_1_sources import CSV, DAT_1M, K100, fill

RATINGS = "user,item,rating,ts\na,1,4,1700000000\nb,1,3,1700000000\n"
PEOPLE = "id,Sex,age,Job,zip\na,F,31,writer,12345\nb,M,thirty,,\nc,,200,,\na,M,31,,\n"


@pytest.fixture(autouse=True)
def _monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LakeConfig(tmp_path / "lake"))


def brought(lake: Lake, folder: Path, files: dict[str, str | bytes]) -> list[tuple[object, ...]]:
    source = open_source(f"movielens:{fill(folder, files)}", downloads=folder)
    load(source, lake, config=IngestConfig())
    return lake.scan(USERS).sort("user_id").collect().rows()


def test_releases_tell_of_their_users(lake: Lake, tmp_path: Path) -> None:
    """``users.dat`` of ml-1m and ``u.user`` of ml-100k come in, each in its own order; occupations are words."""
    assert brought(lake, tmp_path / "ml-1m", DAT_1M) == [("1", "F", 1, "K-12 student", "48067")]
    other = Lake(LakeConfig(tmp_path / "other"))
    assert brought(other, tmp_path / "ml-100k", K100) == [("196", "M", 24, "technician", "85711")]


def test_a_release_without_users_leaves_no_table(lake: Lake, tmp_path: Path) -> None:
    """Where nothing is known of users there is no table of them, and no count of a load says otherwise."""
    source = open_source(f"movielens:{fill(tmp_path / 'ml-latest', CSV)}", downloads=tmp_path)
    report = load(source, lake, config=IngestConfig())
    assert lake.version(USERS) is None
    assert (report.users, USERS in report.versions) == (0, False)
    assert USERS not in lake.scan(BATCHES).collect()["table"]


def files(tmp_path: Path, people: str = PEOPLE) -> SourceOptions:
    (tmp_path / "mine.csv").write_text(RATINGS)
    (tmp_path / "people.csv").write_text(people)
    return SourceOptions(users=tmp_path / "people.csv")


def test_a_file_of_users_keeps_to_its_contract(lake: Lake, tmp_path: Path) -> None:
    """Known names of columns are found; an age that is none, or of nobody alive, and a user twice are refused."""
    options = files(tmp_path)
    source = open_source(f"file:{tmp_path / 'mine.csv'}", downloads=tmp_path, options=options)
    told = validate(source, lake)[USERS]
    report = load(source, lake, config=IngestConfig())
    reasons = {"age-out-of-range": 1, "bad-age": 1, "duplicate": 1}
    assert report.user_reasons == told.reasons == reasons
    assert (report.users, report.users_new, report.users_quarantined) == (told.good, told.new, 3) == (1, 1, 3)
    assert lake.scan(USERS).collect().rows() == [("a", "F", 31, "writer", "12345")]
    assert load(source, lake, config=IngestConfig()).users_new == 0


def test_a_corrected_user_reaches_the_lake(lake: Lake, tmp_path: Path) -> None:
    """A refused user comes out of the quarantine once corrected; what is said of it later is added."""
    source = open_source(f"file:{tmp_path / 'mine.csv'}", downloads=tmp_path, options=files(tmp_path))
    load(source, lake, config=IngestConfig())
    rows = open_rows(lake, table=USERS, reason="bad-age")
    [quarantined] = rows["quarantine_id"].to_list()
    corrected = {quarantined: {"user_id": "b", "gender": "M", "age": "30"}}
    done = replay(lake, config=IngestConfig(), rows=rows, corrected=corrected)
    assert (done.replayed, done.new) == (1, 1)
    (tmp_path / "people.csv").write_text("id,age,job\nb,,doctor\n")
    load(source, lake, config=IngestConfig())
    assert lake.scan(USERS).sort("user_id").collect().rows() == [
        ("a", "F", 31, "writer", "12345"),
        ("b", "M", 30, "doctor", None),
    ]


def test_what_tells_of_people_is_in_no_statistics(lake: Lake, tmp_path: Path) -> None:
    """Columns that the contract calls personal are counted nowhere: no least, no greatest value of them is kept."""
    load(
        open_source(f"file:{tmp_path / 'mine.csv'}", downloads=tmp_path, options=files(tmp_path)),
        lake,
        config=IngestConfig(),
    )
    kept = lake.scan(BATCHES).filter(pl.col("table") == USERS).collect()["statistics"][0]
    personal = {column.name for column in CONTRACTS[USERS].columns if column.personal}
    assert personal == {"gender", "age", "occupation", "postcode"}
    assert not any(f'"{name}"' in kept for name in personal)
    assert '"user_id"' in kept


def test_a_file_that_is_none_of_users_is_refused(tmp_path: Path) -> None:
    """A missing file and one without users are named, with the option that says what is meant."""
    options = files(tmp_path, "name,age\nx,3\n")
    source = open_source(f"file:{tmp_path / 'mine.csv'}", downloads=tmp_path, options=options)
    with pytest.raises(SourceError, match="--user-column"):
        source.prepare()
    with pytest.raises(SourceError, match="--users"):
        open_source(f"file:{tmp_path / 'mine.csv'}", downloads=tmp_path, options=SourceOptions(users=tmp_path / "no"))
