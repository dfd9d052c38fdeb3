"""What is personal is sealed at rest: no file of the home tells it, and whoever may read it reads it as before."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.core import columns as c
from movie_mlops.core.progress import SILENT
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.flows.erasure import erase, export
from movie_mlops.flows.ingest import ingest
from movie_mlops.ingest import CONTRACTS, IngestConfig, SourceOptions, load, open_rows, open_source, replay
from movie_mlops.ingest.config import Mode, TableModes
from movie_mlops.ingest.report.figures import Tables, reasons
from movie_mlops.ingest.sources import Source
from movie_mlops.lake import (
    EXTRAS,
    QUARANTINE,
    SEALED,
    USERS,
    Lake,
    LakeConfig,
    LakeError,
    compact,
    diff,
    erase_rows,
    restore,
    seal_plain,
    verify,
)
from movie_mlops.security.envelope import DataKeys, EnvelopeError, TamperedError, facts_of
from tests.fixtures.stage_7.canary_home import opened

CANARIES = ("canary-gender", "canary-trade", "canary-street", "canary-age", "canary-nickname", "canary-again")
SEALED_TABLES = (USERS, QUARANTINE, EXTRAS)
KEEPING = IngestConfig(users=TableModes(new_column=Mode.EVOLVE))


def write_source(folder: Path, *, trade: str = "canary-trade") -> Source:
    """Three users whose facts are canaries: one refused for an age, one told twice, and a column of no table."""
    folder.mkdir(parents=True, exist_ok=True)
    people = ["ann", "bob", "cem"]
    rated = "\n".join(f"{user},1,4.0,{1_704_067_200 + place}" for place, user in enumerate(people))
    (folder / "ratings.csv").write_text(f"user_id,movie_id,value,event_time\n{rated}\n")
    (folder / "movies.csv").write_text("movie_id,title,year,genres\n1,One,1990,Drama\n")
    told = [
        f"ann,canary-gender,31,{trade},canary-street,canary-nickname",
        "bob,canary-gender,canary-age,canary-trade,canary-street,canary-nickname",
        "cem,canary-gender,77,canary-trade,canary-street,canary-nickname",
        "cem,canary-gender,77,canary-again,canary-street,canary-nickname",
    ]
    (folder / "users.csv").write_text("\n".join(["user_id,gender,age,occupation,postcode,nickname", *told]) + "\n")
    options = SourceOptions(
        movies=folder / "movies.csv", users=folder / "users.csv", dataset="canary", columns={}, value_scale=(0.5, 5.0)
    )
    return open_source(f"file:{folder / 'ratings.csv'}", downloads=folder / "downloads", options=options)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = opened(tmp_path / "home", config=PlatformConfig(ingest=KEEPING))
    yield platform
    platform.close()


def told_in(home: Path) -> list[str]:
    """Return the files that tell a canary: by their bytes, and tables by what is in them."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        texts = path.read_bytes()
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path, glob=False)
            texts += b"\n".join(str(value).encode() for name in frame.columns for value in frame[name].to_list())
        found += [str(path.relative_to(home)) for canary in CANARIES if canary.encode() in texts]
    return found


def facts(lake: Lake) -> dict[str, tuple[object, ...]]:
    return {row[0]: row[1:] for row in lake.scan(USERS).collect().rows()}


def facts_in_files(lake: Lake) -> int:
    """Return how many rows of files of users, of whatever version, tell a postcode in the clear."""
    paths = [file.path for file in lake.storage.files(USERS) if file.path.endswith(".parquet")]
    kept = (lake.scan_file(USERS, path, as_kept=True).collect() for path in paths if not path.startswith("_"))
    return sum(rows[c.POSTCODE].len() - rows[c.POSTCODE].null_count() for rows in kept)


def plain(home: Path, source: Source) -> Lake:
    """A lake from before anything was sealed, of two versions of each table."""
    lake = Lake(LakeConfig(root=home / "data" / "lake" / "canary"))
    load(source, lake, config=KEEPING)
    for table in SEALED_TABLES:
        lake.append(table, lake.scan(table).collect().clear())
    return lake


def test_no_file_of_the_home_tells_what_is_personal(platform: Platform, tmp_path: Path) -> None:
    """Promise P27: facts, refused lines and unknown columns of users are in no byte of lake, state and report."""
    home, source = tmp_path / "home", write_source(tmp_path / "source")
    ingest(platform, source, progress=SILENT)
    for database in home.rglob("*.db"):
        sqlite3.connect(database).execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    assert told_in(home) == []
    # Nor does the page of a load, which is a file: it names such a line by its place.
    refused = reasons(Tables(platform.lake)).filter(pl.col(c.TABLE) == USERS)
    assert refused.height == 2
    assert not any(canary in str(refused.to_dicts()) for canary in CANARIES)
    known = ("canary-gender", 31, "canary-trade", "canary-street")
    assert facts(platform.lake)["ann"] == known
    assert platform.lake.sql("SELECT max(age) AS oldest FROM users").item() == 77
    assert set(platform.lake.scan(QUARANTINE).collect()[c.REASON]) == {"bad-age", "duplicate"}
    assert "canary-age" in platform.lake.sql("SELECT raw FROM quarantine WHERE reason = 'bad-age'").item()
    assert platform.lake.scan(EXTRAS).filter(pl.col(c.EXTRAS).str.contains("canary-nickname")).collect().height == 3
    mine = export(platform, "ann")["data"]
    assert mine[USERS] == [
        {"user_id": "ann", "gender": known[0], "age": 31, "occupation": known[2], "postcode": known[3]}
    ]
    # The same again changes nothing; a fact that changed is merged, and sealed like the others.
    before = {table: platform.lake.version(table) for table in SEALED_TABLES}
    ingest(platform, source, progress=SILENT)
    assert {table: platform.lake.version(table) for table in SEALED_TABLES} == before
    ingest(platform, write_source(tmp_path / "source", trade="canary-again"), progress=SILENT)
    assert facts(platform.lake)["ann"][2] == "canary-again"
    assert told_in(home) == []
    # What takes care of tables sees rows as before.
    changed = diff(platform.lake, USERS, 0, 1)
    assert (changed.added, changed.removed, changed.changed) == (0, 0, 1)
    assert compact(platform.lake, QUARANTINE).rows == platform.lake.scan(QUARANTINE).collect().height
    assert restore(platform.lake, USERS, 0).rows == 2
    assert facts(platform.lake)["ann"] == known
    assert [verify(platform.lake, table).defects for table in SEALED_TABLES] == [()] * 3
    assert told_in(home) == []


def test_what_the_contract_calls_personal_is_sealed() -> None:
    """A column that is marked personal is never written in the clear, whichever table it comes to be in."""
    marked = {
        name: tuple(column.name for column in contract.columns if column.personal)
        for name, contract in CONTRACTS.items()
    }
    assert {name: columns for name, columns in marked.items() if columns} == {USERS: SEALED[USERS].columns}


def test_a_refused_line_about_a_user_can_be_corrected(platform: Platform, tmp_path: Path) -> None:
    """Promise P2: what was sealed in the quarantine is replayed, and known again when the file comes back mended."""
    ingest(platform, write_source(tmp_path / "source"), progress=SILENT)
    [row] = open_rows(platform.lake, table=USERS, reason="bad-age").to_dicts()
    fixed = {"user_id": "bob", "gender": "canary-gender", "age": "40", "occupation": None, "postcode": "canary-street"}
    done = replay(
        platform.lake,
        config=platform.config.ingest,
        corrected={row[c.QUARANTINE_ID]: fixed},
        people=platform.people,
    )
    assert (done.tried, done.replayed, done.new) == (1, 1, 1)
    assert facts(platform.lake)["bob"] == ("canary-gender", 40, None, "canary-street")
    assert open_rows(platform.lake, table=USERS, reason="bad-age").is_empty()
    assert told_in(tmp_path / "home") == []


@pytest.mark.parametrize(
    "killed",
    [
        pytest.param("", marks=pytest.mark.long),
        "after the sealed version",
        "before the files go",
        pytest.param("after the files went", marks=pytest.mark.long),
    ],
)
def test_an_older_lake_is_sealed_by_its_next_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: str) -> None:
    """No file of any version tells anything afterwards, killed at any point; the versions that did are given up."""
    home, source = tmp_path / "home", write_source(tmp_path / "source")
    before = plain(home, source)
    rows = {table: before.scan(table).collect().rows() for table in SEALED_TABLES}
    assert len(set(told_in(home))) > 3
    platform = opened(home, config=PlatformConfig(ingest=KEEPING))
    # It can be read as it is, before anything is written.
    assert facts(platform.lake)["ann"][2] == "canary-trade"

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    places = {
        "after the sealed version": ("movie_mlops.lake.sealing.remove_files", die),
        "before the files go": ("movie_mlops.lake.vacuumed.forget", die),
        "after the files went": ("movie_mlops.lake.erasure._strip", die),
    }
    if killed:
        with monkeypatch.context() as patch:
            patch.setattr(*places[killed])
            with pytest.raises(KeyboardInterrupt):
                ingest(platform, source, progress=SILENT)
    ingest(platform, source, progress=SILENT)
    assert told_in(home) == []
    assert {table: platform.lake.scan(table).collect().rows() for table in SEALED_TABLES} == rows
    for table in SEALED_TABLES:
        assert verify(platform.lake, table).defects == ()
        with pytest.raises(LakeError, match="given up"):
            platform.lake.scan(table, version=0)
    versions = {table: platform.lake.version(table) for table in SEALED_TABLES}
    ingest(platform, source, progress=SILENT)
    assert {table: platform.lake.version(table) for table in SEALED_TABLES} == versions
    assert seal_plain(platform.lake) == []
    platform.close()


def test_without_the_key_a_fact_is_unknown_and_no_row_fails(platform: Platform, tmp_path: Path) -> None:
    """Promise P28: with somebody's key their facts are gone from every version and copy; others' are as they were."""
    source = write_source(tmp_path / "source")
    ingest(platform, source, progress=SILENT)
    copy = shutil.copytree(tmp_path / "home" / "data" / "lake", tmp_path / "stolen")
    cem = facts(platform.lake)["cem"]
    assert DataKeys(platform.database).destroy(facts_of("ann")) is not None
    stolen = Lake(LakeConfig(root=copy / "canary"), platform.lake.seals)
    for lake in (platform.lake, stolen):
        assert facts(lake) == {"ann": (None,) * 4, "cem": cem}
    # She was not erased: her next load brings her facts again, under another key, and the copy stays closed.
    ingest(platform, source, progress=SILENT)
    assert facts(platform.lake)["ann"][2] == "canary-trade"
    assert facts(stolen)["ann"] == (None,) * 4
    erase(platform, "ann", by="a test")
    assert facts(platform.lake) == {"cem": cem}
    assert platform.lake.scan(EXTRAS).collect()[c.KEY].unique().to_list() == ["cem"]


def test_a_master_key_that_was_lost_is_told_and_can_be_given_up(platform: Platform, tmp_path: Path) -> None:
    """Never a new key in its place without a word: it is an error until somebody gives up what it wrapped."""
    source = write_source(tmp_path / "source")
    ingest(platform, source, progress=SILENT)
    before = facts(platform.lake)
    (platform.workspace.keys / "master-key").unlink()
    for use in (lambda: facts(platform.lake), lambda: ingest(platform, source, progress=SILENT)):
        with pytest.raises(EnvelopeError, match="which is not here") as told:
            use()
        assert "rotate-master --lost" in str(told.value.next_step)
    keys, masters = DataKeys(platform.database), platform.masters()
    # Of two who are known, and of one who was refused.
    assert keys.give_up(masters.names) == 3
    assert facts(platform.lake) == dict.fromkeys(before, (None,) * 4)
    ingest(platform, source, progress=SILENT)
    assert facts(platform.lake) == before
    assert keys.give_up(masters.names) == 0


def test_a_fact_opens_in_its_own_row_alone(platform: Platform, tmp_path: Path) -> None:
    """Promise P8: a sealed value that is put into another's row, or changed by a bit, is refused."""
    ingest(platform, write_source(tmp_path / "source"), progress=SILENT)
    [path] = (tmp_path / "home" / "data" / "lake" / "canary" / USERS).glob("*.parquet")
    kept = pl.read_parquet(path)
    flipped = [value[:-1] + bytes([value[-1] ^ 1]) for value in kept[c.SEALED].to_list()]
    for changed in (kept[c.SEALED].reverse().to_list(), flipped):
        kept.with_columns(pl.Series(c.SEALED, changed, pl.Binary)).write_parquet(path)
        with pytest.raises(TamperedError):
            facts(platform.lake)
        # Who is there is in the clear, and asks no key.
        assert platform.lake.scan(USERS).select(c.USER_ID).collect().height == 2


def test_what_an_erasure_left_of_an_older_lake_is_sealed_too(tmp_path: Path) -> None:
    """Whoever writes an older table first, the files that it has from before are known and go with the next load."""
    before = Lake(LakeConfig(root=tmp_path / "lake"))
    load(write_source(tmp_path / "source"), before)
    told = before.scan(USERS).collect()
    before.append(USERS, told.head(1).with_columns(pl.lit("dee").alias(c.USER_ID)))
    lake = Lake(LakeConfig(root=tmp_path / "lake"), _Counting())
    erase_rows(lake, USERS, pl.col(c.USER_ID) == "dee")
    assert facts_in_files(lake) == 2
    assert seal_plain(lake) == [USERS, QUARANTINE]
    assert facts_in_files(lake) == 0
    assert lake.scan(USERS).collect().rows() == told.rows()


class _Counting:
    """Seals that count what they are asked for."""

    def __init__(self) -> None:
        self.opened = 0

    def seal(self, owners: Sequence[str], _places: Sequence[str], told: Sequence[bytes]) -> list[bytes]:
        return [owner.encode() + b":" + text for owner, text in zip(owners, told, strict=True)]

    def open(self, _places: Sequence[str], sealed: Sequence[bytes]) -> list[bytes | None]:
        self.opened += len(sealed)
        return [value.partition(b":")[2] for value in sealed]


def test_only_what_is_asked_for_is_opened(tmp_path: Path) -> None:
    """Ids alone, and rows that are filtered out by their id, cost no key; and a lake without keys tells nothing."""
    seals = _Counting()
    lake = Lake(LakeConfig(root=tmp_path / "lake"), seals)
    load(write_source(tmp_path / "source"), lake)
    seals.opened = 0
    assert lake.scan(USERS).select(c.USER_ID).collect().height == 2
    assert seals.opened == 0
    assert lake.scan(USERS).filter(pl.col(c.USER_ID) == "cem").collect()[c.AGE].to_list() == [77]
    assert seals.opened == 1
    assert lake.scan(USERS).filter(pl.col(c.AGE) > 40).select(c.USER_ID).head(1).collect().item() == "cem"
    # Facts that fill one block are of one length: it tells nothing of them.
    short = lake.scan(USERS).filter(pl.col(c.USER_ID) == "cem").with_columns(pl.lit("F").alias(c.GENDER))
    lake.append(USERS, short.with_columns(pl.lit("dee").alias(c.USER_ID)).collect())
    kept = pl.concat(lake.scan_file(USERS, path, as_kept=True).collect() for path in sorted(lake.files(USERS)))
    assert kept[c.SEALED].bin.size().n_unique() == 1 < kept.height
    without = Lake(LakeConfig(root=tmp_path / "lake"))
    assert without.scan(USERS).select(c.USER_ID).collect().height == 3
    for use in (
        lambda: without.scan(USERS).collect(),
        lambda: without.append(USERS, lake.scan(USERS).collect()),
    ):
        with pytest.raises(LakeError, match="without the keys"):
            use()
