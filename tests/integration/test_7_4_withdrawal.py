"""A withdrawn consent takes away what was kept for it, from the places of that purpose and from no other."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select

from movie_mlops.core import columns as c
from movie_mlops.core.progress import SILENT
from movie_mlops.flows import Platform
from movie_mlops.flows.backups import restore_backup, write_backup
from movie_mlops.flows.erasure import PlatformRights, carry_out, note_consent, read_receipt
from movie_mlops.flows.erasure.steps import Taking, is_left
from movie_mlops.flows.errors import BusyError
from movie_mlops.flows.ingest import drain, ingest
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.lake import INTERACTIONS, USERS, LakeError, verify
from movie_mlops.security.erasure import PLACES
from movie_mlops.security.people import Purpose
from movie_mlops.serving import IMPRESSIONS
from tests.fixtures.stage_7.canary_home import CANARY, OTHER, fill, keep_answers, opened, plant, texts_of, write_source

HISTORY, PROFILE, ANSWERS = Purpose
STREET = "canary-street"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the canary in every place. Never changed: copy it first."""
    folder = tmp_path_factory.mktemp("withdrawal")
    source = write_source(folder / "source")
    users = folder / "source" / "users.csv"
    lines = [line.replace(f"{CANARY},F,30,31", f"{CANARY},F,30,{STREET}") for line in users.read_text().splitlines()]
    # A refused line about them, too.
    users.write_text("\n".join([*lines, f"{CANARY},F,none,{STREET}"]) + "\n")
    platform = opened(folder / "home")
    fill(platform, source)
    plant(platform)
    drain(platform)
    platform.close()
    return folder


@pytest.fixture
def platform(prepared: Path, tmp_path: Path) -> Iterator[Platform]:
    """The stores of a copy of it."""
    shutil.copytree(prepared / "home", tmp_path / "home")
    platform = opened(tmp_path / "home")
    yield platform
    platform.close()


def source(prepared: Path, folder: Path) -> Any:
    """The same files in a folder of the test's."""
    made = write_source(folder)
    shutil.copy(prepared / "source" / "users.csv", folder / "users.csv")
    return made


def kept(platform: Platform, user_id: str) -> dict[Purpose, dict[str, Any]]:
    """Return what is there of somebody, by what it is kept for."""
    return {purpose: Taking(platform, user_id, [purpose]).left() for purpose in Purpose}


def rows(platform: Platform, table: str) -> set[str]:
    return set(platform.lake.scan(table).collect()[c.USER_ID])


def withdraw(platform: Platform, *purposes: Purpose, user: str = CANARY) -> dict[str, Any]:
    receipt = note_consent(platform, user, dict.fromkeys(purposes, False), by="a test")
    assert receipt is not None
    return receipt


def test_history_goes_from_every_version_and_nothing_else_does(platform: Platform, prepared: Path) -> None:
    """Promise P28: interactions, events, features and copies go; profile, answers and others stay as they were."""
    before, others = kept(platform, CANARY), kept(platform, OTHER)
    assert {table for table, held in before[HISTORY]["lake"].items() if held["rows"]} == {
        "batches", "interactions", "quarantine", "recommendations", "user_features",
    }  # fmt: skip
    assert {table for table, many in before[HISTORY]["state"].items() if many} == {
        "answer_outcomes", "events", "fold_states", "online_rows", "served_features",
    }  # fmt: skip
    neighbour = platform.histories.read(OTHER).digest()
    bundles = sorted(path.name for path in platform.workspace.models.iterdir() if path.is_dir())
    receipt = withdraw(platform, HISTORY)
    after = kept(platform, CANARY)
    assert not is_left(after[HISTORY])
    assert not platform.histories.read(CANARY)
    assert {table: held["rows"] for table, held in after[PROFILE]["lake"].items()} == {
        table: held["rows"] for table, held in before[PROFILE]["lake"].items()
    }
    assert after[ANSWERS]["state"]["impressions"] == before[ANSWERS]["state"]["impressions"] == 2
    left = kept(platform, OTHER)
    assert [left[purpose]["state"] for purpose in Purpose] == [others[purpose]["state"] for purpose in Purpose]
    assert platform.histories.read(OTHER).digest() == neighbour
    with pytest.raises(LakeError, match="given up"):
        platform.lake.scan(INTERACTIONS, version=0)
    assert [verify(platform.lake, table).defects for table in platform.lake.names()] == [()] * len(
        platform.lake.names()
    )
    # What still stands is said: the model that learned from them, until the next training.
    assert receipt["still_there"]["models_until_the_next_training"] == bundles
    assert sorted(path.name for path in platform.workspace.models.iterdir() if path.is_dir()) == bundles
    [file] = (platform.workspace.reports / "withdrawals").glob("*.json")
    assert read_receipt(file, platform.keys)["purposes"] == ["history"]
    assert CANARY not in file.read_text()
    # Said again there is nothing to do; permitted and withdrawn with nothing in between, keys alone are destroyed.
    assert note_consent(platform, CANARY, {HISTORY: False}, by="a test") is None
    note_consent(platform, CANARY, {HISTORY: True}, by="a test")
    assert set(withdraw(platform, HISTORY)["places"]) == {"back-ups"}
    # Nothing of it comes back by itself; what is permitted again comes with the next load.
    ingest(platform, source(prepared, prepared / "again"), progress=SILENT)
    assert not is_left(kept(platform, CANARY)[HISTORY])
    note_consent(platform, CANARY, {HISTORY: True}, by="a test")
    assert ingest(platform, source(prepared, prepared / "again"), progress=SILENT)["rows_new"] == 4


def test_a_profile_goes_from_every_file_and_the_history_stays(platform: Platform, tmp_path: Path) -> None:
    """Promise P28: row and refused line go, and their key: no copy of the lake's files tells anything any more."""
    copy = shutil.copytree(tmp_path / "home" / "data" / "lake", tmp_path / "copy")
    history, known = platform.histories.read(CANARY).digest(), rows(platform, USERS)
    assert kept(platform, CANARY)[PROFILE]["lake"]["quarantine"]["rows"] == 1
    receipt = withdraw(platform, PROFILE)
    assert receipt["places"]["lake users"]["rows"] == receipt["places"]["facts"]["keys"] == 1
    assert rows(platform, USERS) == known - {CANARY}
    assert not is_left(kept(platform, CANARY)[PROFILE])
    assert platform.histories.read(CANARY).digest() == history
    assert CANARY in rows(platform, INTERACTIONS)
    # Their refused ratings are of their history.
    assert kept(platform, CANARY)[HISTORY]["lake"]["quarantine"]["rows"] == 2
    shutil.rmtree(tmp_path / "home" / "data" / "lake")
    shutil.move(copy, tmp_path / "home" / "data" / "lake")
    [stolen] = platform.lake.scan(USERS).filter(pl.col(c.USER_ID) == CANARY).collect().to_dicts()
    assert stolen == {c.USER_ID: CANARY, "gender": None, "age": None, "occupation": None, "postcode": None}
    assert not any(STREET in text for texts in texts_of(tmp_path / "home").values() for text in texts)


def test_answers_go_and_those_to_a_group_with_them(platform: Platform) -> None:
    """Promise P28: lists, exposures and what came of them go; history and profile stay as they were."""
    before = kept(platform, CANARY)
    receipt = withdraw(platform, ANSWERS)
    assert receipt["still_there"]["models_until_the_next_training"] == []
    after = kept(platform, CANARY)
    assert not is_left(after[ANSWERS])
    assert after[PROFILE] == before[PROFILE]
    assert after[HISTORY]["lake"] == before[HISTORY]["lake"]
    with platform.database.read() as connection:
        assert list(connection.execute(select(IMPRESSIONS.c.user_id)).scalars()) == [OTHER]
    keep_answers_again(platform)
    assert not is_left(kept(platform, CANARY)[ANSWERS])


def keep_answers_again(platform: Platform) -> None:
    """Answer all of them once more, after what was kept of the neighbour was let go."""
    with platform.database.write() as connection:
        connection.execute(IMPRESSIONS.delete())
    withdraw(platform, ANSWERS, user=OTHER)
    keep_answers(platform)


def test_a_back_up_from_before_brings_nothing_back(platform: Platform, tmp_path: Path) -> None:
    """Promise P28: what was withdrawn is in no restoration; the next back-up has what is permitted."""
    first = write_backup(platform, tmp_path / "backups").folder
    withdraw(platform, PROFILE)
    second = write_backup(platform, tmp_path / "backups").folder
    for place, folder, interactions in (("one", first, False), ("two", second, True)):
        keys = tmp_path / place / "data" / "keys"
        keys.mkdir(parents=True)
        shutil.copy(platform.workspace.keys / "master-key", keys)
        target = opened(tmp_path / place)
        restore_backup(target, folder)
        assert CANARY not in rows(target, USERS)
        assert (CANARY in rows(target, INTERACTIONS)) is interactions
        assert OTHER in rows(target, USERS)
        target.close()


def test_a_withdrawal_that_was_stopped_is_carried_out_later(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, or while a flow is at work: nothing comes in from that moment, and what is there goes afterwards."""
    with monkeypatch.context() as patch:
        patch.setattr("movie_mlops.flows.erasure.steps.erase_rows", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            withdraw(platform, HISTORY)
    assert platform.consents.outstanding() == {CANARY: {HISTORY}}
    rights = PlatformRights(platform)
    with one_at_a_time(platform.workspace.lock):
        assert rights.consent(OTHER, {PROFILE: False}, by="a test") is None
        with pytest.raises(BusyError):
            carry_out(platform, by="a test")
    [told] = [each for each in rights.consents(OTHER) if each.purpose is PROFILE]
    assert (told.given, told.removed_at) == (False, None)
    receipts = carry_out(platform, by="a test")
    assert sorted(receipt["purposes"] for receipt in receipts) == [["history"], ["profile"]]
    assert not is_left(kept(platform, CANARY)[HISTORY])
    assert OTHER not in rows(platform, USERS)
    assert platform.consents.outstanding() == {}
    assert carry_out(platform, by="a test") == []


def test_every_place_of_people_says_what_it_is_kept_for() -> None:
    """A place without a purpose is one that a withdrawal leaves alone: it is looked at, and found so."""
    assert {place.name for place in PLACES if not place.purposes} == {
        "api_keys", "consents", "models", "logs", "servers", "Redis sets", "Kafka topic",
    }  # fmt: skip
