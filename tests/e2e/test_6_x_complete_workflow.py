"""Monitoring end to end: what people do with a platform that runs, and what it says of it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.stage_4.command_line import CommandLine, copied

PEOPLE = 130
FILMS = 6


def drifting(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    told = [each for each in found["findings"] if each["status"] == "drift"]
    return {f"{each['group']}: {each['column']}, {each['aspect']}": each for each in told}


def all_films(client: httpx.Client, genre: str) -> list[int]:
    answer = client.get("/v1/movies", params={"genres": genre, "k": 100})
    assert answer.is_success, answer.text
    return [film["movie_id"] for film in answer.json()["items"]]


@pytest.mark.long
def test_another_audience_is_told_by_name_with_what_it_does_and_what_it_is_shown(
    finished: CommandLine, tmp_path: Path
) -> None:
    """Promise P18: to people who come for other films and are known to nobody, drift says so: films, sources, page."""
    home = copied(finished, tmp_path)
    before = home("monitor", "drift", "--json")
    assert before.code == 0, before.err
    assert before.document["verdict"] == "cannot be judged"
    assert not drifting(before.document)
    with home.serving() as client:
        for number in range(1, PEOPLE + 1):
            assert client.get(f"/v1/users/u{number:05d}/recommendations").json()["source"] == "personalised"
        for number in range(PEOPLE):
            assert client.get(f"/v1/users/stranger-{number}/recommendations").json()["source"] == "popular"
        films = all_films(client, "Documentary")
        assert len(films) >= FILMS
        events = [
            {
                "event_id": f"event-{number}-{place}",
                "user_id": f"stranger-{number}",
                "movie_id": films[(number + place) % len(films)],
                "kind": "like",
            }
            for number in range(PEOPLE)
            for place in range(FILMS)
        ]
        for start in range(0, len(events), 100):
            assert client.post("/v1/events", json={"events": events[start : start + 100]}).is_success
    told = home("monitor", "drift", "--answers", str(PEOPLE), "--json")
    assert told.code == 0, told.err
    found = told.document
    assert found["verdict"] == "drift"
    assert found["rows"] >= len(events)
    named = drifting(found)
    assert {"genres: genre, spread", "words: kind, spread", "users: days_of_history, spread"} <= set(named)
    source = {each["cell"]: (each["reference"], each["live"]) for each in named["answers: source, spread"]["cells"]}
    assert source == {"personalised": (1.0, 0.0), "others": (0.0, 1.0)}
    assert named["answers: source, new names"]["note"] == "popular"
    page = Path(found["report"]).read_text()
    assert page.index("differ by more than matters") < page.index("<svg")
    readings = {each["name"]: each["value"] for each in home("monitor", "readings", "--json").document}
    assert readings["movie_mlops_drift_verdict"] == 1
    assert readings["movie_mlops_drift_features"] == found["features"]
    assert readings["movie_mlops_drift_rows"] == len(events)
