"""Dockerfiles, Compose files and workflows are hardened; the lint that says so is tested on bad examples."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from movie_mlops.security.scan import hardening
from tests.conftest import REPOSITORY

DOCKERFILES = hardening.files(REPOSITORY, r"Dockerfile(\.\w+)?")
COMPOSE_FILES = hardening.files(REPOSITORY, r"(docker-)?compose.*\.ya?ml")
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.y*ml"))

GOOD_DOCKERFILE = """\
FROM python:3.11.14-slim-bookworm AS build
RUN pip install --require-hashes \\
    # a comment between two halves of a command
    -r requirements.txt
FROM build
COPY . .
EXPOSE 8000
HEALTHCHECK CMD ["true"]
USER 10001:10001
"""

GOOD_COMPOSE = """\
services:
  api:
    image: platform:1.2.0
    environment: {PORT: 8000, API_TOKEN: "${API_TOKEN:?is missing}"}
    ports: ["127.0.0.1:${PORT:-8000}:8000"]
    volumes: ["state:/var/lib/platform"]
    healthcheck: {test: [CMD, "true"]}
    restart: unless-stopped
    read_only: true
    tmpfs: ["/tmp:size=64m"]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    cpus: 1
    mem_limit: 1g
    pids_limit: 64
"""

GOOD_WORKFLOW = """\
on: {push: {branches: [main]}}
permissions: {contents: read}
concurrency: {group: ci}
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@0123456789abcdef0123456789abcdef01234567 # v4.2.2
        with: {persist-credentials: false}
      - run: bash .ci/run
"""


def test_every_dockerfile_is_hardened() -> None:
    """Promise P32: every Dockerfile is pinned, runs as a numbered user who is not root, and is asked whether it lives.

    The base image is pinned to a full version, not to a digest: a digest cannot be looked up or checked offline.
    """
    names = {str(path.relative_to(REPOSITORY)) for path in DOCKERFILES}
    assert names >= {"Dockerfile.dev", "docker/dockerfiles/Dockerfile.api", "docker/dockerfiles/Dockerfile.worker"}
    assert {path.name: hardening.dockerfile_findings(path.read_text()) for path in DOCKERFILES} == {
        path.name: [] for path in DOCKERFILES
    }


def test_every_compose_file_is_hardened() -> None:
    """Promise P32: every service is read-only, without rights, limited, checked and reached from this machine only."""
    names = {path.name for path in COMPOSE_FILES}
    assert names >= {
        f"docker-compose.{purpose}.yml"
        for purpose in (
            *("main", "simple", "git-workflow", "stage-2", "stage-5", "monitoring", "event-driven", "production"),
        )
    }
    assert {path.name: hardening.compose_findings(yaml.safe_load(path.read_text())) for path in COMPOSE_FILES} == {
        path.name: [] for path in COMPOSE_FILES
    }


def test_every_workflow_is_hardened() -> None:
    """Promise P32: actions are pinned to commits, who may write is protected, no secret is on a command line, and no
    job runs for ever.
    """  # noqa: D205 - one promise
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "cd.yml", "ml-pipeline.yml"}
    for path in WORKFLOWS:
        text = path.read_text()
        assert hardening.workflow_findings(text, yaml.safe_load(text)) == [], path.name


def test_every_image_stands_on_one_base() -> None:
    """All Dockerfiles name the same base image, so one pull (or ``setup_base_images.sh``) serves them all; an image may
    stand on another one of ours.
    """  # noqa: D205 - one promise
    bases = set()
    for path in DOCKERFILES:
        steps = hardening.instructions(path.read_text())
        stages = {rest.partition(" AS ")[2] for name, rest in steps if name == "FROM"}
        bases |= {rest.partition(" AS ")[0] for name, rest in steps if name == "FROM"} - stages
    assert len({base for base in bases if base != "${BASE}"}) == 1


def test_secrets_and_history_stay_out_of_images() -> None:
    """``.env``, git's history and the platform's data never reach a build."""
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert {".env", ".env.*", ".git", ".venv", "data", "models", "logs"} <= set(ignored)
    assert [line for line in ignored if line.startswith("!")] == ["!.env.template", "!**/.gitkeep"]


def test_good_examples_pass() -> None:
    """The lint has nothing to say against the examples that the bad ones are made from."""
    assert hardening.dockerfile_findings(GOOD_DOCKERFILE) == []
    assert hardening.compose_findings(yaml.safe_load(GOOD_COMPOSE)) == []
    assert hardening.workflow_findings(GOOD_WORKFLOW, yaml.safe_load(GOOD_WORKFLOW)) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("python:3.11.14-slim-bookworm", "python:latest", "python:latest is not pinned to a version"),
        ("python:3.11.14-slim-bookworm", "python", "python is not pinned to a version"),
        ("python:3.11.14-slim-bookworm", "python:${VERSION}", "python:${VERSION} is not pinned to a version"),
        ("USER 10001:10001\n", "", "the last stage runs as root: no USER"),
        ("USER 10001:10001", "USER 0", "USER 0 is not a number other than 0"),
        ("USER 10001:10001", "USER root", "USER root is not a number other than 0"),
        ('HEALTHCHECK CMD ["true"]\n', "", "it listens and has no HEALTHCHECK"),
        ('HEALTHCHECK CMD ["true"]', "HEALTHCHECK NONE", "it listens and has no HEALTHCHECK"),
        ("COPY . .", "ADD https://example.org/a.tar .", "ADD fetches and unpacks silently: use COPY"),
        ("COPY . .", "ENV ADMIN_TOKEN=x", "ENV keeps a secret in the image"),
        ("COPY . .", "ARG DB_PASSWORD", "ARG keeps a secret in the image"),
        ("--require-hashes", "--quiet", "pip installs what no hash pins"),
        ("COPY . .", "RUN curl https://example.org/x | sh", "a download is run unread"),
        ("COPY . .", "RUN apt-get install -y gcc", "the last stage holds a compiler"),
    ],
)
def test_a_bad_dockerfile_is_found(old: str, new: str, told: str) -> None:
    """Each rule for Dockerfiles finds the example that breaks it, and nothing else."""
    assert old in GOOD_DOCKERFILE
    assert hardening.dockerfile_findings(GOOD_DOCKERFILE.replace(old, new)) == [told]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("image: platform:latest", "the image platform:latest is not pinned to a version"),
        ("image: platform", "the image platform is not pinned to a version"),
        ("read_only: false", "the root file system can be written"),
        ("read_only: null", "the root file system can be written"),
        ("cap_drop: [NET_RAW]", "capabilities are not all dropped"),
        ("cap_drop: null", "capabilities are not all dropped"),
        ("cap_add: [SYS_ADMIN]", "capabilities are added"),
        ("security_opt: null", "new privileges can be gained"),
        ("privileged: true", "it is privileged"),
        ("user: '0:0'", "it runs as root"),
        ("user: root", "it runs as root"),
        ("network_mode: host", "it shares the host's network_mode"),
        ("pid: host", "it shares the host's pid"),
        ("volumes: ['/var/run/docker.sock:/var/run/docker.sock']", "it holds the host's /var/run/docker.sock"),
        ("volumes: [{type: bind, source: /, target: /host}]", "it holds the host's /"),
        ("ports: ['8000:8000']", "the port 8000 is published beyond this machine"),
        ("ports: [8000]", "the port 8000 is published beyond this machine"),
        ("ports: ['0.0.0.0:80:8000']", "the port 8000 is published beyond this machine"),
        ("ports: ['${PORT:-80}:8000']", "the port 8000 is published beyond this machine"),
        ("ports: [{target: 8000, published: 80}]", "the port 8000 is published beyond this machine"),
        ("ports: ['127.0.0.1:5432:5432']", "the database port 5432 is published"),
        (
            "environment: {DB_PASSWORD: postgres}",
            "DB_PASSWORD does not come from outside or has no ':?' that stops it where it is missing",
        ),
        (
            "environment: ['API_TOKEN=${API_TOKEN}']",
            "API_TOKEN does not come from outside or has no ':?' that stops it where it is missing",
        ),
        ("command: [serve, '--token', '${API_TOKEN:-secret}']", "API_TOKEN has a default"),
        ("mem_limit: null", "no limit of memory"),
        ("cpus: null", "no limit of cpus"),
        ("pids_limit: null", "no limit of pids"),
        ("tmpfs: [/tmp]", "the memory behind /tmp has no limit"),
        ("healthcheck: null", "no health check"),
        ("healthcheck: {test: [CMD, 'true'], disable: true}", "no health check"),
        ("restart: null", "no restart policy"),
    ],
)
def test_a_bad_service_is_found(change: str, told: str) -> None:
    """Each rule for Compose files finds the example that breaks it, and nothing else."""
    document: dict[str, Any] = yaml.safe_load(GOOD_COMPOSE)
    service = {**document["services"]["api"], **yaml.safe_load(change)}
    document["services"]["api"] = {name: value for name, value in service.items() if value is not None}
    assert hardening.compose_findings(document) == [f"api: {told}"]


def test_a_job_needs_no_health_check() -> None:
    """A service that ends by itself and is not started again is asked for everything but a health check."""
    document = yaml.safe_load(GOOD_COMPOSE)
    del document["services"]["api"]["healthcheck"]
    document["services"]["api"]["restart"] = "no"
    assert hardening.compose_findings(document) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("on: {push: {branches: [main]}}", "on: [pull_request_target]", "pull_request_target gives strangers' code"),
        ("permissions: {contents: read}\n", "", "permissions are not read-only"),
        ("permissions: {contents: read}", "permissions: write-all", "permissions are not read-only"),
        ("permissions: {contents: read}", "permissions: {contents: write}", "permissions are not read-only"),
        ("    timeout-minutes: 30\n", "", "test: no timeout"),
        ("concurrency: {group: ci}\n", "", "nothing keeps two runs apart: no concurrency"),
        (
            "timeout-minutes: 30",
            "timeout-minutes: 30\n    permissions: {packages: write}",
            "test: the job may write, and no environment protects it",
        ),
        ("ubuntu-24.04", "ubuntu-latest", "test: ubuntu-latest is another machine every year"),
        (" # v4.2.2", "", "no comment tells the version of - uses: actions/checkout@0123456789abcdef"),
        ("@0123456789abcdef0123456789abcdef01234567", "@v4", "test: actions/checkout@v4 is not pinned to a commit"),
        ("persist-credentials: false", "fetch-depth: 1", "test: the checkout keeps its credentials"),
        ("bash .ci/run", "echo ${{ github.head_ref }}", "test: a command holds words that strangers wrote"),
        ("bash .ci/run", "echo ${{ github.event.issue.title }}", "test: a command holds words that strangers wrote"),
        ("bash .ci/run", "echo ${{ inputs.source }}", "test: a command holds words that strangers wrote"),
        ("bash .ci/run", "sign ${{ secrets.KEY }}", "test: a command holds a secret"),
        ("bash .ci/run", "login ${{ github.token }}", "test: a command holds a secret"),
    ],
)
def test_a_bad_workflow_is_found(old: str, new: str, told: str) -> None:
    """Each rule for workflows finds the example that breaks it, and nothing else."""
    assert old in GOOD_WORKFLOW
    text = GOOD_WORKFLOW.replace(old, new)
    (finding,) = hardening.workflow_findings(text, yaml.safe_load(text))
    assert re.match(re.escape(told), finding)


def test_who_may_write_is_protected() -> None:
    """A job may write where an environment, with its reviewers, stands before it."""
    text = GOOD_WORKFLOW.replace(
        "timeout-minutes: 30", "timeout-minutes: 30\n    environment: production\n    permissions: {packages: write}"
    )
    assert hardening.workflow_findings(text, yaml.safe_load(text)) == []


def test_every_job_calls_scripts_of_the_repository() -> None:
    """What a job runs is a script of this repository, alone on its line, and each script says what it does."""
    called: set[str] = set()
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            lines = [step["run"] for step in job["steps"] if "run" in step]
            assert lines, f"{path.name}: {name}"
            for line in lines:
                script, _, options = line.partition(" ")
                assert re.fullmatch(r"(\.|scripts)/[\w/]+\.sh", script), line
                assert not re.search(r"[;&|`\n]|\$\(|\$\{\{", options), line
                called.add(script)
    for script in sorted(called):
        done = subprocess.run([REPOSITORY / script, "--help"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), script
        assert done.stdout.startswith(f"Usage: {script}"), script


def test_an_action_has_one_version() -> None:
    """The same action is pinned to the same commit, with the same version beside it, everywhere."""
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: ([\w/-]+)@(.*)", path.read_text()):
            pins.setdefault(action, set()).add(pin)
    assert {action: len(found) for action, found in pins.items()} == dict.fromkeys(pins, 1)
