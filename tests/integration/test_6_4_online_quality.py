"""Online quality by the command line, over answers that the API gave and events that it took."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind, Workspace
from movie_mlops.features import USER_FEATURES, last_parity
from movie_mlops.features.online.rows import RowFormat
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.flows.serve import make_app
from movie_mlops.monitoring import note
from movie_mlops.monitoring.declared import ONLINE_GUARDRAIL
from movie_mlops.monitoring.quality import GUARDRAILS
from movie_mlops.release import read_manifest
from movie_mlops.serving import ServingConfig
from tests.fixtures.stage_4.command_line import CommandLine, copied
from tests.fixtures.stage_5.platform import running

USERS = 24


@pytest.fixture
def command(finished: CommandLine, tmp_path: Path) -> CommandLine:
    return copied(finished, tmp_path).configured()


@pytest.fixture
def platform(command: CommandLine) -> Iterator[Platform]:
    platform = Platform(Workspace(command.home, "sample"), PlatformConfig())
    yield platform
    platform.close()


def watched(command: CommandLine, **quality: object) -> None:
    """Write what is watched into the configuration of the commands."""
    (command.config / "monitoring.yaml").write_text(json.dumps({"quality": quality}))


def known_users(platform: Platform, count: int) -> list[str]:
    asked = f"SELECT key FROM online_rows WHERE view = 'histories' ORDER BY key LIMIT {count}"
    return [key for (key,) in platform.database.fetch(asked)]


def visit(platform: Platform, users: list[str], *, liked: int) -> dict[str, list[int]]:
    """Give everybody a list, eight days ago by the database; the first so many like its third film, two days later."""
    app = make_app(platform.workspace, platform.config, ServingConfig(served_every=1, impression_delay_seconds=0.01))
    lists = {}
    with running(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        for user in users:
            given = client.get(f"/v1/users/{user}/recommendations", params={"k": 10}).json()
            lists[user] = [item["movie_id"] for item in given["items"]]
        client.post("/v1/recommendations", json={"history": []})
        client.post("/v1/recommendations/group", json={"members": [{"user_id": users[0]}, {"history": []}]})
        then = clock.to_iso(clock.now() - timedelta(days=6))
        events = [
            {"user_id": user, "movie_id": lists[user][2], "kind": "like", "event_time": then} for user in users[:liked]
        ]
        assert not events or client.post("/v1/events", json={"events": events}).is_success
    with platform.database.write() as connection:
        connection.execute(
            text("UPDATE impressions SET at = :at"), {"at": clock.to_iso(clock.now() - timedelta(days=8))}
        )
    return lists


def test_quality_is_told_held_to_what_was_promised_and_kept(command: CommandLine, platform: Platform) -> None:
    """Promise: from API to verdict: lists, likes, figures, the bundle's own promise, readings, page and chat alike."""
    watched(command, least_users=5)
    users = known_users(platform, USERS)
    visit(platform, users, liked=USERS // 2)
    done = command("monitor", "quality", "--json")
    assert (done.code, done.err) == (0, "")
    found = done.document
    assert (found["answers"], found["users"], found["final"]) == (USERS, USERS, USERS)
    assert found["left_out"] == {"groups": 1, "nobody known": 1, "programs": 0}
    figures = found["figures"]["everything"]["everything"]
    assert (figures["hit_ratio"]["value"], figures["ndcg"]["value"]) == (0.5, pytest.approx(0.5))
    assert figures["unanswered"]["value"] == 0.5
    champion = platform.ledger.champion()
    promised = read_manifest(platform.workspace.models / champion.bundle_id).facts["evaluation"]["ndcg@10"]["estimate"]
    assert found["promises"]["1"]["ndcg"] == pytest.approx(promised)
    checks = {check["name"]: check["state"] for check in found["checks"]}
    assert (checks["promise of release 1"], checks["skew"], found["state"]) == ("ok", "ok", "ok")
    readings = {
        (one["name"], one["labels"].get("release")): one["value"]
        for one in command("monitor", "readings", "--json").document
    }
    assert readings["movie_mlops_online_ndcg", "1"] == pytest.approx(0.5)
    assert readings["movie_mlops_online_hit_ratio", "1"] == 0.5
    assert readings["movie_mlops_online_promised_ndcg", "1"] == pytest.approx(promised)
    assert readings["movie_mlops_online_below_promise", None] == 0
    broken = guardrails(command)
    assert broken == {"displeased": 0, "empty": 0, "fallbacks": 0, "repeats": 0}
    assert set(GUARDRAILS) == set(ONLINE_GUARDRAIL.labels[0].values)
    note(platform.database, "movie_mlops_drift_features", 3.0)
    page, chat = command.folder / "week.html", command.folder / "week.md"
    told = command("monitor", "report", "--html", str(page), "--markdown", str(chat))
    assert told.code == 0, told.err
    html, lines = page.read_text(), chat.read_text()
    assert told.out.startswith(lines)
    online = re.search(r"\| (0\.500 \(\S+ to \S+\)) \|", lines)
    assert online
    for number in (online[1], f"{promised:.3f}", "24 of 24 answers to 24 users are final", "50.0%"):
        assert number in lines
        assert number in html
    assert "release 1, promote of" in html
    assert "3, less than a minute ago" in html
    assert html.count("<svg") == 5


def guardrails(command: CommandLine) -> dict[str, float]:
    """Return what was kept of each guardrail that could be judged."""
    return {
        one["labels"]["guardrail"]: one["value"]
        for one in command("monitor", "readings", "--json").document
        if one["name"] == ONLINE_GUARDRAIL.name
    }


def test_what_is_below_what_was_promised_says_so_and_is_no_success(command: CommandLine, platform: Platform) -> None:
    """Everybody likes films that no list showed: below and without reaction, exit code 1, the readings say both."""
    watched(command, least_users=5, guardrails={"unanswered": 0.5})
    users = known_users(platform, USERS)
    lists = visit(platform, users, liked=0)
    shown = {film for films in lists.values() for film in films}
    others = [
        film for (film,) in platform.lake.scan("movies").select("movie_id").collect().iter_rows() if film not in shown
    ]
    then = clock.now() - timedelta(days=6)
    platform.events.append(
        [
            Interaction(f"{user}-{film}", user, film, Kind.LIKE, None, then, "test")
            for user in users
            for film in others[-3:]
        ]
    )
    done = command("monitor", "quality")
    assert done.code == 1
    assert "Not as it should be: promise of release 1, unanswered." in done.out
    assert re.search(r"offline 0\.\d{3}, online 0\.000", done.out)
    assert [name for name, value in guardrails(command).items() if value] == ["unanswered"]
    [below] = [
        one["value"]
        for one in command("monitor", "readings", "--json").document
        if one["name"] == "movie_mlops_online_below_promise"
    ]
    assert below == 1


def test_features_that_are_served_wrong_raise_the_alarm_of_the_same_command(
    command: CommandLine, platform: Platform
) -> None:
    """Promise P6, the drill: a served feature made wrong on purpose: exit code 1, named, kept for the metric."""
    user, other = known_users(platform, 2)
    visit(platform, [user], liked=0)
    before = command("monitor", "quality", "--json")
    assert before.code == 0
    form = RowFormat(USER_FEATURES)
    at, values = form.unpack(bytes(platform.features.store.read_many(USER_FEATURES.name, [other])[0].packed))
    wrong = dict(zip(USER_FEATURES.names, values, strict=True))
    wrong["ratings"] += 1
    with platform.database.write() as connection:
        connection.execute(
            text("UPDATE online_rows SET packed = :packed WHERE view = 'user_features' AND key = :key"),
            {"packed": form.pack(wrong, clock.from_microseconds(at)), "key": other},
        )
    visit(platform, [other], liked=0)
    after = command("monitor", "quality")
    assert after.code == 1
    assert "Not as it should be: skew." in after.out
    assert "user_features:ratings (1)" in after.out
    kept = last_parity(platform.database)
    assert kept.mismatched == 1
    assert kept.rate > kept.bound


def test_a_week_without_an_answer_is_a_page_that_says_so(command: CommandLine) -> None:
    """Where nobody was answered yet there is a report all the same, without plots that would show nothing."""
    done = command("monitor", "report")
    assert done.code == 0, done.err
    assert "cannot be judged yet" in done.out
    page = next(command.home.rglob("online-quality.html")).read_text()
    assert "0 of 0 answers" in page
    assert "Do the lists find" not in page


def test_what_cannot_be_is_refused_in_a_sentence(command: CommandLine) -> None:
    """A horizon of nothing, a setting that is none: one sentence, the next step, nothing written."""
    refused = command("monitor", "quality", "--horizon", "0")
    assert refused.code == 1
    assert refused.err.startswith("error: quality.horizon_days is 0.0. Give days above 0")
    watched(command, horizn_days=3)
    refused = command("monitor", "report")
    assert refused.code == 1
    assert "unknown setting quality.horizn_days. Did you mean 'horizon_days'?" in refused.err
    assert not list(command.home.rglob("online-quality.html"))
