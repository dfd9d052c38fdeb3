"""What people permit: nothing else of theirs is kept, whichever door it comes through."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest
from sqlalchemy import func, select

from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT
from movie_mlops.events import EventError, NoConsentError
from movie_mlops.flows import PlatformConfig
from movie_mlops.flows.ingest import drain, ingest, ingest_inputs
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.serve import make_app
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.ingest import IngestConfig
from movie_mlops.lake import INTERACTIONS, USERS
from movie_mlops.security.people import Purpose, Stance
from movie_mlops.serving import IMPRESSIONS, ServingConfig
from tests.fixtures.stage_4.command_line import CommandLine
from tests.fixtures.stage_5.platform import ADMIN, running
from tests.fixtures.stage_7.canary_home import CANARY, OTHER, event, keep_answers, opened, release, write_source


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = opened(tmp_path / "home")
    yield platform
    platform.close()


def known(platform: Platform, table: str) -> set[str]:
    return set(platform.lake.scan(table).collect()[c.USER_ID])


def test_a_load_leaves_out_what_is_not_permitted(platform: Platform, tmp_path: Path) -> None:
    """History and profile each by itself, refused rows too, counted; once it is permitted the next load brings it."""
    source = write_source(tmp_path / "source")
    platform.consents.say(CANARY, {Purpose.HISTORY: False}, by="tests")
    platform.consents.say(OTHER, {Purpose.PROFILE: False}, by="tests")
    told = ingest(platform, source, progress=SILENT)
    assert CANARY not in known(platform, INTERACTIONS)
    assert CANARY in known(platform, USERS)
    assert OTHER in known(platform, INTERACTIONS)
    assert OTHER not in known(platform, USERS)
    # Four good rows and two that are refused, and one of the users.
    assert told["warnings"]["no-consent"] == 7
    assert (told["rows_quarantined"], told["rows_outside"]) == (0, 6)
    assert told["rows_read"] == told["rows_good"] + told["rows_quarantined"] + told["rows_outside"]
    # A step of the main job that nothing changed for is not run again: somebody who permits something is a change.
    before = ingest_inputs(platform, source)
    assert ingest_inputs(platform, source) == before
    platform.consents.say(CANARY, {Purpose.HISTORY: True}, by="tests")
    assert ingest_inputs(platform, source) != before
    assert ingest(platform, source, progress=SILENT)["rows_new"] == 4


def test_who_must_be_asked_permits_nothing_by_silence(tmp_path: Path) -> None:
    """Where consent is asked for, only those come in who gave it."""
    config = PlatformConfig(ingest=IngestConfig(consent={Purpose.HISTORY: Stance.ASKED}))
    platform = opened(tmp_path / "home", config=config)
    platform.consents.say(CANARY, {Purpose.HISTORY: True}, by="tests")
    ingest(platform, write_source(tmp_path / "source"), progress=SILENT)
    assert known(platform, INTERACTIONS) == {CANARY}
    assert len(known(platform, USERS)) > 30
    platform.events.append([event(CANARY, 1)])
    with pytest.raises(NoConsentError):
        platform.events.append([event(CANARY, 2), event(OTHER, 1)])
    assert platform.events.count() == 1
    platform.close()


def test_events_that_are_not_permitted_are_refused_and_never_reach_the_lake(platform: Platform, tmp_path: Path) -> None:
    """The whole batch, with the position of the event; one that was recorded before stays out of the lake."""
    ingest(platform, write_source(tmp_path / "source"), progress=SILENT)
    platform.events.append([event(CANARY, 1)])
    platform.consents.say(CANARY, {Purpose.HISTORY: False}, by="tests")
    with pytest.raises(EventError) as refused:
        platform.events.append([event(OTHER, 1), event(CANARY, 2)])
    assert (refused.value.code, refused.value.position) == ("no-consent", 1)
    assert drain(platform).new == 0


def test_answers_are_kept_of_those_who_permit_it(platform: Platform) -> None:
    """Neither an answer to somebody, nor one to a group that they are of."""
    platform.consents.say(CANARY, {Purpose.ANSWERS: False}, by="tests")
    keep_answers(platform)
    with platform.database.read() as connection:
        assert set(connection.execute(select(IMPRESSIONS.c.user_id)).scalars()) == {OTHER}


def test_people_say_it_over_the_api(platform: Platform, tmp_path: Path) -> None:
    """Read and changed by who may, on record; a purpose that is none is refused whole."""
    release(platform, write_source(tmp_path / "source"))
    serving = ServingConfig(admin_token=ADMIN["Authorization"].split()[1])
    app = make_app(Workspace(tmp_path / "home", "canary"), PlatformConfig(), serving)
    address = f"/v1/users/{CANARY}/consents"
    with running(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert client.get(address).status_code == client.put(address, json={"history": False}).status_code == 401
        told = client.get(address, headers=ADMIN).json()
        assert {row["purpose"]: (row["given"], row["at"]) for row in told["consents"]} == {
            "history": (True, None), "profile": (True, None), "answers": (True, None),
        }  # fmt: skip
        for wrong in ({"history": "no"}, {"histories": False}, {"history": False, "all": False}, [], "no"):
            assert client.put(address, json=wrong, headers=ADMIN).status_code == 422
        said = client.put(address, json={"history": False, "answers": False}, headers=ADMIN)
        assert said.status_code == 200, said.text
        given = {row["purpose"]: (row["given"], row["removed_at"] is not None) for row in said.json()["consents"]}
        assert given == {"history": (False, True), "profile": (True, False), "answers": (False, True)}
        # What was there is gone when it is answered, and the answer is the receipt.
        assert said.json()["receipt"]["places"]["lake interactions"]["rows"] == 4
        assert client.put(address, json={"profile": True}, headers=ADMIN).json()["receipt"] is None
        late = client.post("/v1/events", json={"user_id": CANARY, "movie_id": 1, "kind": "like"})
        assert (late.status_code, late.json()["type"].rpartition(":")[2]) == (403, "no-consent")
        # They are served as before; it is not kept.
        assert client.get(f"/v1/users/{CANARY}/recommendations").is_success
    with platform.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(IMPRESSIONS)).scalar_one() == 0
    assert platform.lake.scan(INTERACTIONS).filter(pl.col(c.USER_ID) == CANARY).collect().is_empty()


def test_operators_say_it_on_the_command_line(platform: Platform, tmp_path: Path) -> None:
    """Given, withdrawn and shown; an unknown purpose is refused whole."""
    ingest(platform, write_source(tmp_path / "source"), progress=SILENT)
    command, here = CommandLine(tmp_path, tmp_path / "home"), ("--dataset", "canary")
    with one_at_a_time(platform.workspace.lock):
        waiting = command("security", "consent", "withdraw", CANARY, "profile", "answers", "--by", "kim", *here)
    assert waiting.code == 0
    assert "not taken out yet" in waiting.out
    assert CANARY in known(platform, USERS)
    done = command("security", "retention", *here)
    assert "Withdrawals of 1 people were carried out." in done.out, done.err
    assert CANARY not in known(platform, USERS)
    refused = command("security", "consent", "give", CANARY, "profile", "all", *here)
    assert refused.code == 1
    assert "history, profile, answers" in refused.err
    assert command("security", "consent", "give", CANARY, "answers", "--json", *here).document["given"] is True
    shown = command("security", "consent", "show", CANARY, "--json", *here).document
    assert [(row["purpose"], row["given"], row["by"], bool(row["removed"])) for row in shown] == [
        ("history", True, "", False), ("profile", False, "kim", True), ("answers", True, "operator", False),
    ]  # fmt: skip
