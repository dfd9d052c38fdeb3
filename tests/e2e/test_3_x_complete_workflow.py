"""Two releases: who served when, what is behind an answer, the way back, and bytes that nobody can change unseen."""

import json
import random
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import REPOSITORY
from tests.fixtures.stage_3.postgres_server import PostgresServer
from tests.fixtures.stage_4.command_line import CommandLine, copied

EASE = {
    "recipes": [
        {"name": "popular", "model": "popular"},
        {"name": "ease", "model": "ease", "params": {"regularisation": 20}},
    ],
    "baselines": ["popular"],
}
HISTORIES = ([1], [6, 50], [1, 6, 50, 260])
TRAIN = """
import sys
from pathlib import Path

import numpy as np
from scipy import sparse

from movie_mlops.recommenders import create
from movie_mlops.release import write_bundle

likes = (np.random.default_rng(20).random((300, 40)) < 0.2).astype(np.float32)
for name in ("popular", "item-knn", "ease", "edlae", "ials"):
    model = create(name)
    model.fit(sparse.csr_matrix(likes))
    print(write_bundle(Path(sys.argv[1]), model=model, movie_ids=np.arange(40), facts={"dataset": "drawn"}).bundle_id)
"""


@pytest.fixture
def home(second_release: CommandLine, tmp_path: Path) -> CommandLine:
    return copied(second_release, tmp_path)


def answers(client: httpx.Client) -> list[Any]:
    """Return the lists that some histories get, scores and reasons included, and which bundle gave them."""
    told = []
    for liked in HISTORIES:
        body = {"history": [{"movie_id": film, "kind": "like"} for film in liked], "explain": True}
        document = client.post("/v1/recommendations", json=body).json()
        assert document["source"] == "personalised"
        told.append((document["items"], document["release"]["bundle_id"]))
    return told


def test_a_rollback_restores_the_very_same_answers(finished: CommandLine, home: CommandLine, tmp_path: Path) -> None:
    """Promise P11: after a roll-back by hand the first release's lists come back, to the last digit of each score."""
    (tmp_path / "before").mkdir()
    with copied(finished, tmp_path / "before").serving() as client:
        before = answers(client)
    with home.serving() as client:
        second = answers(client)
        assert [items for items, _ in second] != [items for items, _ in before]
        # The server goes on running: it follows the ledger, whoever writes it.
        done = home("release", "rollback", "--reason", "odd lists", "--approved-by", "kim")
        assert done.code == 0, done.err
        for _ in range(200):
            # Some of these may be answered before the change and some after it.
            if (restored := answers(client)) == before:
                break
        assert restored == before
        identifier = client.get("/v1/users/nobody/recommendations").json()["recommendation_id"]
        page = client.get(f"/v1/recommendations/{identifier}/passport").json()
    assert page["release"]["action"] == "rollback"
    assert (page["release"]["reason"], page["release"]["approved_by"]) == ("odd lists", "kim")
    assert page["bundle"]["bundle_id"] == before[0][1]
    assert page["data"]["lake_versions"]["interactions"] == 0
    assert page["gate"]["passed"] is True


def test_who_served_is_known_for_every_moment(home: CommandLine) -> None:
    """Promise P10: each moment has one release; one's end is the next one's beginning, and before the first is none."""
    second, first = home("release", "history", "--json").document
    assert (first["until"], second["until"]) == (second["at"], None)
    elsewhere = datetime.fromisoformat(second["at"]).astimezone(timezone(timedelta(hours=9))).isoformat()
    before = (datetime.fromisoformat(second["at"]) - timedelta(microseconds=1)).isoformat()
    moments = {
        "2000-01-01": None,
        first["at"]: first["release_id"],
        before: first["release_id"],
        elsewhere: second["release_id"],
        "2999-01-01": second["release_id"],
    }
    for moment, expected in moments.items():
        served = home("release", "who-served", "--at", moment, "--json").document
        assert (served["release"] and served["release"]["release_id"]) == expected, moment
        assert served["said_by"] == "ledger"
    assert home("release", "who-served", "--at", "Tuesday").code == 2


def test_who_answered_a_user_is_known_from_the_answer_itself(home: CommandLine) -> None:
    """Promise P10: what a user was shown names its release; the ledger speaks only where nothing was shown."""
    with home.serving() as client:
        given = client.get("/v1/users/42/recommendations").json()
    home("release", "rollback", "--reason", "odd lists")
    answered = home("release", "who-served", "--user", "42", "--at", "2999-01-01", "--json").document
    assert answered["said_by"] == "impressions"
    assert answered["recommendation"]["recommendation_id"] == given["recommendation_id"]
    assert answered["release"]["release_id"] == given["release"]["release_id"]
    assert answered["serving"]["release_id"] == given["release"]["release_id"] + 1
    late = home("release", "rollback", "--reason", "odd lists", "--expected", given["release"]["bundle_id"])
    assert (late.code, "The champion is" in late.err) == (1, True)
    told = home("release", "who-served", "--user", "nobody", "--at", "2999-01-01").out
    assert "No answer to user nobody was kept by then. Release 3 " in told


def test_an_altered_ledger_is_named_and_nothing_is_added_to_it(home: CommandLine) -> None:
    """A row that somebody changed in the file is named by 'release verify', a roll-back is refused, serving goes on."""
    whole = home("release", "verify", "--json").document
    assert (whole["whole"], whole["releases"], whole["sealed"]) == (True, 2, 2)
    assert home("release", "verify", "--head", whole["head"]).code == 0
    with sqlite3.connect(home.home / "data" / "state" / "sample.db") as file:
        file.execute("DROP TRIGGER releases_refuse_update")
        file.execute("UPDATE releases SET approved_by = 'somebody else' WHERE release_id = 1")
    found = home("release", "verify", "--head", "0" * 64)
    assert found.code == 1
    assert "Release 1 was changed" in found.out
    assert "No release has the seal 000" in found.out
    refused = home("release", "rollback", "--reason", "odd lists")
    assert refused.code == 1
    assert "Release 1 was changed" in refused.err
    with home.serving() as client:
        assert client.get("/v1/users/42/recommendations").json()["release"]["release_id"] == 2


def test_a_passport_names_the_bundle_to_the_byte(home: CommandLine) -> None:
    """What a passport says of a bundle is what lies on the disk: every array's hash, and the data's version."""
    with home.serving() as client:
        given = client.get("/v1/users/nobody/recommendations").json()
        page = client.get(f"/v1/recommendations/{given['recommendation_id']}/passport").json()
    bundle_id = home("release", "status", "--json").document["bundle_id"]
    manifest = json.loads((home.home / "models" / "sample" / bundle_id / "manifest.json").read_text())
    assert page["bundle"]["bundle_id"] == bundle_id
    for file, digest in page["bundle"]["sha256"].items():
        assert digest in json.dumps(manifest), file
    rows = home("lake", "history", "interactions", "--json").document
    assert page["data"]["lake_versions"]["interactions"] in {commit["version"] for commit in rows}


@pytest.mark.long
def test_a_stranger_makes_the_champion_again(home: CommandLine, tmp_path: Path) -> None:
    """Promise P7: 'reproduce' makes what serves again, to the byte; 'lineage' draws what it was made from."""
    serving = home("release", "status", "--json").document["bundle_id"]
    again = home("reproduce", serving, "--json")
    assert (again.code, again.document["equal"], again.document["changes"]) == (0, True, []), again.err
    drawn = tmp_path / "lineage.svg"
    told = home("lineage", serving, "--svg", str(drawn))
    assert told.code == 0, told.err
    assert "source sample" in told.out
    assert drawn.read_text().startswith("<svg ")
    unknown = home("reproduce", serving[:-1] + "x")
    assert (unknown.code, "Did you mean" in unknown.err) == (1, True)


@pytest.mark.parametrize("what", ["an array", "the manifest"])
def test_a_bundle_that_was_tampered_with_never_serves(home: CommandLine, what: str) -> None:
    """Promise P8: one flipped bit is found by 'models verify', and no server starts to answer with it."""
    serving = home("release", "status", "--json").document["bundle_id"]
    folder = home.home / "models" / "sample" / serving
    if what == "an array":
        path = max(folder.glob("*.npy"), key=lambda file: file.stat().st_size)
        whole = bytearray(path.read_bytes())
        whole[len(whole) // 2] ^= 1
        path.write_bytes(bytes(whole))
    else:
        path = folder / "manifest.json"
        before = path.read_text()
        path.write_text(before.replace('"regularisation": 260', '"regularisation": 261'))
        assert path.read_text() != before
    verified = home("models", "verify", "--json")
    assert verified.code == 1
    whole_ones = {row["bundle"]: row["whole"] for row in verified.document}
    assert whole_ones.pop(serving) == "no"
    assert set(whole_ones.values()) == {"yes"}
    # It lives, so that somebody can ask it what is wrong; it is not ready, so that nobody is sent to it.
    with home.serving(ready=False) as client:
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["failure"]["code"]) == (503, "bundle")
        answer = client.post("/v1/recommendations", json={"history": [{"movie_id": 1, "kind": "like"}]}).json()
        assert (answer["source"], answer["release"]) == ("popular", None)


def test_two_clean_processes_make_the_same_bytes(tmp_path: Path) -> None:
    """Promise P7: trained twice, in processes that share nothing, every model is the same, bit for bit."""
    made = []
    for number, threads in (("one", "1"), ("two", "2")):
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, str(tmp_path / number)],
            env={"PYTHONPATH": str(REPOSITORY / "src"), "PYTHONHASHSEED": threads, "OPENBLAS_NUM_THREADS": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        files = {path.relative_to(tmp_path / number): path.read_bytes() for path in (tmp_path / number).rglob("*.*")}
        made.append((done.stdout.split(), {path: content for path, content in files.items() if path.suffix}))
    assert len(made[0][0]) == 5
    assert made[0] == made[1]


def six_circles(folder: Path) -> Path:
    """Return ratings of 400 users, each of whom likes films of one circle of six, and two others."""
    draw, rows = random.Random(5), ["user_id,movie_id,rating,timestamp"]
    for user in range(400):
        circle = [user % 6 * 15 + film for film in range(15)]
        films = dict.fromkeys([*draw.sample(circle, 8), *draw.sample(range(90), 2)])
        rows += [f"u{user},{film},5,{1_700_000_000 + user * 1000 + place * 100}" for place, film in enumerate(films)]
    (folder / "circles.csv").write_text("\n".join([*rows, ""]))
    return folder / "circles.csv"


@pytest.mark.long
def test_the_whole_way_on_postgres(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """With the state on PostgreSQL all is as on SQLite: a run, nothing to do, events, a second release, the way back.

    No file of state lies in the home, and no output holds the password.
    """
    with postgres_server.database() as name:
        settings = {"MOVIE_MLOPS_STATE_URL": postgres_server.port_url(name)}
        home = CommandLine(tmp_path, tmp_path / "home", settings=settings).configured(**EASE)
        run = ("run", "--json", "--source", f"file:{six_circles(tmp_path)}")
        first, again = home(*run), home(*run)
        assert (first.code, again.code) == (0, 0), first.err + again.err
        assert {step["status"] for step in first.document["steps"]} == {"done"}
        assert {step["status"] for step in again.document["steps"]} == {"skipped"}
        assert sorted(path.name for path in (home.home / "data" / "state").iterdir()) == ["circles.lock"]
        assert postgres_server.sql("SELECT count(*) FROM movie_mlops_circles.releases", name) == [(1,)]
        with home.serving() as client:
            likes = [{"event_id": f"e{film}", "user_id": "김 1", "movie_id": film, "kind": "like"} for film in (1, 2)]
            for counts in ((2, 0), (0, 2)):
                accepted = client.post("/v1/events", json={"events": likes}).json()
                assert (accepted["accepted"], accepted["duplicates"]) == counts
            said = client.get("/v1/users/김 1/history").json()["items"]
            assert {film["movie_id"] for film in said} == {1, 2}
            before = client.get("/v1/users/김 1/recommendations").json()
            assert before["source"] == "personalised"
        recipes = [EASE["recipes"][0], {"name": "ease", "model": "ease", "params": {"regularisation": 25}}]
        second = home.configured(**{**EASE, "recipes": recipes})(*run)
        assert second.document["rows"]["events_new"] == 2
        assert second.document["release"]["action"] == "promoted"
        with home.serving() as client:
            assert client.get("/v1/users/김 1/recommendations").json()["items"] != before["items"]
            rolled = home("release", "rollback", "--reason", "odd lists", "--approved-by", "kim")
            history = home("release", "history", "--json")
            assert [release["action"] for release in history.document] == ["rollback", "promote", "promote"]
            for _ in range(200):
                after = client.get("/v1/users/김 1/recommendations").json()
                if after["release"]["release_id"] == 3:
                    break
            assert after["release"]["bundle_id"] == before["release"]["bundle_id"]
        told = "".join(done.out + done.err for done in (first, again, second, rolled, history))
        assert "canary" not in told
