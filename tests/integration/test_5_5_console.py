"""Roll-outs in the console: begun, seen live, held, let go, taken back, by who is signed in."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from movie_mlops.flows.rollout import Conductor
from movie_mlops.release.rollout import Arm, ExperimentPlan, Layer, Rollouts, Span
from tests.fixtures.stage_5.platform import ADMIN, Platform, running

TOKEN = ADMIN["Authorization"].split()[1]
WHO = {"approved_by": "ann", "reason": "A try."}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


@pytest.fixture
def console(platform: Platform) -> Iterator[httpx.Client]:
    """Somebody who has signed in."""
    conductor = Conductor(platform.database, platform.ledger, platform.events, platform.feedback, lag_seconds=0)
    app = platform.app(conductor=conductor)
    with running(app) as url, httpx.Client(base_url=url, timeout=20, follow_redirects=True) as client:
        assert client.post("/console/sign-in", data={"token": TOKEN}).status_code == 200
        yield client


def code(page: str) -> str:
    return re.findall(r'name="code" value="([0-9a-f]{64})"', page)[0]


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_canary_is_begun_seen_held_and_taken_back(platform: Platform, console: httpx.Client) -> None:
    """What the command line does with a canary, the console does; its share, its reason and its intervals are shown."""
    bundle = platform.train(regularisation=50.0)
    page = console.get("/console/releases").text
    assert "Rolled out" not in words(page)
    page = console.post("/console/actions/canary", data={"code": code(page), "bundle": bundle, **WHO}).text
    assert "It is written in the ledger of roll-outs" in words(page)
    assert f"canary-1: 1.0% {bundle} : It waits: 0 of 1,000 answers at 1%." in words(page)
    assert "rolled out canary-1 (1%)" in words(console.get("/console").text)
    for user in range(150):
        console.get(f"/v1/users/{user}/recommendations")
    while "errors, worse by: " not in (page := console.get("/console/releases").text):
        pass
    held = console.post("/console/actions/move", data={"code": code(page), "move": "canary-1:pause:1", **WHO}).text
    assert "canary-1: 1.0%, held" in words(held)
    assert "canary-1: go on" in words(held)
    late = console.post("/console/actions/move", data={"code": code(page), "move": "canary-1:rollback:1", **WHO})
    assert (late.status_code, "is at move 2, not at 1" in words(late.text)) == (409, True)
    gone = console.post("/console/actions/move", data={"code": code(page), "move": "canary-1:rollback:2", **WHO}).text
    assert "Rolled out" not in words(gone)
    assert [(move.action.value, move.approved_by) for move in Rollouts(platform.database).moves()] == [
        ("start", "ann"), ("pause", "ann"), ("rollback", "ann")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "form", "said"),
    [
        ("canary", {"code": "0" * 64}, "another session"),
        ("canary", {"bundle": "../models"}, "There is no bundle with the id '../models'."),
        ("canary", {"reason": ""}, "has no reason"),
        ("move", {"move": "canary-1:explode:1"}, "Nothing was chosen"),
        ("move", {"move": "canary-1:pause:1"}, "Nothing called 'canary-1' goes on"),
    ],
)
def test_what_cannot_be_done_says_why(
    platform: Platform, console: httpx.Client, action: str, form: dict[str, str], said: str
) -> None:
    """Another session's form, a bundle that is none, no reason, no move: nothing is written."""
    told = {"code": code(console.get("/console/releases").text), "bundle": platform.train(regularisation=50.0), **WHO}
    answer = console.post(f"/console/actions/{action}", data={**told, **form})
    assert (answer.is_client_error, said in words(answer.text)) == (True, True), words(answer.text)
    assert Rollouts(platform.database).moves() == []


@pytest.mark.parametrize("conducted", [True, False], ids=["with a conductor", "without one"])
def test_a_shadow_and_an_experiment_are_shown_as_well(platform: Platform, *, conducted: bool) -> None:
    """What has no bundle of its own, or nobody who sees to it, is shown with what is known, and can be stopped."""
    champion, bundle = platform.ledger.history()[0].bundle_id, platform.train(regularisation=50.0)
    rollouts = Rollouts(platform.database)
    arms = (Arm("old", 1.0, champion), Arm("new", 1.0, bundle))
    rollouts.begin_experiment("try", ExperimentPlan(Layer.MODELS, 0.5, Span(0, 0), arms), **WHO)
    rollouts.begin_shadow(bundle, 0.1, **WHO)
    conductor = Conductor(platform.database, platform.ledger, platform.events, platform.feedback, lag_seconds=0)
    app = platform.app(conductor=conductor) if conducted else platform.app()
    with running(app) as url, httpx.Client(base_url=url, timeout=20, follow_redirects=True) as client:
        client.post("/console/sign-in", data={"token": TOKEN})
        page = words(client.get("/console/releases").text)
        overview = words(client.get("/console").text)
    assert f"try: 50.0% old: {champion} , new: {bundle}" in page
    assert "try: stop" in page
    assert "try (50%)" in overview
