"""Roll-outs by the command line, on a finished home."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from movie_mlops.cli.main import main
from movie_mlops.core import clock
from movie_mlops.core.nouns import Workspace
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.flows.off_policy import Target, explored_lists
from movie_mlops.flows.release import release as release_step
from movie_mlops.lake import INTERACTIONS
from movie_mlops.release import read_bundle
from movie_mlops.serving import Impression
from movie_mlops.serving.impressions import Impressions
from tests.fixtures.stage_3.registry_home import Home
from tests.fixtures.stage_4.command_line import CommandLine, copied

WHY = ("--reason", "to see")


@pytest.fixture
def home(
    finished: CommandLine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Home:
    # Away from the checkout, whose .env may name a key that signs.
    monkeypatch.chdir(tmp_path)
    return Home(copied(finished, tmp_path).home, capsys)


@pytest.fixture
def release(home: Home, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command of releases, and return its exit code with what it printed, as JSON where that was asked for."""

    def run(*words: str) -> tuple[int, Any]:
        code = main(["release", *words, "--home", str(home.path)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        if code:
            return code, printed.err
        return code, json.loads(printed.out) if "--json" in words else printed.out

    return run


def test_a_canary_from_its_begin_to_its_end(home: Home, release: Any) -> None:
    """Begun, seen, held, let go, taken back; then another that is promoted; every move is on record and sealed."""
    bundle = home.another().bundle_id
    champion = release("status", "--json")[1]["bundle_id"]
    code, told = release("canary", bundle, *WHY, "--stages", "2,50")
    assert (code, "for 2% of the users" in told) == (0, True)
    # A bundle that is rolled out is not cleared away, however new or nameless it is.
    assert bundle in {path.name for path in home.models.iterdir()}
    home("gc", "--keep-days", "0")
    assert bundle in {path.name for path in home.models.iterdir()}
    status = release("status", "--json")[1]
    [going] = status["rollouts"]
    assert (status["bundle_id"], going["name"], going["share"]) == (champion, "canary-1", 0.02)
    assert {guard["name"] for guard in going["live"]["guards"]} == {
        "errors",
        "slow",
        "popular",
        "displeased",
        "pleased",
    }
    text = release("status")[1]
    assert f"canary-1 (canary) at 2.00% since {going['since']}: {bundle}" in text
    assert "It waits: 0 of 1,000 answers at 2%." in text
    assert release("pause", *WHY)[0] == 0
    assert "is held already" in release("pause", *WHY)[1]
    assert release("resume", *WHY, "--json")[1]["paused"] is False
    assert release("watch", "--once", "--json")[1]["next"] == "wait"
    assert "there is one canary at a time" in release("canary", bundle, *WHY)[1]
    # Somebody who looked before the canary began still means the champion, and is told that nothing was before it.
    assert "nothing to roll back to" in release("rollback", *WHY, "--expected", champion)[1]
    assert "is taken back; everybody has what serves" in release("rollback", *WHY)[1]
    assert release("status", "--json")[1]["rollouts"] == []
    # What somebody took back, the next run does not put in front of people by itself.
    platform = Platform(Workspace(home.path, "sample"), PlatformConfig())
    kept = release_step(platform, bundle, {"passed": True, "checks": []})
    platform.close()
    assert (kept["action"], kept["why"]) == ("withheld", "operator took its canary back: to see")
    release("canary", bundle, *WHY)
    promoted = release("promote", bundle, *WHY, "--json")[1]
    assert (promoted["bundle_id"], promoted["gate"]["canary"]["name"]) == (bundle, "canary-2")
    moves = release("history", "--rollouts", "--json")[1]
    assert [(move["name"], move["action"]) for move in moves] == [
        ("canary-2", "promote"),
        ("canary-2", "start"),
        ("canary-1", "rollback"),
        ("canary-1", "resume"),
        ("canary-1", "pause"),
        ("canary-1", "start"),
    ]
    assert [row["bundle_id"] for row in release("history", "--json")[1]] == [bundle, champion]
    verified = release("verify", "--json")[1]
    assert (verified["whole"], verified["rollouts"]["releases"]) == (True, 6)
    assert "6 moves of roll-outs, each as it was sealed" in release("verify")[1]
    assert "There is no canary" in release("pause", *WHY)[1]


def test_experiments_and_shadows(home: Home, release: Any) -> None:
    """Begun and stopped; what cannot be is refused in a sentence that says how it is written."""
    bundle = home.another().bundle_id
    arms = ("--arm", "old=champion", "--arm", f"new={bundle}:2")
    assert release("experiment", "taste", *arms, *WHY, "--share", "0.3", "--design", "pocock", "--looks", "3")[0] == 0
    assert release("experiment", "both", *arms, *WHY, "--share", "0.2", "--interleaved")[0] == 0
    chance = ("--arm", "none=0", "--arm", "some=0.2", "--layer", "exploration")
    assert release("experiment", "chance", *chance, *WHY, "--share", "1")[0] == 0
    assert release("shadow", bundle, *WHY, "--share", "0.5")[0] == 0
    going = {each["name"]: each for each in release("status", "--json")[1]["rollouts"]}
    assert {name: each["share"] for name, each in going.items()} == {
        "taste": 0.3,
        "both": 0.2,
        "chance": 1.0,
        "shadow-1": 0.5,
    }
    [compared] = going["taste"]["live"]["comparisons"]
    assert (compared["differs"], [look["people"] for look in compared["looks"]]) == (False, [334, 667, 1000])
    assert going["both"]["live"]["preference"]["share"] is None
    text = release("status")[1]
    assert f"both (experiment) at 20.00% since {going['both']['since']}: old: " in text
    assert "is not NAME=BUNDLE" in release("experiment", "x", "--arm", "old", "--arm", "new=champion", *WHY)[1]
    assert "left together" in release("experiment", "x", *arms, *WHY, "--share", "0.6")[1]
    assert "There is no 'weekly'" in release("experiment", "x", *arms, *WHY, "--design", "weekly")[1]
    for name in going:
        assert release("stop", name, *WHY)[0] == 0
    assert "Nothing called 'taste' goes on; nothing does" in release("stop", "taste", *WHY)[1]


def test_off_policy_reads_the_answers_that_were_kept(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file the log is the server's own; where nothing was explored the command says what to set."""
    assert main(["evaluate", "off-policy", "--home", str(home.path)]) == 1
    assert "Set exploration.budget above 0 in config/rollout.yaml" in capsys.readouterr().err


def test_another_bundle_is_judged_by_its_own_order(home: Home) -> None:
    """The candidates of an explored answer are put in the order of the bundle's scores for the history of that time."""
    platform = Platform(Workspace(home.path, "sample"), PlatformConfig())
    bundle = read_bundle(next(home.models.glob("ease-*")), trust=platform.keys.trust)
    user = platform.lake.scan(INTERACTIONS).select("user_id").head(1).collect().item()
    history = platform.histories.read(user)
    place = {movie_id: item for item, movie_id in enumerate(bundle.movie_ids.tolist())}
    said = [
        (place[movie_id], weight)
        for movie_id, weight in zip(history.movie_ids.tolist(), history.weights.tolist(), strict=True)
        if weight and movie_id in place
    ]
    scores = bundle.recommender.score_one(
        np.array([i for i, _ in said], np.int32), np.array([w for _, w in said], np.float32)
    )
    candidates = bundle.movie_ids[:6].tolist()
    order = sorted(candidates, key=lambda movie_id: -scores[place[movie_id]])
    impressions = Impressions(platform.database)
    for name, shown in (("a" * 32, order[:3]), ("b" * 32, order[::-1][:3])):
        policy = {"chance": 0.5, "depth": 6, "kept": 0, "candidates": candidates}
        items = [(movie_id, 1.0) for movie_id in shown]
        impressions.keep(
            Impression(
                name, clock.now(), user, 1, "personalised", items, {}, propensities=(0.5, 0.4, 0.3), policy=policy
            )
        )
    impressions.flush()
    lists = explored_lists(platform, Target(), bundle_id=bundle.bundle_id, window_seconds=60)
    platform.close()
    assert lists.target.tolist() == [[1, 1, 1], [0, 0, 0]]
    assert lists.logged.tolist() == [[0.5, 0.4, 0.3]] * 2


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command has a help that names the home, and wrong usage is code 2."""
    for command in ("canary", "watch", "pause", "resume", "stop", "experiment", "shadow", "status", "history"):
        assert main(["release", command, "--help"]) == 0
        assert "--home" in capsys.readouterr().out
    assert main(["release", "canary"]) == 2
