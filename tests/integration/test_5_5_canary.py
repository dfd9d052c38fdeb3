"""Canaries on running servers: from a few users to everybody or back, with nobody's request failing."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.flows.rollout import Conductor
from movie_mlops.release.rollout import (
    Arm,
    CanaryConfig,
    ExperimentPlan,
    Layer,
    Rollout,
    RolloutConfig,
    Rollouts,
    Span,
)
from movie_mlops.serving.recommend import recommend
from movie_mlops.serving.routes import recommendations
from tests.fixtures.stage_5.platform import ADMIN, Platform, running

PATIENCE = 60.0
MOST_WAITING = 20
QUICK = CanaryConfig(
    stages=(0.2, 0.5),
    least_seconds=0.3,
    least_answers=40,
    silence_seconds=30.0,
    slow_ms=10_000,
    guards={"errors": 0.3, "slow": None},
)
USERS = [f"user-{number}" for number in range(60)]


def released(folder: Path, state_url: str | None = None) -> Iterator[Platform]:
    platform = Platform(folder, state_url=state_url)
    platform.promote(platform.train(regularisation=1.0))
    yield platform
    platform.database.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    yield from released(tmp_path)


@pytest.fixture
def on_any_database(tmp_path: Path, state_url: str) -> Iterator[Platform]:
    yield from released(tmp_path, state_url)


def conductor(platform: Platform) -> Conductor:
    return Conductor(platform.database, platform.ledger, platform.events, platform.feedback, lag_seconds=0.6)


def begin(platform: Platform, config: CanaryConfig = QUICK) -> Rollout:
    return Rollouts(platform.database).begin_canary(
        platform.train(regularisation=50.0), config, reason="to see", approved_by="kim", gate={"passed": True}
    )


def app(platform: Platform, *, conducts: bool = True) -> Any:
    rollout = RolloutConfig(canary=QUICK, looks_seconds=0.1)
    return platform.app(rollout=rollout, conductor=conductor(platform) if conducts else None)


class Crowd:
    """Users who ask servers in turn, one every hundredth of a second, as long as only a few wait for answers."""

    def __init__(self, *urls: str) -> None:
        self.urls = urls
        self._stop = asyncio.Event()
        self._waiting = 0
        self.had: defaultdict[tuple[str, str], list[tuple[str | None, str]]] = defaultdict(list)
        self.failures: list[str] = []

    async def run(self) -> None:
        """Ask until it is stopped."""
        async with httpx.AsyncClient(timeout=20) as client, asyncio.TaskGroup() as group:
            number = 0
            while not self._stop.is_set():
                # On a machine that is busy with other things nobody would get to the end of a queue that only grows.
                if self._waiting < MOST_WAITING:
                    url, user = self.urls[number % len(self.urls)], USERS[number // len(self.urls) % 60]
                    self._waiting += 1
                    group.create_task(self._ask(client, url, user))
                    number += 1
                await asyncio.sleep(0.01)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Go on asking until something is so, then stop."""
        deadline = time.monotonic() + PATIENCE
        while not await asyncio.to_thread(is_so):
            assert time.monotonic() < deadline, self.failures[:3]
            await asyncio.sleep(0.05)
        self._stop.set()

    async def _ask(self, client: httpx.AsyncClient, url: str, user: str) -> None:
        try:
            answer = await client.get(f"{url}/v1/users/{user}/recommendations", params={"k": 3})
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
            return
        finally:
            self._waiting -= 1
        if answer.status_code != 200:
            self.failures.append(answer.text)
            return
        document = answer.json()
        arm = next((each["arm"] for each in document.get("experiments", [])), None)
        self.had[url, user].append((arm, document["release"]["bundle_id"]))


def ask(crowd: Crowd, is_so: Callable[[], bool]) -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(crowd.run())
            await crowd.until(is_so)

    asyncio.run(scenario())
    assert crowd.failures == []


def actions(platform: Platform) -> list[str]:
    return [move.action.value for move in Rollouts(platform.database).moves()]


def test_a_good_canary_reaches_everybody_while_servers_come_and_go(on_any_database: Platform) -> None:
    """Promise P17: two servers take a canary stage by stage to the top; P12: one is replaced meanwhile, nothing fails.

    Each user's arm is the same on every server, and once they have the candidate they keep it.
    """
    platform = on_any_database
    likes = [Interaction(f"like-{user}", user, 6, Kind.LIKE, None, None, "tests") for user in USERS]
    platform.events.append(likes)
    begun = begin(platform)
    bundle = begun.plan.bundles[0]
    with running(app(platform, conducts=False)) as stays:
        with running(app(platform)) as first:
            crowd = Crowd(stays, first)
            ask(crowd, lambda: "advance" in actions(platform))
        # Started anew, it knows what goes on from the ledger alone.
        with running(app(platform)) as second:
            after = Crowd(stays, second)
            ask(after, lambda: "promote" in actions(platform))
    assert actions(platform) == ["start", "advance", "promote"]
    champion = platform.ledger.champion()
    assert champion is not None
    assert champion.bundle_id == bundle
    assert champion.gate["canary"]["name"] == "canary-1"
    answers = [answer for each in (crowd, after) for had in each.had.values() for answer in had]
    assert {served for arm, served in answers if arm == "canary"} == {bundle}
    assert bundle not in {served for arm, served in answers if arm == "control"}
    for had in (*crowd.had.values(), *after.had.values()):
        steps = [("control", "canary", None).index(arm) for arm, _ in had]
        assert steps == sorted(steps)
    # On either server the same users had it from the start.
    early = {
        url: {user for (of, user), had in crowd.had.items() if of == url and had[0][0] == "canary"}
        for url in crowd.urls
    }
    assert early[stays] == early[first] != set()
    assert Rollouts(platform.database).verify().broken is None


def test_a_canary_that_fails_is_taken_back_and_fails_nobody(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise P17: a candidate whose answers fail is taken back by the guard; P12: everybody was answered."""
    bundle = begin(platform).plan.bundles[0]

    def broken(snapshot: Any, *words: Any, **more: Any) -> Any:
        if snapshot.model.release.bundle_id == bundle:
            raise FloatingPointError
        return recommend(snapshot, *words, **more)

    monkeypatch.setattr(recommendations, "recommend", broken)
    with running(app(platform)) as url:
        ask(Crowd(url), lambda: "rollback" in actions(platform))
        metrics = httpx.get(f"{url}/metrics").text
    assert 'movie_mlops_arm_answers_total{arm="canary",outcome="failed",rollout="canary-1"}' in metrics
    [_, taken] = Rollouts(platform.database).moves()
    assert taken.approved_by == "canary-guard"
    assert taken.reason.startswith("Answers that failed: 100.00% with the candidate, 0.00% with the champion.")
    assert taken.said["canary"]["errors"] > 0


def test_a_candidate_that_cannot_be_loaded_is_taken_back(platform: Platform) -> None:
    """Promise P17: its bytes were changed after it was begun: the champion answers everybody, and the guard ends it."""
    bundle = begin(platform).plan.bundles[0]
    array = next(path for path in (platform.bundles / bundle).glob("*.npy") if path.name != "movie_ids.npy")
    array.write_bytes(array.read_bytes()[:-1] + b"x")
    with running(app(platform)) as url:
        crowd = Crowd(url)
        ask(crowd, lambda: "rollback" in actions(platform))
    assert {bundle} & {served for had in crowd.had.values() for _, served in had} == set()
    assert "cannot answer with it" in Rollouts(platform.database).moves()[-1].reason


def test_silence_takes_a_canary_back(platform: Platform) -> None:
    """Promise P17: no server says anything: whoever looks first takes it back, because nothing is known of it."""
    begin(platform, replace(QUICK, silence_seconds=0.05))
    time.sleep(0.1)
    conductor(platform).step()
    [_, taken] = Rollouts(platform.database).moves()
    assert (taken.action, "No server was heard of" in taken.reason) == ("rollback", True)
    conductor(platform).step()
    assert len(actions(platform)) == 2


def test_an_operator_sees_and_moves_it(platform: Platform) -> None:
    """The admin routes begin a canary, show it live, hold it and take it back; an outdated view is a conflict."""
    bundle = platform.train(regularisation=50.0)
    told = {"reason": "to see", "approved_by": "kim"}
    with running(app(platform)) as url, httpx.Client(base_url=f"{url}/v1/admin", headers=ADMIN) as admin:
        assert admin.get("/rollouts", headers={"Authorization": "Bearer other"}).status_code == 401
        begun = admin.post("/canary", json={"bundle_id": bundle, **told}).json()
        assert (begun["rollout"]["share"], begun["unable"]) == (0.2, None)
        answers = [admin.get(f"{url}/v1/users/{user}/recommendations").json() for user in USERS[:30]]
        assert {answer["experiments"][0]["arm"] for answer in answers} == {"control", "canary"}
        [live] = admin.get("/rollouts").json()["rollouts"]
        assert {guard["name"] for guard in live["live"]["guards"]} == {"errors", "slow"}
        assert admin.post("/rollouts/canary-1/pause", json={"expected": 1, **told}).json()["rollout"]["paused"]
        conflict = admin.post("/rollouts/canary-1/rollback", json={"expected": 1, **told})
        assert (conflict.status_code, conflict.json()["type"]) == (409, "urn:movie-mlops:problem:rollout-conflict")
        assert admin.post("/rollouts/canary-1/rollback", json=told).json()["rollout"] is None
        answer = admin.get(f"{url}/v1/users/{USERS[0]}/recommendations").json()
        assert "experiments" not in answer
        passport = admin.get(f"{url}/v1/recommendations/{answer['recommendation_id']}/passport").json()
        assert passport["recommendation"]["stamp"] == 0
        assert [move["action"] for move in admin.get("/rollouts").json()["moves"]] == ["rollback", "pause", "start"]


def test_to_roll_back_takes_the_canary_back_first(platform: Platform) -> None:
    """As on the command line: while a canary goes on it is what is taken back, and what serves goes on serving."""
    begin(platform)
    with (
        running(app(platform, conducts=False)) as url,
        httpx.Client(base_url=f"{url}/v1/admin", headers=ADMIN) as admin,
    ):
        before = admin.get("/releases").json()["serving"]
        done = admin.post("/rollback", json={"reason": "complaints"}).json()
        assert ("release" in done, done["rollout"]["kind"], done["serving"]) == (False, "canary", before)
        told = admin.get("/rollouts").json()
        assert (told["rollouts"], told["moves"][0]["action"]) == ([], "rollback")


def test_the_passport_of_a_candidates_answer_is_the_candidates(platform: Platform) -> None:
    """Who answered is on record: the bundle of the arm, under the release that was in force."""
    bundle = begin(platform).plan.bundles[0]
    with running(app(platform, conducts=False)) as url, httpx.Client(base_url=url) as client:
        for user in USERS:
            answer = client.get(f"/v1/users/{user}/recommendations").json()
            if answer["experiments"][0]["arm"] == "canary":
                break
        page = client.get(f"/v1/recommendations/{answer['recommendation_id']}/passport").json()
    assert answer["release"]["bundle_id"] == bundle == page["bundle"]["bundle_id"]
    assert page["recommendation"]["experiments"] == [{"name": "canary-1", "arm": "canary"}]
    assert page["release"]["release_id"] == 1


def test_a_shadow_and_lists_made_together_on_a_running_server(platform: Platform) -> None:
    """Begun while it runs: the shadow's likeness and the votes are told live; answers say whose each film is."""
    rollouts, told = Rollouts(platform.database), {"reason": "to see", "approved_by": "kim"}
    old, new = platform.ledger.champion(), platform.train(regularisation=50.0)
    assert old is not None
    arms = (Arm("old", bundle_id=old.bundle_id), Arm("new", bundle_id=new))
    with running(app(platform)) as url, httpx.Client(base_url=url, headers=ADMIN) as client:
        platform.events.append([Interaction("like", "ann", 6, Kind.LIKE, None, None, "tests")])
        rollouts.begin_shadow(new, 1.0, **told)
        plan = ExperimentPlan(Layer.MODELS, 1.0, Span(0, 0), arms, how="interleaved", response_seconds=1.5)
        rollouts.begin_experiment("both", plan, **told)
        client.post("/v1/admin/reload")
        answer = client.get("/v1/users/ann/recommendations", params={"k": 4}).json()
        assert answer["experiments"] == [{"name": "both", "arm": "both"}]
        passport = client.get(f"/v1/recommendations/{answer['recommendation_id']}/passport").json()["recommendation"]
        assert sorted(passport["policy"]["teams"]) == [0, 0, 1, 1]
        assert passport["policy"]["bundles"] == [old.bundle_id, new]
        taken = next(item for item, team in zip(answer["items"], passport["policy"]["teams"], strict=True) if team == 1)
        client.post("/v1/events", json={"user_id": "ann", "movie_id": taken["movie_id"], "kind": "like"})
        deadline = time.monotonic() + PATIENCE
        while True:
            shadow, both = client.get("/v1/admin/rollouts").json()["rollouts"]
            counted = shadow["live"]["arms"].get("shadow", {})
            if counted.get("answers") == 1 and both["live"]["preference"]["losses"] == 1:
                break
            assert time.monotonic() < deadline, (shadow, both)
            time.sleep(0.05)
    assert (counted["errors"], counted["unable"]) == (0, [])
    assert 0 < counted["agreement"] <= 1
    assert both["live"]["preference"]["wins"] == 0
