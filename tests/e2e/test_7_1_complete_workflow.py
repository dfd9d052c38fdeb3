"""Somebody closes their platform and gives keys away: the commands and the server as they are started, and a client."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from movie_mlops.client import ApiError, Client
from tests.conftest import REPOSITORY
from tests.fixtures.stage_4.command_line import CommandLine, copied


def test_keys_are_given_used_changed_and_taken_back(finished: CommandLine, tmp_path: Path) -> None:
    """A closed server answers whom it is shown a key of, as far as the key goes, until it is revoked."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "security.yaml").write_text(yaml.safe_dump({"access": "closed"}))
    (config / "platform.yaml").write_bytes((REPOSITORY / "config" / "platform.yaml").read_bytes())
    (config / "tuned.yaml").write_bytes((REPOSITORY / "config" / "tuned.yaml").read_bytes())
    home = replace(copied(finished, tmp_path), config=config)
    keys = ("security", "keys")
    ann = home(*keys, "create", "--name", "ann's", "--role", "viewer", "--user", "ann", "--expires", "30d", "--json")
    shop = home(*keys, "create", "--name", "shop", "--role", "service", "--by", "tests", "--json")
    assert home(*keys, "create", "--name", "x", "--role", "king").code == 1
    with home.serving() as http:
        url = str(http.base_url)
        assert http.get("/v1/genres").status_code == 401
        with Client(url, key=ann.document["key"]) as client:
            client.send({"user_id": "ann", "movie_id": 1, "kind": "like"})
            answer = client.recommend("ann", k=3)
            assert answer["source"] == "personalised"
            assert client.passport(answer["recommendation_id"])["recommendation"]["user_id"] == "ann"
            with pytest.raises(ApiError) as refused:
                client.history("ben")
            assert refused.value.status == 403
        followed = home(*keys, "rotate", shop.document["key_id"], "--overlap", "1h", "--json").document
        assert home(*keys, "revoke", shop.document["key_id"], "--by", "tests").code == 0
        taken_back = {"Authorization": f"Bearer {shop.document['key']}"}
        for _ in range(1200):
            if http.get("/v1/genres", headers=taken_back).status_code == 401:
                break
            time.sleep(0.05)
        else:
            pytest.fail("a revoked key goes on")
        with Client(url, key=followed["key"]) as client:
            assert client.recommend("ben", k=1)["items"]
    listed = home(*keys, "list", "--json").document
    assert [(one["name"], one["standing"]) for one in listed] == [
        ("ann's", "good"),
        ("shop", "revoked"),
        ("shop", "good"),
    ]
    printed = home(*keys, "list").out
    assert not any(done["key"] in printed + str(listed) for done in (ann.document, shop.document, followed))
    assert listed[0]["last_used_at"] is not None
