"""What a sample of answers was made from is kept beside them, and computed again from the lake and the event log."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from movie_mlops.core.clock import from_microseconds
from movie_mlops.core.nouns import Workspace
from movie_mlops.features import USER_FEATURES
from movie_mlops.features.online.rows import RowFormat
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.flows.materialise import materialise
from movie_mlops.flows.parity import parity
from movie_mlops.flows.serve import make_app
from movie_mlops.serving import ServingConfig
from tests.fixtures.stage_4.command_line import CommandLine, copied
from tests.fixtures.stage_5.platform import running

EVERY_ONE = ServingConfig(served_every=1, impression_delay_seconds=0.01)


@pytest.fixture
def command(finished: CommandLine, tmp_path: Path) -> CommandLine:
    return copied(finished, tmp_path)


@pytest.fixture
def platform(command: CommandLine) -> Iterator[Platform]:
    platform = Platform(Workspace(command.home, "sample"), PlatformConfig())
    yield platform
    platform.close()


def ask(platform: Platform, *users: str) -> str:
    """Serve, send events and ask for recommendations; return the metrics."""
    app = make_app(platform.workspace, platform.config, EVERY_ONE)
    with running(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        for number, user in enumerate(users):
            films = [
                item["movie_id"] for item in client.get("/v1/movies", params={"k": 3, "offset": number}).json()["items"]
            ]
            client.post("/v1/events", json={"user_id": user, "movie_id": films[0], "kind": "rating", "value": 4.5})
            client.post("/v1/events", json={"user_id": user, "movie_id": films[1], "kind": "dislike"})
            client.post("/v1/events", json={"user_id": user, "movie_id": films[0], "kind": "like"})
            assert client.get(f"/v1/users/{user}/recommendations", params={"k": 5}).status_code == 200
        return client.get("/metrics").text


def known_users(platform: Platform) -> list[str]:
    return [key for (key,) in platform.database.fetch("SELECT key FROM online_rows WHERE view = 'histories' LIMIT 3")]


def test_what_is_served_is_what_is_computed_again(platform: Platform) -> None:
    """Promise P6: what is behind answers, new users and events in between included, is computed again."""
    ask(platform, *known_users(platform), "somebody-new", "1")
    found = parity(platform)
    assert (found.answers, found.mismatched, found.passed) == (5, 0, True)
    assert found.compared > 5 * (1 + len(USER_FEATURES.names))
    assert materialise(platform).films
    ask(platform, *known_users(platform))
    again = parity(platform)
    assert (again.answers, again.mismatched) == (8, 0)


def test_a_store_that_says_something_else_raises_the_alert(command: CommandLine, platform: Platform) -> None:
    """Promise P6: with one side broken the rate, sentence, exit code and metric say so; without, none does."""
    user = known_users(platform)[0]
    assert "movie_mlops_feature_mismatch_ratio" not in ask(platform, user)
    before = command("features", "parity")
    assert (before.code, before.err) == (0, "")
    assert re.fullmatch(r"0 of \d+ served values \(0\.0000%\) .* within the bound of 0\.1000%\.\n", before.out)
    form = RowFormat(USER_FEATURES)
    other = known_users(platform)[1]
    packed = bytes(platform.features.store.read_many(USER_FEATURES.name, [other])[0].packed)
    at, values = form.unpack(packed)
    wrong = dict(zip(USER_FEATURES.names, values, strict=True))
    wrong["ratings"] += 1
    with platform.database.write() as connection:
        connection.execute(
            text("UPDATE online_rows SET packed = :packed WHERE view = 'user_features' AND key = :key"),
            {"packed": form.pack(wrong, from_microseconds(at)), "key": other},
        )
    app = make_app(platform.workspace, platform.config, EVERY_ONE)
    with running(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        client.get(f"/v1/users/{other}/recommendations")
    after = command("features", "parity", "--json")
    found = json.loads(after.out)
    assert (after.code, found["mismatched"], found["worst"]) == (1, 1, "user_features:ratings (1)")
    said = command("features", "parity")
    assert said.code == 1
    assert "1 of " in said.out
    assert "above the bound of 0.1000%: user_features:ratings (1)." in said.out
    assert command("features", "parity", "--bound", "0.5").code == 0
    command("features", "parity")
    metrics = ask(platform)
    ratio = float(re.search(r"^movie_mlops_feature_mismatch_ratio (\S+)$", metrics, re.MULTILINE).group(1))
    assert ratio == pytest.approx(found["rate"])
    assert "movie_mlops_feature_mismatch_bound 0.001" in metrics


def test_only_the_sample_is_kept(platform: Platform) -> None:
    """With a sample of none, answers are kept and what they were made from is not."""
    app = make_app(platform.workspace, platform.config, ServingConfig(served_every=0))
    with running(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        client.get("/v1/users/1/recommendations")
    assert platform.database.fetch("SELECT count(*) FROM served_features") == [(0,)]
    assert parity(platform).sentence == "No answer of the sample can be compared yet."
