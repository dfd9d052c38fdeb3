"""Care of the lake, in folders and on S3: compaction, vacuum, checks."""

import json
import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from movie_mlops.core import clock
from movie_mlops.lake import SCHEMAS, CareError, Lake, LakeError, compact, compaction, vacuum, verify
from movie_mlops.lake.compaction import fingerprint
from movie_mlops.lake.log import read_entry

FILMS = range(9_000)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def ratings(*rows: tuple[str, int, float | None]) -> pl.DataFrame:
    filled = [(f"x|{user}|{film}", user, film, "rating", value, NOON, NOON, "x") for user, film, value in rows]
    return pl.DataFrame(filled, schema=SCHEMAS["interactions"], orient="row")


ANN = ratings(("ann", 1, 4.5), ("ann", 2, None))
BOB = ratings(("bob", 1, 0.5), ("bob", 3, 5.0))
ZOE = ratings(("zoe", 9, 3.0))


def rows(lake: Lake, table: str = "interactions", version: int | None = None) -> list[tuple[object, ...]]:
    return lake.scan(table, version=version).sort(pl.all()).collect().rows()


def files(lake: Lake, table: str = "interactions") -> list[str]:
    return [file.path for file in lake.storage.files(table) if file.path.endswith(".parquet")]


def problems(lake: Lake, table: str = "interactions") -> list[str]:
    return [str(defect) for defect in verify(lake, table).defects]


@pytest.fixture
def three(lake: Lake) -> Lake:
    """A lake whose table of interactions was written in three parts."""
    for part in (ANN, BOB, ZOE):
        lake.append("interactions", part)
    return lake


def test_compaction_joins_files_and_changes_no_row(three: Lake) -> None:
    """Three files become one in one commit; rows, older versions and checksums are as before."""
    before = rows(three)
    report = compact(three, "interactions")
    assert (report.version, report.files_before, report.files_after, report.rows) == (3, 3, 1, 5)
    assert rows(three) == before
    assert rows(three, version=1) == pl.concat([ANN, BOB]).sort(pl.all()).rows()
    assert [commit.operation for commit in three.history("interactions")] == ["optimize", "append", "append", "append"]
    assert problems(three) == []
    assert verify(three, "interactions").without_hash == ()


def test_compaction_that_has_nothing_to_do_commits_nothing(three: Lake) -> None:
    """A second compaction makes no version; a new row gives it work again."""
    compact(three, "interactions")
    assert compact(three, "interactions").version is None
    three.append(
        "movies",
        pl.DataFrame(
            [(1, "Heat", 1995, [], [], None, None, None, None, [], [], None)], SCHEMAS["movies"], orient="row"
        ),
    )
    assert compact(three, "movies").version is None
    three.append("interactions", ratings(("eve", 5, 2.0)))
    assert compact(three, "interactions").version == 5


def test_compaction_puts_the_rows_of_a_user_together(lake: Lake) -> None:
    """After a compaction, a reader of one user needs one or two of the row groups, whatever the order before."""
    pairs = [(f"u{user:03d}", film) for film in range(400) for user in range(400)]
    parts = ratings(*((user, film, 3.0) for user, film in pairs)).sample(fraction=1, shuffle=True, seed=1)
    lake.append("interactions", parts[:100_000])
    lake.append("interactions", parts[100_000:])
    report = compact(lake, "interactions")
    [data] = read_adds(lake, report.version)
    groups = row_groups(lake, data.path)
    assert len(groups) == 5
    assert all(sum(low <= f"u{user:03d}" <= high for low, high in groups) <= 2 for user in range(400))


def test_compaction_packs_interactions_smaller(lake: Lake) -> None:
    """Keys that begin alike stay packed as what differs, now by what packs well rather than fast."""
    chance = random.Random(4)
    for part in range(2):
        said = [(f"u{part}{user}", film, 4.0) for user in range(200) for film in sorted(chance.sample(FILMS, 50))]
        times = pl.Series([chance.randrange(1_600_000_000) for _ in said])
        told = ratings(*said).with_columns(
            pl.format("{}|rating|{}", "event_id", times).alias("event_id"),
            pl.from_epoch(times, "s").cast(SCHEMAS["interactions"]["event_time"]).alias("event_time"),
        )
        lake.append("interactions", told)
    report = compact(lake, "interactions")
    assert report.bytes_after < 0.8 * report.bytes_before


def row_groups(lake: Lake, path: str) -> list[tuple[str, str]]:
    """The lowest and highest user of each row group."""
    content = lake.storage.read(f"interactions/{path}")
    found, start = [], 0
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        Path(file.name).write_bytes(content)
        sizes = [
            size
            for (size,) in duckdb.sql(
                f"SELECT row_group_num_rows FROM parquet_metadata('{file.name}') WHERE path_in_schema = 'user_id' "
                "ORDER BY row_group_id"
            ).fetchall()
        ]
        frame = pl.read_parquet(file.name)
    for size in sizes:
        group = frame[start : start + size]
        found.append((group["user_id"].min(), group["user_id"].max()))
        start += size
    return found


def test_a_compaction_that_changes_rows_is_undone(three: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the rows differ afterwards, the version before is put back and the command fails."""
    before = rows(three)
    seen: list[int] = []

    def wrong(scan: pl.LazyFrame) -> tuple[int, ...]:
        seen.append(1)
        return (*fingerprint(scan), len(seen))

    monkeypatch.setattr(compaction, "fingerprint", wrong)
    with pytest.raises(CareError, match=r"changed its rows .*version 2 is put back"):
        compact(three, "interactions")
    assert rows(three) == before
    assert three.version("interactions") == 4
    assert len(three.delta("interactions").get_add_actions()) == 3


def test_fingerprints_tell_multisets_apart() -> None:
    """The proof sees a changed value, a lost and a doubled row, a null for an empty list; it does not see the order."""
    base = pl.DataFrame({"a": [1, 2, 2], "g": [["x"], [], None]}).lazy()
    same = pl.DataFrame({"a": [2, 1, 2], "g": [None, ["x"], []]}).lazy()
    assert fingerprint(base) == fingerprint(same)
    others = [
        {"a": [1, 2, 3], "g": [["x"], [], None]},
        {"a": [1, 2], "g": [["x"], []]},
        {"a": [1, 1, 2, 2], "g": [["x"], ["x"], [], None]},
        {"a": [1, 2, 2], "g": [["x"], None, None]},
    ]
    for other in others:
        assert fingerprint(pl.DataFrame(other, schema_overrides={"g": pl.List(pl.String)}).lazy()) != fingerprint(base)


def test_vacuum_removes_nothing_that_the_retention_needs(three: Lake) -> None:
    """Versions of the last days stay, however often the table was rewritten since."""
    compact(three, "interactions")
    report = vacuum(three, "interactions", keep_days=30)
    assert (report.files, report.given_up, report.kept) == ((), (), (0, 1, 2, 3))
    assert len(files(three)) == 4


def test_vacuum_keeps_what_kept_versions_need(three: Lake) -> None:
    """Beyond the retention, the newest version and those that are kept stay readable, and every other is given up."""
    compact(three, "interactions")
    third = rows(three, version=1)
    planned = vacuum(three, "interactions", keep_days=0, kept={1}, dry_run=True)
    assert (len(planned.files), planned.given_up, len(files(three))) == (1, (2,), 4)
    report = vacuum(three, "interactions", keep_days=0, kept={1})
    assert (report.files, report.bytes, report.given_up, report.kept) == (
        planned.files,
        planned.bytes,
        (2,),
        (0, 1, 3),
    )
    assert len(files(three)) == 3
    assert rows(three, version=1) == third
    assert len(rows(three)) == 5
    with pytest.raises(LakeError, match="Version 2 of table 'interactions' was given up by a vacuum on 20"):
        three.scan("interactions", version=2)
    assert problems(three) == []
    assert verify(three, "interactions").versions == 3
    assert three.append("interactions", ratings(("eve", 5, 2.0))) == 4


def test_vacuum_counts_from_when_a_version_was_replaced(three: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version is as old as the commit that replaced it, however long it was the newest before."""
    three.overwrite("interactions", ZOE)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=29))
    assert vacuum(three, "interactions", keep_days=30).given_up == ()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=31))
    assert vacuum(three, "interactions", keep_days=30).given_up == (0, 1, 2)
    assert rows(three) == rows(three, version=3) == ZOE.rows()


def test_vacuum_keeps_a_version_that_was_the_newest_for_long(lake: Lake) -> None:
    """A version of 90 days ago that was replaced 10 days ago was in use all the while: 30 days keep it."""
    for version, (part, days) in enumerate([(ANN, 100), (BOB, 90), (ANN, 10), (ZOE, 5)]):
        lake.overwrite("interactions", part)
        set_time(lake, version, clock.now() - timedelta(days=days))
    assert vacuum(lake, "interactions", keep_days=30).kept == (1, 2, 3)
    assert vacuum(lake, "interactions", keep_days=7).kept == (2, 3)


def set_time(lake: Lake, version: int, moment: datetime) -> None:
    """Make the log say that a version was written at another time."""
    path = f"interactions/_delta_log/{version:020d}.json"
    actions = [json.loads(line) for line in lake.storage.read(path).splitlines()]
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"]["timestamp"] = int(moment.timestamp() * 1000)
    lake.storage.write(path, "\n".join(json.dumps(action) for action in actions).encode())


def test_vacuum_leaves_a_writer_at_work_alone(three: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that no version names yet goes after a day, not at once, even with no retention at all."""
    three.storage.write("interactions/part-of-a-dead-writer.parquet", b"half")
    assert vacuum(three, "interactions", keep_days=0).files == ()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=2))
    assert vacuum(three, "interactions", keep_days=0).files == ("part-of-a-dead-writer.parquet",)
    assert len(rows(three)) == 5


def test_vacuum_of_a_damaged_log_removes_nothing(three: Lake) -> None:
    """Without a whole log nobody knows what is needed: the vacuum is refused."""
    three.overwrite("interactions", ZOE)
    three.storage.write("interactions/_delta_log/00000000000000000001.json", b"{")
    with pytest.raises(CareError, match="log of table 'interactions' is not whole"):
        vacuum(three, "interactions", keep_days=0)
    assert len(files(three)) == 4


def test_verify_finds_nothing_where_all_is_well(three: Lake) -> None:
    """A whole table has no defect, and every file a recorded hash."""
    found = verify(three, "interactions")
    assert (found.versions, found.files, found.without_hash, found.defects) == (3, 3, (), ())
    with pytest.raises(LakeError, match="Did you mean 'interactions'"):
        verify(three, "interaction")


def test_verify_names_each_damaged_file(three: Lake) -> None:
    """A lost file, a cut one and one with a flipped byte are each named with what is wrong."""
    lost, cut, flipped = files(three)
    three.storage.delete([f"interactions/{lost}"])
    content = three.storage.read(f"interactions/{cut}")
    three.storage.write(f"interactions/{cut}", content[:-1])
    other = bytearray(three.storage.read(f"interactions/{flipped}"))
    other[len(other) // 2] ^= 1
    three.storage.write(f"interactions/{flipped}", bytes(other))
    assert sorted(problems(three)) == sorted(
        [
            f"interactions: {lost} is missing",
            f"interactions: {cut} has {len(content) - 1:,} bytes; the log says {len(content):,}",
            f"interactions: {flipped} has other bytes than were written (SHA-256)",
        ]
    )


def change_add(lake: Lake, version: int, **stats: object) -> None:
    """Rewrite the statistics in a log entry, and forget the hashes of that version."""
    path = f"interactions/_delta_log/{version:020d}.json"
    actions = [json.loads(line) for line in lake.storage.read(path).splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["stats"] = json.dumps(json.loads(action["add"]["stats"]) | stats)
    lake.storage.write(path, "\n".join(json.dumps(action) for action in actions).encode())
    lake.storage.delete([f"interactions/_checksums/{version:020d}.json"])


def test_verify_compares_the_rows_with_the_log(three: Lake) -> None:
    """A log that says another number of rows, of nulls or another bound than the file has is found; so is no hash."""
    [file] = [add.path for add in read_adds(three, 0)]
    late = "2026-03-02T12:00:00.001Z"
    change_add(
        three,
        0,
        numRecords=7,
        nullCount={"value": 0},
        minValues={"user_id": "b", "movie_id": 2, "event_time": late},
        maxValues={"movie_id": 1},
    )
    assert problems(three) == [
        f"interactions: {file} has 2 rows; the log says 7",
        f"interactions: {file} holds user_id ann; the log says that its minimum is b",
        f"interactions: {file} holds movie_id 1; the log says that its minimum is 2",
        f"interactions: {file} holds movie_id 2; the log says that its maximum is 1",
        f"interactions: {file} has 1 nulls in value; the log says 0",
        f"interactions: {file} holds event_time 2026-03-02 12:00:00+00:00; the log says that its minimum is {late}",
    ]
    assert verify(three, "interactions").without_hash == (file,)


def read_adds(lake: Lake, version: int):
    return read_entry(lake.storage, "interactions", version).added


def test_verify_names_gaps_and_damage_in_the_log(three: Lake) -> None:
    """A missing, a changed and an unreadable log entry are each named; checksums too."""
    entry = "interactions/_delta_log/{:020d}.json".format
    three.storage.write(entry(1), three.storage.read(entry(1)) + b"\n")
    assert problems(three) == ["interactions: version 1 has a log entry that is not the one that was written (SHA-256)"]
    three.storage.write(entry(1), b'{"add": 3}')
    three.storage.delete([entry(0)])
    three.storage.write("interactions/_checksums/00000000000000000001.json", b"[]")
    told = problems(three)
    assert told[:3] == [
        "interactions: _checksums/00000000000000000001.json is damaged, so its hashes cannot be compared",
        "interactions: version 0 has no log entry: the log has a gap",
        "interactions: version 1 has a damaged log entry",
    ]
    assert any(line.startswith("interactions: the table cannot be opened") for line in told[3:])
