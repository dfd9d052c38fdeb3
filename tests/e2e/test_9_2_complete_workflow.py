"""The event-driven parts in real containers: what was acknowledged has its effect, whichever of them dies."""

import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.containers

PORT = 18_081
PROJECT = "movie-mlops-event-driven"
WITHIN_S = 120
EVENTS = 400
USERS = 20


class Stack:
    """The containers of ``docker/docker-compose.event-driven.yml``."""

    def __init__(self, folder: Path) -> None:
        found = subprocess.run(
            [REPOSITORY / "scripts/deploy/find_engine.sh"], check=True, capture_output=True, text=True
        )
        self.engine = found.stdout.strip()
        compose = ["docker", "compose"] if self.engine == "docker" else ["podman-compose"]
        if shutil.which(compose[0]) is None:
            pytest.fail(f"{compose[0]} is not installed: scripts/test/run_4_3_tests.sh --help says what is needed")
        told = {"MOVIE_MLOPS_REDIS_PASSWORD": secrets.token_hex(24), "MOVIE_MLOPS_ADMIN_TOKEN": secrets.token_hex(24)}
        lines = [f"{name}={value}\n" for name, value in {**told, "MOVIE_MLOPS_PORT": PORT}.items()]
        (folder / "env").write_text("".join(lines))
        file = REPOSITORY / "docker/docker-compose.event-driven.yml"
        self._compose = [*compose, "--env-file", str(folder / "env"), "-f", str(file)]

    def compose(self, *words: str) -> None:
        """Call Compose."""
        done = subprocess.run([*self._compose, *words], capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr[-2000:]

    def ask(self, *words: str, within_s: float = WITHIN_S) -> str:
        """Ask the engine."""
        return subprocess.run(
            [self.engine, *words], check=True, capture_output=True, text=True, cwd=REPOSITORY, timeout=within_s
        ).stdout

    def build(self) -> None:
        """Build the images of this commit."""
        shape = ["--format", "docker"] if self.engine == "podman" else []
        base = ["--build-arg", "BASE=movie-mlops-api:0.1.0"]
        for role in ("api", "worker"):
            named = ["--tag", f"movie-mlops-{role}:0.1.0", "--file", f"docker/dockerfiles/Dockerfile.{role}"]
            self.ask("build", "--quiet", *shape, *base, *named, ".", within_s=1800)

    def container(self, service: str) -> str:
        """Return the container of a service."""
        label = "label=com.docker.compose"
        filters = ["--filter", f"{label}.project={PROJECT}", "--filter", f"{label}.service={service}"]
        return self.ask("ps", "--all", "--quiet", *filters).split()[0]

    def up(self) -> None:
        """Start everything as the file's first lines say for both engines."""
        self.compose("up", "-d", "redis", "release", "worker-a", "worker-b")
        assert self.ask("wait", self.container("release"), within_s=600).strip() == "0"
        self.compose("up", "-d", "--no-deps", "api")

    def healthy(self, service: str) -> bool:
        """Return whether a container's own check of its health succeeds, asked now."""
        if self.engine == "docker":
            told = self.ask("inspect", "--format", "{{.State.Health.Status}}", self.container(service))
            return told.strip() == "healthy"
        check = ["podman", "healthcheck", "run", self.container(service)]
        return subprocess.run(check, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.build()
    try:
        stack.up()
        yield stack
    finally:
        stack.compose("down", "--volumes")


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=30) as client:
        wait_for(lambda: ready(client))
        yield client


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.HTTPError:
        return False


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)


def say(client: httpx.Client, who: str) -> None:
    """Have each of some users like the same films; all of it is acknowledged."""
    films = [film["movie_id"] for film in client.get("/v1/movies?limit=20").json()["items"]]
    events = [
        {"user_id": f"{who}{number % USERS}", "movie_id": films[number // USERS], "kind": "like"}
        for number in range(EVENTS)
    ]
    for at in range(0, EVENTS, 100):
        answer = client.post("/v1/events", json={"events": events[at : at + 100]})
        assert answer.json()["accepted"] == 100


def heard(client: httpx.Client, who: str) -> bool:
    """Whether everything that they did is in their histories."""
    told = (client.get(f"/v1/users/{who}{user}/history?limit=100").json()["items"] for user in range(USERS))
    return sum(len(items) for items in told) == EVENTS


def test_events_have_their_effect_once_whichever_container_dies(stack: Stack, client: httpx.Client) -> None:
    """Promise P19: a worker killed, Redis started anew or away: acknowledged as ever, in histories and lake once."""
    given = client.get("/v1/users/calm0/recommendations?k=10").json()["items"]
    assert len(given) == 10
    drills: tuple[tuple[str, str | None, str], ...] = (
        ("calm", None, ""), ("killed", "kill", "worker-a"), ("anew", "restart", "redis"), ("back", "start", "worker-a"),
        ("away", "stop", "redis"),
    )  # fmt: skip
    for who, what, service in drills:
        if what is not None:
            stack.ask(what, stack.container(service))
        say(client, who)
        wait_for(lambda who=who: heard(client, who))
    stack.ask("start", stack.container("redis"))
    for service in ("redis", "api", "worker-a", "worker-b"):
        wait_for(lambda service=service: stack.healthy(service))

    def brought() -> bool:
        told = client.get("/metrics").text
        return "movie_mlops_events_waiting 0.0" in told and 'behind_events{consumer="answers"} 0.0' in told

    wait_for(brought)
    assert "movie_mlops_dead_letters 0.0" in client.get("/metrics").text
    stats = stack.ask("exec", stack.container("api"), "movie-mlops", "events", "stats")
    assert f"{len(drills) * EVENTS:,} events in the log" in stats
    rows = "SELECT count(*) AS rows, count(DISTINCT event_id) AS events FROM interactions WHERE source = 'api'"
    found = stack.ask("exec", stack.container("api"), "movie-mlops", "lake", "sql", rows, "--json")
    assert str(len(drills) * EVENTS) in found
    # What came of the list that was given: its user liked films since.
    quality = stack.ask("exec", stack.container("api"), "sh", "-c", "movie-mlops monitor quality --json || true")
    assert '"kept": 1,' in quality
