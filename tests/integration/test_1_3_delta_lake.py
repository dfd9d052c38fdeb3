"""The lake on real Delta tables, in folders and on S3: commits, versions, notes, SQL."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from movie_mlops.core import clock
from movie_mlops.lake import SCHEMAS, ConflictError, Lake, LakeConfig, LakeError, QueryError, verify, writing
from movie_mlops.lake.streaming import Stream

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def movies(*rows: tuple[int, str, int | None, list[str]]) -> pl.DataFrame:
    filled = [(*row, [], None, None, None, None, [], [], None) for row in rows]
    return pl.DataFrame(filled, schema=SCHEMAS["movies"], orient="row")


HEAT = movies((6, "Heat", 1995, ["Action", "Crime"]))
ALIEN = movies((1214, "Alien", 1979, []))


def test_every_write_is_one_commit_that_can_be_read_again(lake: Lake) -> None:
    """Every write makes one version, and each version can be read again as it was."""
    assert lake.append("movies", HEAT) == 0
    assert lake.append("movies", ALIEN) == 1
    assert lake.overwrite("movies", ALIEN) == 2
    assert lake.scan("movies", version=0).collect().equals(HEAT)
    assert lake.scan("movies", version=1).collect().sort("movie_id").equals(pl.concat([HEAT, ALIEN]))
    assert lake.scan("movies").collect().equals(ALIEN)
    assert lake.version("movies") == 2


def test_hashes_can_be_taken_beside_what_is_written_next(lake: Lake) -> None:
    """When the block ends every file has its hash; a place that cannot take them is told, and the rows are there."""
    with lake.recorder.beside():
        for film in (1, 2, 3):
            lake.append("movies", movies((film, "Heat", 1995, [])))
    report = verify(lake, "movies")
    assert (report.versions, report.defects, report.without_hash) == (3, (), ())


def test_hashes_that_cannot_be_taken_are_told_after_the_block(tmp_path: Path) -> None:
    """The error comes one commit late, and says that the rows are safe."""
    lake = Lake(LakeConfig(tmp_path / "lake"))
    lake.append("movies", movies((1, "Heat", 1995, [])))
    shutil.rmtree(tmp_path / "lake" / "movies" / "_checksums")
    (tmp_path / "lake" / "movies" / "_checksums").write_text("in the way")
    with pytest.raises(LakeError, match="is written, but its checksums are not"), lake.recorder.beside():
        lake.append("movies", movies((2, "Alien", 1979, [])))
    assert lake.scan("movies").collect().height == 2


def test_types_come_back_as_they_went_in(lake: Lake) -> None:
    """Lists, times to the microsecond, nulls and non-Latin text survive a write and a read."""
    rows = pl.DataFrame(
        [
            ("e1", "김", 1, "rating", 4.5, MONDAY.replace(microsecond=1), MONDAY, "api"),
            ("e2", "b", 2, "like", None, None, MONDAY, "api"),
        ],
        schema=SCHEMAS["interactions"],
        orient="row",
    )
    lake.append("interactions", rows)
    back = lake.scan("interactions").collect()
    assert back.schema == SCHEMAS["interactions"]
    assert back.equals(rows)
    assert lake.sql("SELECT * FROM interactions").equals(rows)


def test_history_keeps_the_note_of_each_write(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history tells of each write: version, operation, rows and the writer's note."""
    lake.append("movies", HEAT, note={"source": "sample", "why": "first"})
    lake.overwrite("movies", pl.concat([HEAT, ALIEN]))
    told = [(commit.version, commit.operation, commit.rows, commit.note) for commit in lake.history("movies")]
    assert told == [(1, "overwrite", 2, {}), (0, "append", 1, {"source": "sample", "why": "first"})]
    assert abs((lake.history("movies")[0].time - clock.now()).total_seconds()) < 600


def test_tables_counts_rows_of_the_newest_version(lake: Lake) -> None:
    """The list of tables gives rows and version of what is current."""
    assert lake.tables() == []
    assert lake.version("movies") is None
    lake.append("movies", HEAT)
    lake.overwrite("movies", pl.concat([HEAT, ALIEN]))
    [table] = lake.tables()
    assert (table.name, table.version, table.rows) == ("movies", 1, 2)
    assert table.bytes > 0
    assert table.modified.tzinfo is UTC


def test_versions_are_never_forgotten(lake: Lake, tmp_path: Path) -> None:
    """A table is made so that Delta never cleans its log or files away by age."""
    lake.append("movies", HEAT)
    configuration = lake.delta("movies").metadata().configuration
    assert configuration["delta.logRetentionDuration"] == "interval 36500 days"
    assert configuration["delta.deletedFileRetentionDuration"] == "interval 36500 days"
    assert isinstance(lake.delta("movies"), DeltaTable)


def test_a_frame_with_another_schema_is_refused(lake: Lake) -> None:
    """A write that does not fit its table is refused with the columns named, and nothing is written."""
    with pytest.raises(LakeError, match="movie_id: String instead of Int64"):
        lake.append("movies", HEAT.cast({"movie_id": pl.String}))
    with pytest.raises(LakeError, match="year: missing instead of Int32"):
        lake.overwrite("movies", HEAT.drop("year"))
    assert lake.tables() == []


def test_an_unknown_table_takes_the_schema_of_its_first_write(lake: Lake) -> None:
    """A table that nobody declared gets its first frame's schema, keeps it on append and may change it on overwrite."""
    lake.append("film_means", pl.DataFrame({"movie_id": [1], "mean": [3.5]}))
    with pytest.raises(LakeError, match="mean: missing instead of Float64"):
        lake.append("film_means", pl.DataFrame({"movie_id": [1]}))
    lake.overwrite("film_means", pl.DataFrame({"movie_id": [1], "median": [4.0]}))
    assert lake.scan("film_means").collect().to_dicts() == [{"movie_id": 1, "median": 4.0}]
    assert lake.scan("film_means", version=0).collect().to_dicts() == [{"movie_id": 1, "mean": 3.5}]


def test_a_missing_table_or_version_names_the_nearest(lake: Lake) -> None:
    """An unknown table or version is refused with the nearest that exists."""
    with pytest.raises(LakeError, match="it is empty"):
        lake.scan("movies")
    lake.append("movies", HEAT)
    with pytest.raises(LakeError, match=r"no table 'movie' .*Did you mean 'movies'\?"):
        lake.scan("movie")
    with pytest.raises(LakeError, match=r"versions 0 to 0; there is no version 7\. Ask for version 0"):
        lake.scan("movies", version=7)
    with pytest.raises(LakeError, match="no version -1"):
        lake.history("movies") and lake.scan("movies", version=-1)


def test_sql_joins_tables_at_the_versions_asked(lake: Lake) -> None:
    """SQL reads every table, at the versions asked for."""
    lake.append("movies", HEAT)
    lake.append("movies", ALIEN)
    lake.append("means", pl.DataFrame({"movie_id": [6], "mean": [3.5]}))
    query = "SELECT title, mean FROM movies LEFT JOIN means USING (movie_id) ORDER BY title"
    assert lake.sql(query).rows() == [("Alien", None), ("Heat", 3.5)]
    assert lake.sql(query, versions={"movies": 0}).rows() == [("Heat", 3.5)]


def test_sql_sees_a_table_without_rows(lake: Lake) -> None:
    """A table that has no rows is there all the same, with its columns."""
    lake.append("movies", HEAT.clear())
    assert lake.sql("SELECT count(*) AS n FROM movies").rows() == [(0,)]
    assert lake.sql("SELECT title FROM movies").columns == ["title"]


@pytest.mark.parametrize(
    "query",
    [
        "DROP VIEW movies",
        "CREATE TABLE x (a INT)",
        "SELECT 1; SELECT 2",
        "COPY movies TO 'stolen.csv'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "ATTACH 'other.db'",
        "DELETE FROM movies",
        "",
    ],
)
def test_sql_that_does_not_only_read_is_refused(lake: Lake, query: str) -> None:
    """Anything but one reading statement is refused."""
    lake.append("movies", HEAT)
    with pytest.raises(QueryError, match="only reads"):
        lake.sql(query)


def test_sql_cannot_leave_the_lake(lake: Lake, tmp_path: Path) -> None:
    """A query cannot open a file outside the tables."""
    lake.append("movies", HEAT)
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nsesame\n")
    with pytest.raises(QueryError, match="Cannot access file"):
        lake.sql(f"SELECT * FROM read_csv('{secret}')")


def test_sql_mistakes_name_the_tables(lake: Lake) -> None:
    """A wrong query gets DuckDB's sentence and the tables that exist."""
    lake.append("movies", HEAT)
    with pytest.raises(QueryError, match=r"(?s)nope does not exist.*The tables are: movies"):
        lake.sql("SELECT * FROM nope")
    with pytest.raises(QueryError, match="syntax error"):
        lake.sql("SELEC 1")


def test_writers_at_the_same_time_lose_nothing(lake_config: LakeConfig) -> None:
    """Promise P1: appends from several threads at once, the first ones included, each make a version of their own."""

    def write(writer: int) -> list[int]:
        own = Lake(lake_config)
        return [own.append("counts", pl.DataFrame({"writer": [writer], "number": [n]})) for n in range(3)]

    with ThreadPoolExecutor(4) as pool:
        versions = [version for versions in pool.map(write, range(4)) for version in versions]
    assert sorted(versions) == list(range(12))
    rows = Lake(lake_config).scan("counts").sort("writer", "number").collect().rows()
    assert rows == [(writer, number) for writer in range(4) for number in range(3)]


def test_a_folder_that_delta_cannot_take_is_refused(tmp_path: Path) -> None:
    """A lake in a folder whose name the libraries misread is refused before anything is written."""
    with pytest.raises(LakeError, match=r"its path holds \[ \]\. Name another folder"):
        Lake(LakeConfig(tmp_path / "home [1]"))
    assert list(tmp_path.iterdir()) == []


OLDER = [name for name in SCHEMAS["movies"] if name not in {"keywords", "cast", "series"}]


def write_older(lake: Lake, films: pl.DataFrame) -> None:
    """Write the table of films as it was before it had keywords and a cast."""
    lake.storage.prepare()
    write_deltalake(lake.storage.address("movies"), films.select(OLDER), storage_options=lake.storage.options or None)


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_table_from_before_a_column_is_read_and_grows_at_its_next_write(lake: Lake, mode: str) -> None:
    """Older rows read the new columns as empty; the next write brings the table up to date in its own commit."""
    write_older(lake, HEAT)
    assert lake.scan("movies").collect().equals(HEAT)
    assert lake.scan("movies").select("cast").collect().rows() == [([],)]
    told = ALIEN.with_columns(pl.Series("keywords", [["space"]]), pl.Series("cast", [["Sigourney Weaver"]]))
    new = told if mode == "append" else pl.concat([HEAT, told])
    assert getattr(lake, mode)("movies", new) == 1
    assert lake.scan("movies").sort("movie_id").collect().equals(pl.concat([HEAT, told]))
    assert lake.scan("movies", version=0).collect().equals(HEAT)
    assert [field.name for field in lake.delta("movies").schema().fields] == list(SCHEMAS["movies"])
    assert lake.sql("SELECT movie_id FROM movies WHERE list_contains(keywords, 'space')").rows() == [(1214,)]
    assert lake.append("movies", HEAT) == 2


def test_a_write_that_another_writer_overtook_is_refused_whole(lake: Lake) -> None:
    """A commit that must be the very next one is refused after any other, and writes nothing; so is a second first."""
    assert lake.append("movies", HEAT, after=None) == 0
    with pytest.raises(ConflictError, match="after version None; nothing was written"):
        lake.append("movies", HEAT, after=None)
    assert lake.append("movies", ALIEN, after=0) == 1
    for write in (lake.append, lake.overwrite):
        with pytest.raises(ConflictError, match="after version 0"):
            write("movies", HEAT, after=0)
    assert lake.version("movies") == 1


def test_a_writer_that_is_overtaken_while_it_writes_is_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit itself finds the other writer, not only the look before it, also where both would make the table."""
    for after in (None, 0):
        real = writing.write_deltalake

        def overtaken(*arguments, real=real, **options):
            monkeypatch.setattr(writing, "write_deltalake", real)
            lake.append("movies", ALIEN)
            real(*arguments, **options)

        monkeypatch.setattr(writing, "write_deltalake", overtaken)
        with pytest.raises(ConflictError):
            lake.append("movies", HEAT, after=after, cursors={"shop": 7})
        assert lake.scan("movies").collect()["title"].unique().to_list() == ["Alien"]
        assert lake.cursor("movies", "shop") is None


def test_a_cursor_stands_with_the_rows_of_its_commit(lake: Lake) -> None:
    """A cursor is what the last commit that named it left, and other commits leave it alone."""
    assert lake.cursor("movies", "shop") is None
    lake.append("movies", HEAT, cursors={"shop": 1_700_000_000_000_000, "other": -5})
    lake.append("movies", ALIEN)
    assert (lake.cursor("movies", "shop"), lake.cursor("movies", "other")) == (1_700_000_000_000_000, -5)
    lake.append("movies", ALIEN.clear(), after=1, cursors={"shop": 1_800_000_000_000_000})
    assert lake.cursor("movies", "shop") == 1_800_000_000_000_000


def test_a_first_write_that_was_cut_off_is_no_table(lake: Lake, tmp_path: Path) -> None:
    """A folder with an empty log, as a kill or a full disk leaves it, is no table, and the next write makes it one."""
    lake.append("movies", HEAT)
    log = next(tmp_path.glob("*/movies/_delta_log"), None)
    if log is None:
        pytest.skip("on S3 there are no folders to be empty")
    for entry in log.glob("*.json"):
        entry.unlink()
    assert (lake.names(), lake.version("movies")) == ([], None)
    assert lake.append("movies", ALIEN, after=None) == 0
    assert lake.scan("movies").collect()["title"].to_list() == ["Alien"]


def film(number: int) -> pl.DataFrame:
    return movies((number, f"Film {number}", 1999, []))


def test_frames_are_written_one_after_the_other_in_one_commit(lake: Lake) -> None:
    """A frame is made only once the one before it was taken, and may be made from what was scanned before."""
    lake.append("movies", HEAT)
    before = lake.scan("movies")
    made: list[int] = []

    def frames() -> Iterator[pl.DataFrame]:
        for number in range(1, 4):
            made.append(number)
            yield film(number * before.collect().height)

    stream = Stream(frames())
    batches = iter(stream.reader())
    assert (next(batches).num_rows, made) == (1, [1])
    assert (next(batches).num_rows, made) == (1, [1, 2])
    assert lake.overwrite("movies", frames()) == 1
    assert lake.scan("movies").collect().sort("movie_id").equals(pl.concat([film(1), film(2), film(3)]))
    assert verify(lake, "movies").defects == ()


def test_frames_that_cannot_be_made_leave_the_table_as_it_was(lake: Lake) -> None:
    """What went wrong where a frame was made is what is told; a later frame of another schema is refused."""
    lake.append("movies", HEAT)

    def broken() -> Iterator[pl.DataFrame]:
        yield film(1)
        raise LookupError("the second frame")

    with pytest.raises(LookupError, match="the second frame"):
        lake.overwrite("movies", broken())
    with pytest.raises(LakeError, match="A later frame differs from the first"):
        lake.overwrite("movies", [film(1), film(2).drop("title")])
    with pytest.raises(LakeError, match="does not have the schema"):
        lake.overwrite("movies", [film(1).drop("title")])
    assert lake.version("movies") == 0
    assert lake.scan("movies").collect().equals(HEAT)
