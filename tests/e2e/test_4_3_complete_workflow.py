"""Production in real containers: deployed, replaced under load, a bad version taken back, rolled back."""

import json
import os
import shutil
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.containers

PORT = 18_080
ADDRESS = f"http://127.0.0.1:{PORT}"
SCRIPTS = REPOSITORY / "scripts"
PER_SECOND = 40
WITHIN_S = 1_800
LARGEST_BYTES = 900_000_000


class Deployment:
    """The checkout's own scripts, with secrets, journal and port of the test."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        # The scripts keep their journal in the checkout; the images are built from it.
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(self.root)], check=True)
        self.secrets = folder / "secrets"
        self.engine = subprocess.run(
            [SCRIPTS / "deploy" / "find_engine.sh"], check=True, capture_output=True, text=True
        ).stdout.strip()

    def run(self, script: str, *words: str, ready: int = 120) -> subprocess.CompletedProcess[str]:
        """Run a script of the checkout."""
        return subprocess.run(
            [self.root / "scripts" / script, *words],
            env={
                **os.environ,  # noqa: TID251 - the engine wants its own
                "MOVIE_MLOPS_SECRETS": str(self.secrets),
                "MOVIE_MLOPS_PORT": str(PORT),
                "MOVIE_MLOPS_READY_SECONDS": str(ready),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )

    def ask(self, *words: str) -> str:
        """Ask the engine."""
        return subprocess.run([self.engine, *words], check=True, capture_output=True, text=True).stdout

    @property
    def shown(self) -> dict[str, str]:
        """The header that opens everything: production lets nobody in who shows nothing."""
        return {"Authorization": f"Bearer {(self.secrets / 'movie_mlops_admin_token').read_text()}"}

    def images(self) -> dict[str, str]:
        """Return the version of each of our containers that runs."""
        told = self.ask(
            "ps",
            "--filter",
            "label=com.docker.compose.project=movie-mlops-production",
            "--format",
            '{{index .Labels "com.docker.compose.service"}} {{.Image}}'
            if self.engine == "podman"
            else '{{.Label "com.docker.compose.service"}} {{.Image}}',
        )
        pairs = (line.split() for line in told.splitlines())
        return {service: image.rpartition(":")[2] for service, image in pairs if "movie-mlops-" in image}

    def tag(self, old: str, new: str) -> None:
        """Give the images of a version another version's name."""
        for role in ("api", "worker"):
            self.ask("tag", f"movie-mlops-{role}:{old}", f"movie-mlops-{role}:{new}")

    def spoil(self, version: str) -> None:
        """Make a version whose API ends at once."""
        subprocess.run(
            [self.engine, "build", "--quiet", "--tag", f"movie-mlops-api:{version}", "-"],
            input='FROM movie-mlops-api:one\nENTRYPOINT ["false"]\n',
            text=True,
            check=True,
            capture_output=True,
        )
        self.ask("tag", "movie-mlops-worker:one", f"movie-mlops-worker:{version}")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Production with the version ``one``, on this machine's engine."""
    deployment = Deployment(tmp_path_factory.mktemp("production"))
    compose = ["docker", "compose"] if deployment.engine == "docker" else ["podman-compose"]
    if shutil.which(compose[0]) is None:
        pytest.fail(f"{compose[0]} is not installed: scripts/test/run_4_3_tests.sh --help says what is needed")
    down = [*compose, "-f", str(deployment.root / "docker" / "docker-compose.production.yml"), "down", "--volumes"]
    environment = {**os.environ, "MOVIE_MLOPS_SECRETS": str(deployment.secrets)}  # noqa: TID251 - as above
    deployment.secrets.mkdir()
    subprocess.run(down, env=environment, capture_output=True, check=False)
    # A version that is there is deployed as it is: what an earlier test made must not be taken for this commit's.
    for role in ("api", "worker"):
        names = [f"movie-mlops-{role}:{version}" for version in ("one", "two", "three")]
        subprocess.run([deployment.engine, "rmi", "--force", *names], capture_output=True, check=False)
    try:
        done = deployment.run("deploy/deploy_production.sh", "one")
        assert done.returncode == 0, done.stderr[-3000:]
        yield deployment
    finally:
        subprocess.run(down, env=environment, capture_output=True, check=False)


@contextmanager
def load(deployment: Deployment) -> Iterator[Counter[str]]:
    """Ask and tell at a steady rate while the block runs, from the intended moment on; count what came back."""
    outcomes, stop, lock = Counter[str](), threading.Event(), threading.Lock()

    def ask(client: httpx.Client, number: int) -> None:
        try:
            if number % 5:
                answer = client.get(f"/v1/users/u{1 + number % 2000:05}/recommendations?k=10")
            else:
                event = {"user_id": f"x{number % 50}", "movie_id": 1 + number % 100, "kind": "like"}
                answer = client.post("/v1/events", json={**event, "event_id": uuid.uuid4().hex})
            # What went wrong is told with its reason, so that a crowded machine is not taken for a lost request.
            told = str(answer.status_code) if answer.is_success else f"{answer.status_code} {answer.text[:300]}"
        except httpx.HTTPError as error:
            told = type(error).__name__
        with lock:
            outcomes[told] += 1

    def work(part: int, parts: int) -> None:
        with httpx.Client(base_url=ADDRESS, timeout=30, headers=deployment.shown) as client:
            began, number = time.monotonic(), part
            while not stop.is_set():
                time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
                ask(client, number)
                number += parts

    threads = [threading.Thread(target=work, args=(part, 8)) for part in range(8)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_it_answers_and_nothing_else_does(deployment: Deployment) -> None:
    """One port of this machine leads to nginx, and to nothing else; whoever shows the token is answered by the model of
    the first run, and nobody else is.
    """  # noqa: D205 - one promise
    address = f"{ADDRESS}/v1/users/u00001/recommendations?k=3"
    answer = httpx.get(address, timeout=30, headers=deployment.shown).json()
    assert (answer["source"], len(answer["items"])) == ("personalised", 3)
    # Production is closed: nobody who shows nothing is answered.
    assert httpx.get(address, timeout=30).status_code == 401
    assert httpx.get(f"{ADDRESS}/metrics", timeout=30).status_code == 404
    ports = deployment.ask("ps", "--format", "{{.Ports}}").split()
    assert [port for port in ports if "->" in port] == [f"127.0.0.1:{PORT}->8080/tcp"]
    assert deployment.images() == {"api-a": "one", "api-b": "one", "worker": "one"}


def test_every_image_is_small_and_every_container_is_shut(deployment: Deployment) -> None:
    """Images have at most 900 MB, a numbered user and a health check; containers are read-only, without rights."""
    for role in ("api", "worker"):
        (image,) = json.loads(deployment.ask("image", "inspect", f"movie-mlops-{role}:one"))
        assert image["Size"] <= LARGEST_BYTES, role
        assert image["Config"]["User"] == "10001:10001"
        # docker keeps it with the configuration, podman beside it.
        assert (image.get("Healthcheck") or image["Config"].get("Healthcheck"))["Test"][0] == "CMD"
    ours = ("ps", "--filter", "label=com.docker.compose.project=movie-mlops-production", "--format", "{{.Names}}")
    names = deployment.ask(*ours).split()
    assert len(names) == 6
    for name in names:
        (container,) = json.loads(deployment.ask("inspect", name))
        assert container["HostConfig"]["ReadonlyRootfs"], name
        assert deployment.ask("exec", name, "id", "-u").strip() != "0", name
        rights = deployment.ask("exec", name, "grep", "CapEff", "/proc/1/status").split()[1]
        assert int(rights, 16) == 0, name


def test_no_secret_stands_where_others_look(deployment: Deployment) -> None:
    """Secrets are files: neither what the engine tells of a container nor its log holds one."""
    secrets = [text for file in deployment.secrets.iterdir() if (text := file.read_text())]
    assert len(secrets) == 5
    names = deployment.ask("ps", "--format", "{{.Names}}").split()
    for name in names:
        told = deployment.ask("inspect", name) + deployment.ask("logs", name)
        assert not [secret for secret in secrets if secret in told], name


def test_replacing_every_container_drops_no_request(deployment: Deployment) -> None:
    """Promise P12: a new version, a version that does not start, and the way back, under load: no request fails."""
    deployment.tag("one", "two")
    deployment.spoil("three")
    with load(deployment) as outcomes:
        second = deployment.run("deploy/deploy_production.sh", "two")
        assert second.returncode == 0, second.stderr[-3000:]
        assert deployment.images() == {"api-a": "two", "api-b": "two", "worker": "two"}
        third = deployment.run("deploy/deploy_production.sh", "three", ready=5)
        assert third.returncode == 1
        assert "three was not deployed: api-a did not become ready. two goes on serving." in third.stderr
        assert deployment.images() == {"api-a": "two", "api-b": "two", "worker": "two"}
        back = deployment.run("deploy/rollback.sh")
        assert back.returncode == 0, back.stderr[-3000:]
        assert deployment.images() == {"api-a": "one", "api-b": "one", "worker": "one"}
    assert {told: count for told, count in outcomes.items() if told not in {"200", "201"}} == {}
    assert outcomes.total() > 500
    journal = (deployment.root / "logs" / "deployments.tsv").read_text().splitlines()
    assert [line.split("\t")[2:] for line in journal] == [
        ["one", "deployed"],
        ["two", "deployed"],
        ["three", "failed"],
        ["one", "deployed"],
    ]


def test_what_was_acknowledged_is_in_the_lake(deployment: Deployment) -> None:
    """The worker brings the events of the log into the lake while everything else goes on."""
    event = {"user_id": "last", "movie_id": 1, "kind": "like", "event_id": uuid.uuid4().hex}
    assert httpx.post(f"{ADDRESS}/v1/events", json=event, timeout=30, headers=deployment.shown).status_code == 201
    worker = deployment.ask(
        "ps", "--filter", "label=com.docker.compose.service=worker", "--format", "{{.Names}}"
    ).split()
    query = "SELECT count(*) AS n FROM interactions WHERE user_id = 'last'"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        told = deployment.ask("exec", worker[-1], "movie-mlops", "lake", "sql", query, "--json")
        if '"n": 1' in told:
            return
        time.sleep(2)
    pytest.fail("the event did not come into the lake in two minutes")
