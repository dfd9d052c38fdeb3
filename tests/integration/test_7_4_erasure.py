"""Erasure: a person's data leaves every place for good, whatever happens meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from sqlalchemy import text

from movie_mlops.core.columns import USER_ID
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT
from movie_mlops.events import ErasedUserError
from movie_mlops.flows import Platform, PlatformConfig, bundle_care
from movie_mlops.flows.erasure import check_not_returned, erase, erase_returned, export, plan, read_receipt
from movie_mlops.flows.ingest import drain, pending
from movie_mlops.flows.ingest import ingest as bring
from movie_mlops.flows.serve import make_app
from movie_mlops.lake import INTERACTIONS, QUARANTINE, LakeError, verify
from movie_mlops.release import RetiredError, SignatureRefusedError
from movie_mlops.release.folders import read_manifest
from movie_mlops.security import ApiKey, AuditLog, KeyRing, KeyStore, Outcome, Pseudonyms, read_key_secret
from movie_mlops.security.errors import ErasureError
from movie_mlops.serving import ServingConfig
from movie_mlops.state import METADATA
from tests.conftest import REPOSITORY
from tests.fixtures.stage_2.redis_server import RedisServer
from tests.fixtures.stage_5.platform import ADMIN, running
from tests.fixtures.stage_7.canary_home import (
    CANARY,
    OTHER,
    event,
    fill,
    keep_answers,
    opened,
    plant,
    texts_of,
    write_source,
)


class _Killed(BaseException):
    """What a crash would be."""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the canary in every place. Never changed: copy it first."""
    folder = tmp_path_factory.mktemp("canary")
    platform = opened(folder / "home")
    fill(platform, write_source(folder / "source"))
    plant(platform)
    platform.close()
    return folder


@pytest.fixture
def home(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(prepared / "home", tmp_path / "home")
    return tmp_path / "home"


def _left(home: Path) -> list[str]:
    """Return the files that name the canary: by their bytes, and tables by their rows."""
    by_bytes = [str(path) for path in home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    return by_bytes + [path for path, texts in texts_of(home).items() if any(CANARY in each for each in texts)]


def _named_in(folder: Path) -> bool:
    """Return whether a file names the canary."""
    return any(path.is_file() and CANARY.encode() in path.read_bytes() for path in folder.rglob("*"))


def keys_of(platform: Platform) -> list[ApiKey]:
    return KeyStore(platform.database, read_key_secret(platform.workspace.keys, None)).listed()


def _others(platform: Platform) -> dict[str, Any]:
    """Return what is there of everybody else."""
    rows = platform.lake.scan(INTERACTIONS).filter(pl.col(USER_ID) != CANARY).collect()
    events = [(each.offset, each.interaction) for each in platform.events.read(0, 100)]
    return {
        "rows": rows.drop("ingested_at").rows(),
        "events": [each for each in events if each[1].user_id != CANARY],
        "last": platform.events.last_offset(),
        "history": platform.histories.read(OTHER).digest(),
    }


def test_nothing_is_left_of_somebody_in_any_byte(home: Path) -> None:
    """Promise P28: after an erasure no file of the home names the person, old versions and freed pages included."""
    platform = opened(home)
    assert _left(home)
    before, found = _others(platform), plan(platform, CANARY)
    assert set(found["lake"]) == {
        "batches", "interactions", "quarantine", "recommendations", "user_features", "users",
    }  # fmt: skip
    assert found["lake"]["recommendations"]["files"] == 2
    assert {name for name, rows in found["state"].items() if rows} == {
        "events", "impressions", "answer_outcomes", "exposures", "served_features", "online_rows", "fold_states",
        "api_keys",
    }  # fmt: skip
    assert found["state"]["impressions"] == 2
    ring = KeyRing(platform.database, read_key_secret(platform.workspace.keys, None), stale_seconds=60)
    ring.refresh()
    receipt = erase(platform, CANARY, by="a test")
    ring.refresh()
    # A server that has the keys hears that this one holds no more.
    assert sorted(bool(ring.by_id(key.key_id)) for key in keys_of(platform)) == [False, True]
    assert _others(platform) == before
    assert not platform.histories.read(CANARY)
    for table in platform.lake.names():
        assert not verify(platform.lake, table).defects, table
    assert platform.lake.scan(QUARANTINE).collect().is_empty()
    assert receipt["proof"]["bytes"]["found"] == []
    assert receipt["proof"]["bytes"]["files"] > 10
    assert receipt["places"]["state"]["impressions"] == 2
    platform.close()
    assert _left(home) == []
    assert (home / "reports/canary/gate.html").exists()


def test_postgresql_and_redis_forget_too(prepared: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Promise P28: on PostgreSQL no row of any table names the person, and Redis holds no copy."""
    server = request.getfixturevalue("postgres_server")
    source = write_source(tmp_path / "source")
    redis = RedisServer(tmp_path / "redis")
    try:
        with server.database() as name:
            platform = opened(tmp_path / "home", server.url(name), redis.config())
            fill(platform, source)
            plant(platform)
            assert len(platform.histories.read(CANARY))
            assert len(platform.histories.read(OTHER))
            redis.save()
            assert _named_in(tmp_path / "redis")
            erase(platform, CANARY, by="a test")
            redis.save()
            assert not _named_in(tmp_path / "redis")
            with platform.database.read() as connection:
                for table in METADATA.sorted_tables:
                    rows = connection.execute(text(f'SELECT t::text FROM "{table.name}" t')).scalars()
                    assert not any(CANARY in row for row in rows), table.name
            platform.close()
    finally:
        redis.kill()


def test_a_kill_after_any_step_is_gone_on_from(home: Path) -> None:
    """Promise P28: killed after each of its steps in turn, the same command ends with nothing left and one receipt."""
    steps: list[str] = []

    def die(step: str) -> None:
        if step not in {"listed", *steps}:
            steps.append(step)
            raise _Killed

    for _ in range(40):
        platform = opened(home)
        try:
            erase(platform, CANARY, by="a test", at=die)
            break
        except _Killed:
            if "state" in steps:
                # Already nobody's: nothing new comes in, however long the rest takes.
                with pytest.raises(ErasedUserError):
                    platform.events.append([event(CANARY, 9)])
        finally:
            platform.close()
    assert {"models", "state", "lake interactions", "aggregates", "files", "pages", "proved", "receipt"} <= set(steps)
    assert _left(home) == []
    [receipt] = (home / "reports/canary/erasures").glob("*.json")
    assert json.loads(receipt.read_text())["places"]["lake interactions"]["rows"] == 4


@pytest.mark.long
def test_a_real_kill_leaves_what_the_same_command_ends(home: Path) -> None:
    """Promise P28: kill -9 in the middle of the work, and the command line ends it."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tests.fixtures.stage_7.canary_home import opened, CANARY; from movie_mlops.flows.erasure import erase\n"
        "erase(opened(Path(sys.argv[1])), CANARY, by='a test',"
        " at=lambda step: step == 'lake interactions' and os.kill(os.getpid(), signal.SIGKILL))"
    )
    paths = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
    environment = {"PATH": os.defpath, "PYTHONPATH": paths, "HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code, str(home)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert _left(home)
    command = [sys.executable, "-m", "movie_mlops", "security", "erase", CANARY, "--dataset", "canary"]
    ended = subprocess.run(
        [*command, "--home", str(home)], env=environment, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert "Erased." in ended.stdout
    assert _left(home) == []


def test_nothing_of_the_erased_comes_back(home: Path, prepared: Path) -> None:
    """Promise P28: a late event, a load of the source and an answer leave nothing; the rows are counted."""
    platform = opened(home)
    erase(platform, CANARY, by="a test")
    with pytest.raises(ErasedUserError):
        platform.events.append([event(OTHER, 7), event(CANARY, 7)])
    assert platform.events.count() == 2
    made = bring(platform, write_source(prepared / "again"), progress=SILENT)
    assert (made["warnings"]["erased-user"], made["rows_outside"]) == (7, 6)
    assert made["rows_read"] == made["rows_good"] + made["rows_quarantined"] + made["rows_outside"]
    assert made["rows_new"] == 0
    keep_answers(platform)
    # Erased events at the end of the log are nothing that waits.
    drain(platform)
    assert not pending(platform)
    platform.database.scrub([])
    platform.close()
    assert _left(home) == []


def test_a_state_from_before_is_known_and_erased_again(home: Path, prepared: Path) -> None:
    """Promise P28: stores of an older back-up are refused, and what came back is erased by one command."""
    platform = opened(home)
    erase(platform, CANARY, by="a test")
    check_not_returned(platform)
    platform.close()
    state = Path("data/state/canary.db")
    for name in (state, Path(f"{state}-wal"), Path(f"{state}-shm")):
        (home / name).unlink(missing_ok=True)
    shutil.copy(prepared / "home" / state, home / state)
    shutil.rmtree(home / "data/lake")
    shutil.copytree(prepared / "home/data/lake", home / "data/lake")
    platform = opened(home)
    with pytest.raises(ErasureError, match="from before an erasure"):
        check_not_returned(platform)
    assert len(erase_returned(platform, by="a test")) == 1
    check_not_returned(platform)
    assert erase_returned(platform, by="a test") == []
    platform.close()
    assert _left(home) == []


def test_the_next_model_is_that_of_somebody_who_never_was(home: Path, prepared: Path, tmp_path: Path) -> None:
    """Promise P28: after an erasure the retrained bundle's arrays are byte-equal to those without the person.

    The control is another home, filled from the same files without the person's rows.
    """
    platform = opened(home)
    [before] = [path.name for path in platform.workspace.models.iterdir() if path.is_dir()]
    erase(platform, CANARY, by="a test")
    # Events of others are no part of the control.
    after = fill(platform, write_source(tmp_path / "with"))
    control_home = opened(tmp_path / "control")
    control_home.events.append([each.interaction for each in platform.events.read(0, 10)])
    control = fill(control_home, write_source(tmp_path / "without", canary=False))
    told = [read_manifest(each.workspace.models / name) for each, name in ((platform, after), (control_home, control))]
    assert told[0].facts["trained_on"] == told[1].facts["trained_on"]
    arrays = [{name: file.sha256 for name, file in manifest.files().items()} for manifest in told]
    assert arrays[0] == arrays[1]
    assert before != after
    control_home.close()
    platform.close()


def test_a_model_that_learned_from_the_erased_never_serves_again(home: Path, tmp_path: Path) -> None:
    """Promise P28: it serves until another does, is not promoted or rolled back to, and its files go then."""
    platform = opened(home)
    [old] = [path.name for path in platform.workspace.models.iterdir() if path.is_dir()]
    told: dict[str, Any] = {"reason": "a test", "gate": {}, "approved_by": "tests"}
    platform.ledger.promote(old, expected=None, **told)
    receipt = erase(platform, CANARY, by="a test")
    assert receipt["places"]["models"] == {"retired": [old], "removed": [], "serving_until_another_does": [old]}
    new = fill(platform, write_source(tmp_path / "again"))
    platform.ledger.promote(new, expected=old, **told)
    with pytest.raises(RetiredError):
        platform.ledger.promote(old, expected=new, **told)
    with pytest.raises(RetiredError):
        platform.ledger.rollback("a test", "tests")
    assert platform.ledger.champion().bundle_id == new  # type: ignore[union-attr]
    gone = bundle_care.collect(platform, by="tests", only=bundle_care.retired(platform))
    assert [fate.bundle_id for fate in gone] == [old]
    assert not (platform.workspace.models / old).exists()
    assert (platform.workspace.models / new).exists()
    with pytest.raises(LakeError, match="given up"):
        platform.lake.scan(INTERACTIONS, version=0)
    platform.close()


def test_a_receipt_tells_when_it_was_changed(home: Path) -> None:
    """Promise P28: the receipt names nobody, is signed, and a changed one is refused."""
    platform = opened(home)
    erase(platform, CANARY, by="a test")
    [path] = (home / "reports/canary/erasures").glob("*.json")
    assert CANARY not in path.read_text()
    told = read_receipt(path, platform.keys)
    assert told["dataset"] == "canary"
    assert told["places"]["state"]["events"] == 2
    path.write_text(path.read_text().replace('"impressions": 2', '"impressions": 3'))
    with pytest.raises(SignatureRefusedError, match="not as it was signed"):
        read_receipt(path, platform.keys)
    platform.close()


def test_an_export_has_everything_of_one_person_and_nothing_of_another(home: Path) -> None:
    """An export is JSON with all rows of a person, what they mean, and nobody else's."""
    platform = opened(home)
    told = json.loads(json.dumps(export(platform, CANARY)))
    places = plan(platform, CANARY)
    expected = {name: held["rows"] for name, held in places["lake"].items() if name != "batches"}
    expected |= {name: rows for name, rows in places["state"].items() if rows}
    assert {name: len(rows) for name, rows in told["data"].items()} == expected
    assert set(told["data"]) <= set(told["meaning"])
    alone = {name: rows for name, rows in told["data"].items() if name != "impressions"}
    assert OTHER not in json.dumps(alone)
    platform.close()


def test_the_api_erases_and_exports_while_it_serves(home: Path) -> None:
    """Promise P28: over the API, past a running server's caches; only the administrator may, and it is on record."""
    workspace = Workspace(home, "canary")
    serving = ServingConfig(admin_token=ADMIN["Authorization"].split()[1])
    with (
        running(make_app(workspace, PlatformConfig(), serving)) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        address = f"/v1/users/{CANARY}"
        assert client.delete(address).status_code == 401
        assert client.get(f"{address}/export").status_code == 401
        assert client.get(f"{address}/recommendations").is_success
        told = client.get(f"{address}/export", headers=ADMIN).json()
        assert len(told["data"]["impressions"]) == 3
        receipt = client.delete(address, headers=ADMIN)
        assert receipt.status_code == 200, receipt.text
        assert receipt.json()["places"]["state"]["impressions"] == 3
        assert client.get(f"{address}/history").json()["items"] == []
        # They are answered as anybody unknown, and nothing of it is kept.
        assert client.get(f"{address}/recommendations").is_success
        late = client.post("/v1/events", json={"user_id": CANARY, "movie_id": 1, "kind": "like"})
        assert late.status_code == 410
        assert late.json()["type"].endswith("erased-user")
        assert not client.get(f"{address}/export", headers=ADMIN).json()["data"]
    platform = opened(home)
    on_record = AuditLog(platform.database, Pseudonyms.kept_in(workspace.keys)).search()
    done = [one.action for one in on_record if one.outcome is Outcome.DONE]
    export_, erase_ = "GET /v1/users/{user_id}/export", "DELETE /v1/users/{user_id}"
    assert sorted(done) == [erase_, export_, export_]
    assert {one.who for one in on_record} <= {"admin-token", "unknown"}
    platform.database.scrub([])
    platform.close()
    assert _left(home) == []
