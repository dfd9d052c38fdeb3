"""A new release takes over while people are asking."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import httpx
import pytest

from tests.fixtures.stage_5.platform import ADMIN, FILMS, Platform

PAUSE = 0.01
PATIENCE = 10.0


@pytest.fixture
def platform(tmp_path: Path, state_url: str) -> Iterator[Platform]:
    platform = Platform(tmp_path, state_url=state_url)
    platform.promote(platform.train(regularisation=1.0))
    yield platform
    platform.database.close()


class Load:
    """Sends a request every hundredth of a second, whether or not the ones before are answered."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=20)
        self._stop = asyncio.Event()
        self.answers: Counter[tuple[int, int]] = Counter()
        self.failures: list[str] = []

    async def run(self) -> None:
        """Send until it is stopped, then wait for the last answers."""
        async with self._client, asyncio.TaskGroup() as group:
            while not self._stop.is_set():
                group.create_task(self._ask())
                await asyncio.sleep(PAUSE)

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()

    async def until(self, release_id: int) -> None:
        """Wait until some answers came from a release."""
        deadline = time.monotonic() + PATIENCE
        while sum(count for (_, release), count in self.answers.items() if release == release_id) < 10:
            assert time.monotonic() < deadline, (release_id, self.answers, self.failures)
            await asyncio.sleep(PAUSE)

    async def _ask(self) -> None:
        try:
            answer = await self._client.post("/v1/recommendations", json={"history": [{"movie_id": 6}], "k": 3})
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
            return
        if answer.status_code != 200 or answer.json()["source"] != "personalised":
            self.failures.append(answer.text)
        else:
            self.answers[answer.status_code, answer.json()["release"]["release_id"]] += 1


def metric(url: str, name: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_a_new_release_takes_over_without_a_failed_request(platform: Platform) -> None:
    """Promise P12: under open-loop load a promotion fails no request, and the answers go from the old to the new."""

    async def scenario(url: str) -> Load:
        load = Load(url)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            await load.until(1)
            platform.promote(platform.train(regularisation=50.0))
            await load.until(2)
            load.stop()
        return load

    with platform.served() as url:
        load = asyncio.run(scenario(url))
    assert load.failures == []
    assert set(load.answers) == {(200, 1), (200, 2)}


def test_a_rollback_restores_the_answers_of_before(platform: Platform) -> None:
    """Promise P11: after a roll-back by the admin route the very next answers are those of before, scores and all."""

    def items(url: str) -> object:
        return httpx.post(f"{url}/v1/recommendations", json={"history": [{"movie_id": 6}]}).json()["items"]

    with platform.served(poll_seconds=60) as url:
        before = items(url)
        platform.promote(platform.train(regularisation=50.0))
        reloaded = httpx.post(f"{url}/v1/admin/reload", headers=ADMIN).json()
        assert reloaded["serving"]["release_id"] == 2
        assert items(url) != before
        answer = httpx.post(f"{url}/v1/admin/rollback", headers=ADMIN, json={"reason": "complaints"}).json()
        assert (answer["serving"]["release_id"], answer["failure"]) == (3, None)
        assert items(url) == before


def all_answers(url: str) -> list[bytes]:
    """Return what every history of one or two films gets, byte for byte but for ids and the release's number."""
    told = []
    films = [film.movie_id for film in FILMS[:-1]]
    for history in [*((film,) for film in films), *combinations(films, 2)]:
        body = {"history": [{"movie_id": film} for film in history], "k": 8, "explain": True}
        answer = httpx.post(f"{url}/v1/recommendations", json=body)
        answer.raise_for_status()
        document = answer.json()
        identifier, release = document["recommendation_id"], document["release"]["release_id"]
        told.append(answer.content.replace(identifier.encode(), b"").replace(b'"release_id":%d,' % release, b""))
    return told


def test_a_rollback_under_load_restores_every_answer(platform: Platform) -> None:
    """Promise P11: while others ask all the time, every answer comes back to the byte, and no request fails."""

    async def scenario(url: str) -> tuple[Load, list[list[bytes]]]:
        load, told = Load(url), []
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            await load.until(1)
            told.append(await asyncio.to_thread(all_answers, url))
            platform.promote(platform.train(regularisation=50.0))
            await load.until(2)
            told.append(await asyncio.to_thread(all_answers, url))
            platform.ledger.rollback("complaints", "kim")
            await load.until(3)
            told.append(await asyncio.to_thread(all_answers, url))
            load.stop()
        return load, told

    with platform.served() as url:
        load, (before, between, after) = asyncio.run(scenario(url))
    assert load.failures == []
    assert {release for _, release in load.answers} == {1, 2, 3}
    assert len(before) == 8 + 28
    assert before == after
    assert sum(one != other for one, other in zip(before, between, strict=True)) == len(before)


def test_a_corrupt_release_leaves_the_old_one_serving(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    """A champion whose bytes were changed never serves: the old release goes on, and health, metric and log say why."""
    corrupt = platform.train(regularisation=50.0)
    array = next(path for path in (platform.bundles / corrupt).glob("*.npy") if path.name != "movie_ids.npy")
    whole = array.read_bytes()

    async def scenario(url: str) -> Load:
        load = Load(url)
        async with asyncio.TaskGroup() as group, httpx.AsyncClient(base_url=url) as client:
            group.create_task(load.run())
            await load.until(1)
            array.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
            platform.promote(corrupt)
            deadline = time.monotonic() + PATIENCE
            while (ready := await client.get("/readyz")).json()["status"] != "degraded":
                assert time.monotonic() < deadline
            load.answers.clear()
            await load.until(1)
            load.stop()
        assert ready.status_code == 200
        assert ready.json()["release"]["release_id"] == 1
        assert ready.json()["failure"]["release_id"] == 2
        assert ready.json()["failure"]["code"] == "bundle"
        assert str(platform.bundles) not in ready.text
        return load

    with platform.served() as url:
        load = asyncio.run(scenario(url))
        assert load.failures == []
        assert set(load.answers) == {(200, 1)}
        assert metric(url, "movie_mlops_release_failing") == 1
        assert array.name in caplog.text
        problem = httpx.get(f"{url}/v1/admin/releases", headers=ADMIN).json()["failure"]["problem"]
        assert array.name in problem
        # Made whole again, it serves as soon as somebody asks for it.
        array.write_bytes(whole)
        assert httpx.post(f"{url}/v1/admin/reload", headers=ADMIN).json()["serving"]["release_id"] == 2
        assert httpx.get(f"{url}/readyz").json()["failure"] is None
        assert metric(url, "movie_mlops_release_failing") == 0


def test_a_good_release_after_a_corrupt_one_serves(platform: Platform) -> None:
    """A champion that cannot be loaded does not stand in the way of the next one."""
    corrupt = platform.train(regularisation=50.0)
    (platform.bundles / corrupt / "manifest.json").write_text("{}")
    with platform.served() as url:
        platform.promote(corrupt)
        deadline = time.monotonic() + PATIENCE
        while httpx.get(f"{url}/readyz").json()["failure"] is None:
            assert time.monotonic() < deadline
        platform.promote(platform.train(regularisation=9.0))
        while httpx.get(f"{url}/readyz").json()["release"]["release_id"] != 3:
            assert time.monotonic() < deadline
        assert httpx.get(f"{url}/readyz").json()["failure"] is None


def test_new_films_come_with_a_new_release(platform: Platform) -> None:
    """The catalogue is read again for each release, in the same step."""
    with platform.served(poll_seconds=60) as url:
        platform.films = platform.films[:-1]
        assert httpx.get(f"{url}/v1/movies/99999").status_code == 200
        platform.promote(platform.train(regularisation=50.0))
        httpx.post(f"{url}/v1/admin/reload", headers=ADMIN)
        assert httpx.get(f"{url}/v1/movies/99999").status_code == 404
