"""Versions of the lake's tables: named, compared, gone back to; in a folder and on S3."""

import json
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from movie_mlops.core import clock
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.flows.ingest import ingest
from movie_mlops.flows.journal import FlowJournal, flow_runs
from movie_mlops.flows.lake_care import kept_versions
from movie_mlops.ingest import load, open_source, since_cursor
from movie_mlops.ingest.config import IngestConfig
from movie_mlops.lake import (
    INTERACTIONS,
    CareError,
    ConflictError,
    Lake,
    LakeConfig,
    LakeError,
    compact,
    diff,
    find_version,
    make_tag,
    read_tag,
    remove_tag,
    restore,
    tags,
    vacuum,
    verify,
)
from movie_mlops.release import BundleError
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import did


def things(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"number": list(numbers)})


def numbers(lake: Lake, version: int | None = None) -> list[int]:
    return sorted(lake.scan("things", version=version).collect()["number"])


def test_a_tag_names_a_version_of_each_table(lake: Lake) -> None:
    """A tag keeps naming what the tables were when it was made; a version, a time and a tag find a version."""
    lake.append("things", things(1))
    lake.append("others", things(7))
    made = make_tag(lake, "before-spring", message="as delivered")
    assert made.versions == {"others": 0, "things": 0}
    between = clock.now()
    lake.append("things", things(2))
    assert tags(lake) == [made]
    assert read_tag(lake, "before-spring").message == "as delivered"
    found = {reference: find_version(lake, "things", reference) for reference in ("0", "newest", "before-spring")}
    assert found == {"0": 0, "newest": 1, "before-spring": 0}
    assert find_version(lake, "things", clock.to_iso(between)) == 0
    assert find_version(lake, "things", "2999-01-01") == 1


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("9", "there is no version 9"),
        ("2001-01-01T00:00:00Z", "did not exist yet"),
        ("2001-13-01", "neither a version nor a time"),
        ("befor", "There is no tag 'befor'."),
        ("../../secret", "cannot be the name of a tag"),
        ("New", "cannot be the name of a tag"),
        ("a" * 65, "cannot be the name of a tag"),
    ],
)
def test_what_means_no_version_is_told(lake: Lake, reference: str, told: str) -> None:
    """A reference that means nothing is one sentence with the next step, and no path is followed."""
    lake.append("things", things(1))
    make_tag(lake, "before")
    with pytest.raises(LakeError, match=told):
        find_version(lake, "things", reference)


def test_a_tag_does_not_move(lake: Lake) -> None:
    """A second tag of one name is refused, also when several writers make it at once: one of them wins."""
    lake.append("things", things(1))
    outcomes: list[bool] = []

    def make() -> None:
        try:
            make_tag(lake, "first")
        except LakeError:
            outcomes.append(False)
        else:
            outcomes.append(True)

    writers = [threading.Thread(target=make) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcomes) == [False] * 7 + [True]
    lake.append("things", things(2))
    with pytest.raises(LakeError, match="is taken; a tag does not move"):
        make_tag(lake, "first")
    assert read_tag(lake, "first").versions == {"things": 0}


def test_a_vacuum_keeps_what_is_tagged(lake: Lake, tmp_path: Path) -> None:
    """What a tag names stays readable after every vacuum; once the tag is gone, it goes with the next one."""
    lake.append("things", things(1))
    make_tag(lake, "first")
    lake.overwrite("things", things(2))
    lake.overwrite("things", things(3))
    kept = kept_versions(lake, tmp_path / "models")
    assert vacuum(lake, "things", keep_days=0, kept=kept["things"]).given_up == (1,)
    assert numbers(lake, 0) == [1]
    remove_tag(lake, "first")
    assert kept_versions(lake, tmp_path / "models") == {}
    assert vacuum(lake, "things", keep_days=0).given_up == (0,)
    with pytest.raises(LakeError, match="given up by a vacuum"):
        numbers(lake, 0)


def test_a_damaged_tag_stops_a_vacuum(lake: Lake, tmp_path: Path) -> None:
    """A tag that cannot be read may have named anything, so nothing is removed."""
    lake.append("things", things(1))
    make_tag(lake, "first")
    lake.storage.write("_tags/first.json", b'{"versions": {"things": "many"}}')
    with pytest.raises(LakeError, match="The tag 'first' is damaged"):
        kept_versions(lake, tmp_path / "models")


def test_going_back_is_a_new_version(lake: Lake) -> None:
    """The rows of an earlier version are the newest ones again, what was in between stays readable, all hashes hold."""
    lake.append("things", things(1, 2))
    lake.append("things", things(3))
    compact(lake, "things")
    done = restore(lake, "things", 0)
    assert (done.restored, done.version, done.rows) == (0, 3, 2)
    assert [numbers(lake, version) for version in range(4)] == [[1, 2], [1, 2, 3], [1, 2, 3], [1, 2]]
    assert diff(lake, "things", 0, 3).is_empty
    assert not verify(lake, "things").defects
    assert restore(lake, "things", 0).version is None
    assert lake.history("things")[0].note == {"why": "restoration", "restored": "0"}
    assert restore(lake, "things", 1).rows == 3
    assert numbers(lake) == [1, 2, 3]


def test_going_back_to_a_version_that_was_given_up_is_refused(lake: Lake) -> None:
    """A version that a vacuum gave up cannot be restored, and the table stays as it is."""
    lake.append("things", things(1))
    lake.overwrite("things", things(2))
    vacuum(lake, "things", keep_days=0)
    with pytest.raises(LakeError, match="given up by a vacuum"):
        restore(lake, "things", 0)
    assert (numbers(lake), lake.version("things")) == ([2], 1)


def test_who_is_overtaken_while_going_back_changes_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that another writer appends meanwhile is not lost: the restoration is refused."""
    lake.append("things", things(1))
    lake.append("things", things(2))
    named = Lake.files
    calls: list[str] = []

    def meanwhile(self: Lake, table: str, *, version: int | None = None) -> frozenset[str]:
        calls.append(table)
        if len(calls) == 2:
            lake.append("things", things(3))
        return named(self, table, version=version)

    monkeypatch.setattr(Lake, "files", meanwhile)
    with pytest.raises(ConflictError, match="Another writer changed table 'things' after version 1"):
        restore(lake, "things", 0)
    assert numbers(lake) == [1, 2, 3]


class Source:
    """A file of ratings that grows."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "shop.csv"
        self.lake = Lake(LakeConfig(folder / "lake"))

    def load(self, *rows: str, incremental: bool = False) -> int:
        """Load the file with these rows; return how many are new."""
        self.file.write_text("\n".join(["user_id,movie_id,value,event_time", *rows]) + "\n")
        opened = open_source(f"file:{self.file}", downloads=self.file.parent)
        window = {"window": since_cursor(self.lake, opened.dataset, IngestConfig())} if incremental else {}
        return load(opened, self.lake, **window).rows_new


def test_what_went_is_loaded_again(tmp_path: Path) -> None:
    """The cursor goes back with the rows: an incremental load brings what the restoration took away."""
    source = Source(tmp_path)
    rows = [f"ann,{film},5,{year}-01-01T00:00:00Z" for film, year in ((1, 2001), (2, 2011), (3, 2021))]
    assert source.load(rows[0]) == 1
    first = source.lake.version(INTERACTIONS) or 0
    assert source.load(*rows, incremental=True) == 2
    assert source.load(*rows, incremental=True) == 0
    restore(source.lake, INTERACTIONS, first)
    assert source.load(*rows, incremental=True) == 2


def test_a_cursor_that_did_not_exist_is_none_again(lake: Lake) -> None:
    """Going back to before the first cursor leaves no cursor, and a later commit sets it as ever."""
    lake.append("things", things(1))
    lake.append("things", things(2), cursors={"ingest:shop": 5})
    restore(lake, "things", 0)
    assert lake.cursor("things", "ingest:shop") is None
    lake.append("things", things(3), cursors={"ingest:shop": 7})
    assert lake.cursor("things", "ingest:shop") == 7


def test_events_that_went_with_a_restoration_come_again(tmp_path: Path) -> None:
    """Nothing acknowledged is lost: the main job brings every event again that going back took out of the lake."""
    platform = Platform(Workspace(tmp_path, "shop"), PlatformConfig())
    (tmp_path / "shop.csv").write_text("user_id,movie_id,value\nann,1,5\n")
    source = open_source(f"file:{tmp_path / 'shop.csv'}", downloads=tmp_path)

    def run() -> dict[str, Any]:
        return ingest(platform, source, progress=SILENT)

    first = run()
    platform.events.append([did("ann", 2, "like", at=1), did("ben", 3, "like", at=2)])
    second = run()
    assert (second["events_new"], second["events_offset"], run()["events_new"]) == (2, 2, 0)
    compact(platform.lake, INTERACTIONS)
    assert run()["events_new"] == 0
    restore(platform.lake, INTERACTIONS, first["versions"][INTERACTIONS])
    assert platform.lake.scan(INTERACTIONS).collect().height == 1
    assert run()["events_new"] == 2
    assert platform.lake.scan(INTERACTIONS).collect().height == 3
    platform.close()


def test_every_flow_leaves_what_it_read_and_made(tmp_path: Path) -> None:
    """The lake itself notes versions, so a flow cannot forget to say; one that fails or dies leaves a row as well."""
    lake = Lake(LakeConfig(tmp_path / "lake"))
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    journal = FlowJournal(database, lake)
    with journal.flow("outer"):
        lake.append("things", things(1))
        with journal.flow("inner"):
            lake.append("others", lake.scan("things").collect())
        lake.append("things", things(2))
    with pytest.raises(ConflictError), journal.flow("late"):
        lake.append("things", things(3), after=0)
    with pytest.raises(KeyboardInterrupt), journal.flow("stopped"):
        raise KeyboardInterrupt
    died = journal.flow("died")
    died.__enter__()
    found = {run.flow: run for run in flow_runs(database)}
    assert [run.flow for run in flow_runs(database)] == ["died", "stopped", "late", "inner", "outer"]
    assert (found["inner"].read, found["inner"].written) == ({"things": [0]}, {"others": [0]})
    assert (found["outer"].read, found["outer"].written) == ({"things": [0]}, {"others": [0], "things": [0, 1]})
    assert (found["late"].outcome, found["late"].written) == ("failed: ConflictError", {})
    assert found["stopped"].outcome == "failed: KeyboardInterrupt"
    assert found["outer"].touches("things", 1)
    assert not found["inner"].touches("things", 1)
    assert (found["died"].outcome, found["died"].ended_at) == ("running", None)
    assert found["outer"].ended_at is not None
    assert found["outer"].started_at <= found["outer"].ended_at <= clock.now()
    database.close()


def test_a_bundle_without_a_word_on_its_data_stops_a_vacuum(lake: Lake, tmp_path: Path) -> None:
    """A bundle whose manifest cannot be read may need any version, so nothing is removed."""
    lake.append("things", things(1))
    folder = tmp_path / "models" / "ease-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(BundleError):
        kept_versions(lake, tmp_path / "models")


def test_a_vacuum_needs_a_whole_log(lake: Lake) -> None:
    """Where an entry of the log is gone nobody can say what is needed."""
    lake.append("things", things(1))
    lake.append("things", things(2))
    make_tag(lake, "first")
    lake.storage.delete(["things/_delta_log/00000000000000000000.json"])
    with pytest.raises(CareError, match="not whole"):
        vacuum(lake, "things", keep_days=0)
