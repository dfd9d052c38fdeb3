"""Online quality from end to end: a served model, visitors, the worker, the report of the week in a browser."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text

from movie_mlops.core import clock
from movie_mlops.core.nouns import Workspace
from movie_mlops.flows import Platform, PlatformConfig
from tests.fixtures.stage_4.command_line import CommandLine, copied


@pytest.mark.long
def test_a_week_of_visitors_becomes_a_page(finished: CommandLine, tmp_path: Path, chromium: Browser) -> None:
    """People get lists from the API and like some films; the worker brings it in, the page tells of it."""
    command = copied(finished, tmp_path)
    then = clock.to_iso(clock.now() - timedelta(days=6))
    with command.serving() as client:
        for number in range(1, 6):
            given = client.get(f"/v1/users/u{number:05d}/recommendations").json()
            liked = {"user_id": given["user_id"], "movie_id": given["items"][0]["movie_id"], "kind": "like"}
            assert client.post("/v1/events", json={**liked, "event_time": then}).is_success
    # Nobody waits for a week: the answers are said to be older.
    platform = Platform(Workspace(command.home, "sample"), PlatformConfig())
    with platform.database.write() as connection:
        connection.execute(
            text("UPDATE impressions SET at = :at"), {"at": clock.to_iso(clock.now() - timedelta(days=8))}
        )
    platform.close()
    assert command("worker", "--once").code == 0
    quality = command("monitor", "quality", "--json")
    assert quality.code == 0
    assert quality.document["figures"]["everything"]["everything"]["hit_ratio"]["value"] == 1.0
    page = tmp_path / "week.html"
    assert command("monitor", "report", "--html", str(page)).code == 0
    shown = chromium.new_page()
    shown.goto(page.as_uri())
    expect(shown.locator(".verdict")).to_contain_text("cannot be judged yet")
    expect(shown.locator(".why")).to_contain_text("5 of 5 answers to 5 users are final; 100.0% of them led to a like")
    expect(shown.locator("figure svg").first).to_be_visible()
    expect(shown.locator("table").first).to_contain_text("cannot be judged")
    shown.close()
