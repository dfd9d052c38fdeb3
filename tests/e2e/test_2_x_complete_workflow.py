"""From what a user just did to the next answer, and to the features of the next run."""

from pathlib import Path
from typing import Any

import httpx

from tests.fixtures.stage_4.command_line import QUICK, CommandLine, copied

USER = "a new user/1"
PATH = "/v1/users/a%20new%20user%2F1"
FILM_COUNTS = (
    "select movie_id, likes_all, likes_7d, ratings from film_features where movie_id in ({}) order by movie_id"
)


def answer(client: httpx.Client) -> dict[str, Any]:
    document: dict[str, Any] = client.get(f"{PATH}/recommendations?k=10").json()
    return document


def films(document: dict[str, Any]) -> list[int]:
    return [item["movie_id"] for item in document["items"]]


def history(client: httpx.Client) -> list[tuple[int, float]]:
    items = client.get(f"{PATH}/history").json()["items"]
    return [(item["movie_id"], item["weight"]) for item in items]


def test_events_histories_features_and_the_next_answer(finished: CommandLine, tmp_path: Path) -> None:
    """Promise P5: an event counts in the very next answer; after the next run lake, features and histories agree."""
    home = copied(finished, tmp_path).configured(**QUICK)
    with home.serving() as client:
        first = answer(client)
        assert (first["source"], history(client)) == ("popular", [])
        liked, disliked = films(first)[0], films(first)[1]
        wanted = FILM_COUNTS.format(f"{liked}, {disliked}")
        before = {row["movie_id"]: row for row in home("lake", "sql", wanted, "--json").document}

        events = [
            {"user_id": USER, "movie_id": liked, "kind": "like"},
            {"user_id": USER, "movie_id": disliked, "kind": "like"},
            {"user_id": USER, "movie_id": disliked, "kind": "rating", "value": 1.0},
        ]
        for event in events:
            assert client.post("/v1/events", json=event).status_code == 201
        live = answer(client)
        assert live["source"] == "personalised"
        # What was met is not recommended again, and what was disliked speaks for nothing.
        assert not {liked, disliked} & set(films(live))
        told = history(client)
        assert sorted(told) == sorted([(liked, 1.0), (disliked, 0.0)])

    run = home("run", "--json")
    assert run.code == 0, run.err
    assert run.document["rows"]["events_new"] == 3
    after = {row["movie_id"]: row for row in home("lake", "sql", wanted, "--json").document}
    for film, likes, ratings in ((liked, 1, 0), (disliked, 0, 1)):
        assert after[film]["likes_all"] - before[film]["likes_all"] == likes
        assert after[film]["ratings"] - before[film]["ratings"] == ratings
    # The newest time in the lake is now that of the events: likes of the last week are theirs alone.
    assert (after[liked]["likes_7d"], after[disliked]["likes_7d"]) == (1, 0)
    mine = f"select interactions, positives, ratings, rating_mean from user_features where user_id = '{USER}'"
    assert [tuple(row.values()) for row in home("lake", "sql", mine, "--json").document] == [(3, 1, 1, 1.0)]

    with home.serving() as client:
        assert history(client) == told
        again = answer(client)
        assert again["source"] == "personalised"
        assert not {liked, disliked} & set(films(again))
