"""Back-ups of a whole home: restored equal, closed to who has no key, and empty of who was erased."""

import importlib
import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr

from movie_mlops.core.nouns import Interaction, Kind, Workspace
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.flows.backups import (
    DERIVED,
    GENERAL_TABLES,
    PERSONAL_TABLES,
    restore_backup,
    rewrap,
    shred,
    write_backup,
)
from movie_mlops.flows.errors import BackupError
from movie_mlops.lake import EXTRAS, INTERACTIONS, MOVIES, USERS
from movie_mlops.release import KeysConfig
from movie_mlops.security.envelope import EnvelopeError, MasterKey, TamperedError
from movie_mlops.state import METADATA

ONE, TWO = MasterKey(b"\x01" * 32), MasterKey(b"\x02" * 32)
CANARY = "canary-of-ann"
NOW = pl.datetime(2026, 1, 2, 3, 4, 5, 678901, time_zone="UTC")


def platform(
    home: Path, *, master: MasterKey = ONE, before: MasterKey | None = None, state_url: str | None = None
) -> Platform:
    keys = KeysConfig(
        home / "data" / "keys",
        master_key=master.secret.hex(),
        master_key_before=None if before is None else before.secret.hex(),
    )
    return Platform(Workspace(home, "tiny"), PlatformConfig(), keys=keys, state_url=state_url and SecretStr(state_url))


def fill(made: Platform) -> None:
    """Three people, what they did, what is known of one of them, and an event in the log."""
    people = ["ann", "ann", "bob", "cem"]
    ids = [f"{CANARY} 1", f"{CANARY} 2", "b1", "c1"]
    frame = pl.DataFrame({"event_id": ids, "user_id": people, "movie_id": [1, 2, 1, 6]}).select(
        "event_id",
        "user_id",
        "movie_id",
        pl.lit("rating").alias("kind"),
        pl.lit(4.3).cast(pl.Float32).alias("value"),
        NOW.alias("event_time"),
        pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("ingested_at"),
        pl.lit("file").alias("source"),
    )
    made.lake.append(INTERACTIONS, frame)
    made.lake.append(
        USERS,
        pl.DataFrame(
            {"user_id": ["ann"], "gender": ["F"], "age": [31], "occupation": [CANARY], "postcode": ["10115"]},
            schema_overrides={"age": pl.Int32()},
        ),
    )
    rows = [(USERS, "ann"), (INTERACTIONS, f"{CANARY} 2"), (INTERACTIONS, "lost"), (MOVIES, "1")]
    extras = pl.DataFrame(rows, schema=["table", "key"], orient="row").select(
        "table", "key", pl.lit("{}").alias("extras"), pl.lit("file").alias("source"), NOW.alias("ingested_at")
    )
    made.lake.append(EXTRAS, extras)
    for user in ("ann", "bob"):
        made.events.append([Interaction(f"{user}'s event", user, 6, Kind.LIKE, None, None, "api")])


def rows(made: Platform, table: str) -> list[dict[str, Any]]:
    return sorted(made.lake.scan(table).collect().to_dicts(), key=str)


def events(made: Platform) -> list[str]:
    return [event.interaction.user_id for event in made.events.read(0, 100)]


@pytest.fixture
def source(tmp_path: Path) -> Platform:
    made = platform(tmp_path / "home")
    fill(made)
    return made


def test_every_table_of_the_state_has_its_place() -> None:
    """A new table is in a back-up under its person's key, under nobody's, or left out; nobody forgets to say which."""
    # Every room declares its tables when it is loaded, and the server and the worker load all that there are.
    for module in ("serve", "worker"):
        importlib.import_module(f"movie_mlops.flows.{module}")
    told = [table.name for table in (*GENERAL_TABLES, *PERSONAL_TABLES)] + list(DERIVED)
    assert len(told) == len(set(told))
    # Tests of the database itself make tables of their own.
    assert {name for name in METADATA.tables if not name.startswith("test_")} == set(told)
    for table in GENERAL_TABLES:
        assert not {"user_id", "subject"} & set(table.columns.keys()), table.name


def test_a_back_up_is_restored_equal(source: Platform, tmp_path: Path) -> None:
    """Every row of the lake and every event is there again on a new machine; the files show no name."""
    made = write_backup(source, tmp_path / "backups")
    assert made.people == 3
    for path in (tmp_path / "backups").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(word in content for word in (b"ann", b"bob", CANARY.encode()))
    target = platform(tmp_path / "other")
    done = restore_backup(target, made.folder)
    assert (done.people, done.erased) == (3, 0)
    for table in (INTERACTIONS, USERS):
        assert rows(target, table) == rows(source, table)
    assert len(rows(target, EXTRAS)) == 3
    assert events(target) == ["ann", "bob"]
    # The log goes on: nothing gets a place that was given before.
    target.events.append([Interaction("later", "cem", 1, Kind.LIKE, None, None, "api")])
    assert events(target) == ["ann", "bob", "cem"]
    with pytest.raises(BackupError, match="data here already"):
        restore_backup(target, made.folder)


def test_the_state_of_a_server_is_restored(postgres_server: Any, source: Platform, tmp_path: Path) -> None:
    """What was SQLite becomes PostgreSQL, whose numbers go on after the greatest."""
    made = write_backup(source, tmp_path / "backups")
    with postgres_server.database() as name:
        target = platform(tmp_path / "other", state_url=postgres_server.url(name))
        restore_backup(target, made.folder)
        assert rows(target, USERS) == rows(source, USERS)
        target.events.append([Interaction("later", "cem", 1, Kind.LIKE, None, None, "api")])
        assert events(target) == ["ann", "bob", "cem"]
        target.close()


def test_who_was_shredded_is_in_no_restoration(source: Platform, tmp_path: Path) -> None:
    """Promise P28: a back-up from before does not bring an erased person back, here or on a new machine."""
    made = write_backup(source, tmp_path / "backups")
    before = made.folder.joinpath("sections").read_bytes()
    old_keys = (tmp_path / "backups" / "tiny.keys.json").read_text()
    done = shred(source, "ann")
    assert done.places == (tmp_path / "backups",)
    assert done.key_id is not None
    # What is here stays, facts included: they are sealed by another key.
    assert [row["occupation"] for row in rows(source, USERS)] == [CANARY]
    assert made.folder.joinpath("sections").read_bytes() == before
    target = platform(tmp_path / "other")
    restored = restore_backup(target, made.folder)
    assert (restored.people, restored.erased) == (2, 1)
    assert {row["user_id"] for row in rows(target, INTERACTIONS)} == {"bob", "cem"}
    assert events(target) == ["bob"]
    assert CANARY not in str([rows(target, table) for table in target.lake.names()])
    # With a copy of the keys from before, the home that shredded still remembers what it destroyed.
    (tmp_path / "backups" / "tiny.keys.json").write_text(old_keys)
    shutil.rmtree(tmp_path / "home" / "data" / "lake")
    with source.database.write() as connection:
        for table in PERSONAL_TABLES:
            connection.execute(table.delete())
    again = restore_backup(source, made.folder)
    assert (again.people, again.erased) == (2, 1)
    assert shred(source, "ann").key_id is None


def test_a_place_that_cannot_be_reached_is_told(source: Platform, tmp_path: Path) -> None:
    """The key is destroyed where that is possible; the rest is told, and done by a repetition or given up by name."""
    one = write_backup(source, tmp_path / "one").folder
    write_backup(source, tmp_path / "two")
    (tmp_path / "two").rename(tmp_path / "away")
    with pytest.raises(BackupError, match="cannot be reached"):
        shred(source, "ann")
    assert restore_backup(platform(tmp_path / "other"), one).erased == 1
    (tmp_path / "away").rename(tmp_path / "two")
    assert len(shred(source, "ann").places) == 2
    shutil.rmtree(tmp_path / "two")
    assert shred(source, "ann", gone=tmp_path / "two").places == (tmp_path / "one",)


def test_another_master_key_opens_old_back_ups(source: Platform, tmp_path: Path) -> None:
    """After a rotation the new key alone restores what was written before, and that file is as it was."""
    made = write_backup(source, tmp_path / "backups")
    before = made.folder.joinpath("sections").read_bytes()
    rotated = platform(tmp_path / "home", master=TWO, before=ONE)
    assert rewrap(rotated) == 5
    assert made.folder.joinpath("sections").read_bytes() == before
    assert restore_backup(platform(tmp_path / "new", master=TWO), made.folder).people == 3
    with pytest.raises(EnvelopeError):
        restore_backup(platform(tmp_path / "old"), made.folder)
    # The lake at home too: by either while both are there, then by the new one alone.
    assert rows(rotated, USERS) == rows(platform(tmp_path / "home", master=TWO), USERS)
    with pytest.raises(EnvelopeError):
        rows(source, USERS)


def test_a_back_up_that_was_changed_is_refused_whole(source: Platform, tmp_path: Path) -> None:
    """A byte, a section that is gone, one of another back-up, another manifest: nothing is written."""
    made = write_backup(source, tmp_path / "backups")
    other = write_backup(source, tmp_path / "backups")
    sections, manifest = made.folder / "sections", made.folder / "manifest.json"
    good, told = sections.read_bytes(), json.loads(manifest.read_text())
    length = 10 + 32 + int.from_bytes(good[2:10], "big")
    changes = {
        "a byte": (good[:60] + bytes([good[60] ^ 1]) + good[61:], TamperedError),
        "the first is gone": (good[length:], TamperedError),
        "of another": ((other.folder / "sections").read_bytes(), TamperedError),
        "cut off": (good[:-1], BackupError),
        "the last is gone": (good[:length], BackupError),
    }
    for what, (content, error) in changes.items():
        sections.write_bytes(content)
        with pytest.raises(BackupError, match="not whole"):
            restore_backup(platform(tmp_path / what), made.folder)
        manifest.write_text(json.dumps({**told, "sha256": sha256(content).hexdigest()}))
        with pytest.raises(error):
            restore_backup(target := platform(tmp_path / f"{what} too"), made.folder)
        assert target.lake.names() == []
        assert events(target) == []
        manifest.write_text(json.dumps(told))
    sections.write_bytes(good)
    manifest.write_text(json.dumps({**told, "name": "another"}))
    with pytest.raises(TamperedError):
        restore_backup(platform(tmp_path / "renamed"), made.folder)
