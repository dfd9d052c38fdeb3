"""The routes behind the passport's page, over the small platform."""

import math
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from movie_mlops.core.nouns import Kind as Word
from movie_mlops.features import FeedbackConfig, History
from movie_mlops.release import Graph, Kind, Node
from movie_mlops.serving.why import are_same
from tests.fixtures.stage_5.platform import Platform, running

WORDS = [{"movie_id": 6, "kind": "like"}, {"movie_id": 47, "kind": "rating", "value": 4.5}]


class Known:
    """Records that know one history and one graph."""

    def graph(self, recommendation_id: str, /) -> Graph:
        """Return a graph of one node."""
        graph = Graph(f"recommendation:{recommendation_id}")
        graph.add(Node(graph.thing, Kind.RECOMMENDATION, recommendation_id[:12], {"to": "ann <b>"}))
        return graph

    def history(self, _user_id: str, /, *, until: datetime) -> History:
        """Return that Heat was liked."""
        assert until <= datetime.now(UTC)  # noqa: TID251 - the moment of the answer is over
        return History.of([(6, Word.LIKE, None)], FeedbackConfig())

    def rebuild(self, bundle_id: str, /) -> dict[str, Any]:
        """Return that it is possible."""
        return {"possible": True, "problem": None, "changes": [], "command": f"movie-mlops reproduce {bundle_id}"}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


def listed(url: str) -> str:
    answer = httpx.post(f"{url}/v1/recommendations", json={"history": WORDS, "k": 3}).json()
    assert answer["source"] == "personalised"
    return f"{url}/v1/recommendations/{answer['recommendation_id']}"


def test_a_list_is_computed_again_with_the_model_of_its_time(platform: Platform) -> None:
    """After another release has taken over, the old list is computed with the old model, to the last digit."""
    with platform.served() as url:
        address = listed(url)
        platform.promote(platform.train(regularisation=50.0))
        told = httpx.get(f"{address}/why").json()
    assert (told["same"], told["liked"], told["problem"], told["rebuild"]) == (True, 2, None, None)
    assert [item["score"] for item in told["items"]] == [item["score_again"] for item in told["items"]]
    assert {reason["title"] for item in told["items"] for reason in item["because"]} == {"Heat", "Seven"}


def test_the_same_scores_are_the_same_as_far_as_their_sums_can_tell() -> None:
    """Sums in another order differ in their last digits; what differs by more, or is not there, is not the same."""
    then = [2.0, -0.5, 1e-9]
    vectors = np.random.default_rng(0).standard_normal((3000, 128), np.float32)
    asked = vectors[7]
    few, all_of_them = vectors[:40] @ asked, (vectors @ asked)[:40]
    assert are_same(few.tolist(), all_of_them.tolist())
    assert are_same(then, [2.000001, -0.500001, -1e-9])
    assert are_same([], [])
    for other in ([2.0001, -0.5, 1e-9], [2.0, 0.5, 1e-9], [2.0, -0.5, 0.001], [2.0, None, 1e-9], [math.nan, -0.5, 0.0]):
        assert not are_same(then, other), other


def test_a_list_whose_bundle_is_gone_says_so(platform: Platform) -> None:
    """Passport and story of a list whose model was deleted tell what is known, name what is gone, and do not fail."""
    with platform.served() as url:
        address = listed(url)
        first = platform.ledger.champion()
        assert first is not None
        platform.promote(platform.train(regularisation=50.0))
        httpx.get(f"{url}/v1/genres")
        while httpx.get(f"{url}/readyz").json()["release"]["release_id"] != 2:
            pass
        shutil.rmtree(platform.bundles / first.bundle_id)
        story, page = httpx.get(f"{address}/why"), httpx.get(f"{address}/passport")
    assert (story.status_code, story.json()["same"]) == (200, None)
    assert "There is no bundle at" in story.json()["problem"]
    assert page.json()["release"]["release_id"] == 1
    assert "There is no bundle at" in page.json()["problem"]


def test_who_answered_a_user_is_asked_over_http(platform: Platform) -> None:
    """The newest list by a time, also one given just now; a time with an offset is understood, a word is refused."""
    with platform.served(impression_delay_seconds=60) as url:
        given = httpx.get(f"{url}/v1/users/ann/recommendations").json()
        now = httpx.get(f"{url}/v1/users/ann/answered").json()
        early = httpx.get(f"{url}/v1/users/ann/answered", params={"at": "1999-12-31T23:00:00-05:00"}).json()
        refused = httpx.get(f"{url}/v1/users/ann/answered", params={"at": "Tuesday"})
    assert now["said_by"] == "impressions"
    assert now["recommendation"]["recommendation_id"] == given["recommendation_id"]
    assert (early["said_by"], early["release"], early["at"]) == ("ledger", None, "2000-01-01T04:00:00Z")
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:movie-mlops:problem:bad-request")


def test_the_picture_is_served_under_its_own_policy(platform: Platform) -> None:
    """The graph comes as JSON and as SVG; the SVG's policy allows its one style, and no script or foreign thing."""
    app = platform.app(records=Known())
    with running(app) as url:
        address = listed(url)
        picture, graph = httpx.get(f"{address}/lineage.svg"), httpx.get(f"{address}/lineage").json()
        rebuild = httpx.get(f"{address}/why").json()["rebuild"]
    assert picture.headers["content-type"] == "image/svg+xml"
    policy = picture.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert "ann &lt;b&gt;" in picture.text
    assert [node["kind"] for node in graph["nodes"]] == ["recommendation"]
    assert rebuild["possible"] is True


@pytest.mark.parametrize("what", ["passport", "why", "lineage", "lineage.svg"])
def test_an_unknown_list_is_not_found(platform: Platform, what: str) -> None:
    """An id that was never given is a 404 with a sentence, for every one of the routes."""
    with platform.served() as url:
        for name in ("0" * 32, "..", "%2e%2e%2fetc"):
            answer = httpx.get(f"{url}/v1/recommendations/{name}/{what}")
            assert answer.status_code == 404, name
        unknown = httpx.get(f"{listed(url)}/lineage")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:movie-mlops:problem:not-recorded")
