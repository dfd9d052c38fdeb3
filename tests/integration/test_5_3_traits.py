"""What somebody without an account tells of themselves: what it does to the list, and that it is kept nowhere."""

import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from scipy import sparse

from movie_mlops.client import ApiError, Client
from movie_mlops.core.logs import LogConfig, LogLines
from movie_mlops.recommenders import create
from tests.fixtures.stage_5.platform import LIKES, MOVIE_IDS, Platform

TRADE = "canarytrade-3e9b"
OTHER = "canaryword-51ce"
TRAITS = {
    "age:25-34": [0, 1, 2, 3, 4],
    "gender:F": [7, 8, 9, 10, 11],
    "occupation:animator": [0, 1, 2],
    f"occupation:{TRADE}": [3, 4, 5, 6],
}
PARAMS: dict[str, Any] = {
    "members": [{"model": "ease", "params": {"regularisation": 1.0}}],
    "expectation": 2.0,
    "trait_regularisation": 1.0,
}

PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.promote(platform.train("blend", traits=TRAITS, **PARAMS))
    yield platform
    platform.database.close()


@pytest.fixture(scope="module")
def log(platform: Platform) -> Path:
    return platform.bundles.parent / "api.log"


@pytest.fixture(scope="module")
def url(platform: Platform, log: Path) -> Iterator[str]:
    with LogLines(LogConfig(log)) as lines, platform.served(lines=lines) as url:
        yield url


def ask(url: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{url}/v1/recommendations", json={"history": [], **body}, timeout=20)


def ids(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [item["movie_id"] for item in answer.json()["items"]]


def test_who_has_liked_nothing_gets_what_people_like_them_like(url: str) -> None:
    """Traits alone make a list personal, each another one; without them it is what is popular. With many likes they
    hardly count, and nothing told is nothing changed.
    """  # noqa: D205 - one promise
    plain, empty = ask(url, k=3), ask(url, k=3, traits={})
    assert (plain.json()["source"], ids(plain)) == ("popular", ids(empty))
    detective, animator = (ask(url, k=3, traits={"occupation": trade}) for trade in (TRADE, "animator"))
    assert set(ids(detective)) == {6, 47, 50}
    assert {1, 2} <= set(ids(animator))
    for answer in (detective, animator):
        assert (answer.json()["source"], answer.json()["note"]) == ("personalised", None)
    few = [{"movie_id": 260}]
    assert ids(ask(url, k=5, history=few, traits={"gender": "F"})) != ids(ask(url, k=5, history=few))


def test_a_list_is_what_the_model_says_of_the_traits(url: str) -> None:
    """Scores are those of the model for history and traits, an age in years being told for its group."""
    model = create("blend", PARAMS)
    has = [[float(user in users) for users in TRAITS.values()] for user in range(len(LIKES))]
    model.fit(_csr(LIKES), traits=_csr(has))
    expected = dict(zip(MOVIE_IDS.tolist(), model.score_one([2], [1.0], traits=[1, 0, 0, 0]).tolist(), strict=True))
    for age in (29, "25-34"):
        answer = ask(url, k=4, history=[{"movie_id": 6}], traits={"age": age}).json()
        assert len(answer["items"]) == 4
        for item in answer["items"]:
            assert item["score"] == pytest.approx(expected[item["movie_id"]], rel=1e-5)


def _csr(rows: list[list[Any]]) -> Any:
    return sparse.csr_array(np.array(rows, np.float32))


@pytest.mark.parametrize(
    ("traits", "named"),
    [
        ({"postcode": "12345"}, "age, gender, occupation"),
        ({"gender": "X"}, "Tell one of F"),
        ({"age": 70}, "Tell one of 25-34"),
        ({"occupation": 3}, f"Tell one of animator, {TRADE}"),
        ({"gender": True}, None),
        ({"age": -1}, None),
        ({"age": 1e9}, None),
        ({"gender": None}, None),
        ({"gender": ["F"]}, None),
        (["F"], None),
        ({str(number): "x" for number in range(11)}, None),
    ],
)
def test_what_the_model_does_not_know_is_refused(url: str, traits: Any, named: str | None) -> None:
    """An unknown trait or value is 422, and those that there are are named; so is what is no trait at all."""
    refused = ask(url, traits=traits)
    assert refused.status_code == 422
    if named is not None:
        assert named in refused.json()["detail"]


def test_a_page_belongs_to_the_traits_of_the_first(url: str) -> None:
    """The next page comes for the same traits and is refused for others."""
    first = ask(url, k=2, cursor="start", traits={"gender": "F"})
    following = ask(url, k=2, cursor=first.json()["next"], traits={"gender": "F"})
    assert not set(ids(first)) & set(ids(following))
    assert ask(url, k=2, cursor=first.json()["next"], traits={"age": 29}).status_code == 422
    assert ask(url, k=2, cursor=first.json()["next"]).status_code == 422


def test_the_client_tells_traits(url: str) -> None:
    """`recommend_for` of the Python client takes them, and raises what the server says of unknown ones."""
    with Client(url) as client:
        answer = client.recommend_for([], traits={"occupation": TRADE}, k=3)
        assert {item["movie_id"] for item in answer["items"]} == {6, 47, 50}
        with pytest.raises(ApiError, match="Tell some of age, gender, occupation"):
            client.recommend_for([], traits={"shoe": 42})


def test_what_was_told_is_kept_nowhere(platform: Platform, url: str, log: Path) -> None:
    """Promise P27: values of traits, good ones and refused ones, are in no table, log, metric, passport or error; an
    impression says which were told. Its answer cannot be made again, and says so.
    """  # noqa: D205 - one promise
    told = ask(url, k=3, traits={"occupation": TRADE})
    ask(url, k=3, history=[{"movie_id": 6}], traits={"occupation": TRADE, "gender": "F"})
    refused = [
        ask(url, traits={"occupation": OTHER}),
        ask(url, traits={OTHER: "x"}),
        ask(url, traits={OTHER: None}),
        ask(url, traits={"occupation": OTHER, "age": None}),
    ]
    name = told.json()["recommendation_id"]
    passport = httpx.get(f"{url}/v1/recommendations/{name}/passport", timeout=20)
    assert passport.json()["recommendation"]["request"]["traits"] == ["occupation"]
    reasons = httpx.get(f"{url}/v1/recommendations/{name}/why", timeout=20).json()
    assert (reasons["same"], reasons["problem"][:36]) == (None, "It was made from traits of a person,")
    texts = {
        "log": _written(log),
        "metrics": httpx.get(f"{url}/metrics", timeout=20).text,
        "impression": passport.json()["recommendation"],
        **{f"error {place}": answer.text for place, answer in enumerate(refused)},
        "database": _everything(platform.bundles.parent / "state.db"),
    }
    found = {place for place, text in texts.items() if re.search(f"{TRADE}|{OTHER}", str(text))}
    # Who sends a wrong value is told the right ones: what the model knows is nobody's secret.
    assert found <= {"error 0"}
    assert OTHER not in refused[0].text
    assert name in texts["database"]


def _everything(database: Path) -> str:
    with sqlite3.connect(database) as connection:
        return "\n".join(connection.iterdump())


def test_a_model_without_a_use_for_traits_says_so(tmp_path: Path) -> None:
    """The list is the one without them, the note says that nothing was made of them, and no name of one is kept."""
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    with platform.served() as url:
        history = [{"movie_id": 6}]
        told, plain = ask(url, k=2, history=history, traits={OTHER: "x"}), ask(url, k=2, history=history)
        assert ids(told) == ids(plain)
        assert told.json()["note"] == "The released model makes no use of what was told of you."
        empty = ask(url, traits={OTHER: "x"}).json()
        assert (empty["source"], empty["note"].count("makes no use")) == ("popular", 1)
        name = told.json()["recommendation_id"]
        kept = httpx.get(f"{url}/v1/recommendations/{name}/passport", timeout=20).text
        assert OTHER not in kept
    platform.database.close()


def _written(log: Path) -> str:
    """Return the log once the answers are in it that were given last; a thread writes it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (log.exists() and "/why" in log.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return log.read_text(encoding="utf-8")
