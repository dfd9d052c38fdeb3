"""An operator watches a day's work: the server as it is started, a worker beside it, metrics, readiness and logs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures.stage_4.command_line import CommandLine, copied


def metrics(client: httpx.Client) -> dict[str, float]:
    """Return every metric that has no label, by name."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {one.name: one.value for family in families for one in family.samples if not one.labels}


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_an_event_is_followed_from_the_request_into_the_lake(finished: CommandLine, tmp_path: Path) -> None:
    """What is waiting is told until a worker has brought it in; logs tell the request by its id, and nobody's name."""
    home = copied(finished, tmp_path)
    api, worker = tmp_path / "api.log", tmp_path / "worker.log"
    served = replace(home, settings={**home.settings, "MOVIE_MLOPS_LOG_FILE": str(api)})
    with served.serving() as client:
        assert client.get("/readyz").json()["status"] in {"ready", "degraded"}
        before = metrics(client)
        assert before["movie_mlops_events_waiting"] == 0
        assert before["movie_mlops_model_age_seconds"] > 0
        event = {"user_id": "margarethe", "movie_id": 1, "kind": "like"}
        sent = client.post("/v1/events", json=event, headers={"x-request-id": "find-me"})
        assert sent.headers["x-request-id"] == "find-me"
        assert client.get("/v1/users/margarethe/recommendations?k=5").json()["source"] == "personalised"
        waiting = metrics(client)
        assert waiting["movie_mlops_events_waiting"] == 1
        assert waiting["movie_mlops_list_coverage_ratio"] > 0
        assert home("worker", "--once", "--log-file", str(worker)).code == 0
        assert metrics(client)["movie_mlops_events_waiting"] == 0
        assert metrics(client)["movie_mlops_data_age_seconds"] < before["movie_mlops_data_age_seconds"] + 600
        assert metrics(client)["movie_mlops_log_lines_dropped_total"] == 0
    [told] = [line for line in lines(api) if line.get("request_id") == "find-me"]
    assert (told["route"], told["status"]) == ("/v1/events", 201)
    assert [line["events"] for line in lines(worker) if line["event"] == "a turn was taken"] == [1]
    assert "margarethe" not in api.read_text() + worker.read_text()
