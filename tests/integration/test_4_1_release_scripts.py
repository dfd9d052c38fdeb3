"""The scripts of a release, with a stand-in for the container engine: what is built, checked, signed and published."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

VERSION = re.search(r'^version = "(.*)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)[1]  # type: ignore[index]
IMAGE = f"movie-mlops-api-{VERSION}.tar"

# Notes how it was called, and answers what the scripts ask; $HEALTH and $USER_ID are what a container says, $CHECK and
# $BYTES what stands in an image.
ENGINE = """\
#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
  save*) echo "image of $4" > "$3" ;;
  "run "*) echo c0ffee ;;
  "image inspect"*Health*) echo "$CHECK" ;;
  "image inspect"*Size*) echo "$BYTES" ;;
  *Health.Status*) echo "$HEALTH" ;;
  *State.Running*) [ "$HEALTH" = ended ] && echo false || echo true ;;
  exec*) echo "$USER_ID" ;;
  login*) cat > "$CALLS.token" ;;
esac
"""


class Workshop:
    """A checkout whose engine and set-up are stand-ins, with a folder for a release."""

    def __init__(self, folder: Path) -> None:
        self.root, self.release = folder / "checkout", folder / "release"
        self.calls = folder / "calls"
        for name in ("scripts/deploy", "scripts/security", "docker/dockerfiles"):
            shutil.copytree(REPOSITORY / name, self.root / name)
        for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
            shutil.copy2(REPOSITORY / name, self.root)
        self._program(folder / "bin" / "docker", ENGINE)
        self._program(self.root / "scripts" / "setup" / "setup_environment.sh", "#!/bin/sh\n")
        (self.root / ".venv").mkdir()
        (self.root / ".venv" / "bin").symlink_to(Path(sys.prefix) / "bin")

    def run(self, script: str, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the checkout."""
        return subprocess.run(
            [self.root / "scripts" / script, *words],
            env={
                "PATH": f"{self.root.parent / 'bin'}:{os.defpath}",
                "CALLS": str(self.calls),
                "HEALTH": "healthy",
                "USER_ID": "10001",
                "CHECK": '{"Test":["CMD","true"]}',
                "BYTES": "900000000",
                **environment,
            },
            cwd=self.root.parent,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def called(self) -> list[str]:
        """Return the calls of the engine that do something."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line for line in lines if not line.startswith(("info", "inspect", "image inspect"))]

    def key(self, name: str) -> str:
        """Make a pair of keys; the public one is ``name.pub``, the private one is returned."""
        words = ["openssl", "genpkey", "-algorithm", "ed25519"]
        private = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        public = subprocess.run(
            ["openssl", "pkey", "-pubout"], input=private, capture_output=True, text=True, check=True
        )
        (self.root.parent / f"{name}.pub").write_text(public.stdout)
        return private

    @staticmethod
    def _program(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def made(workshop: Workshop) -> Workshop:
    """A release in name only."""
    workshop.release.mkdir()
    (workshop.release / IMAGE).write_text("an image\n")
    (workshop.release / "sbom.cdx.json").write_text("{}\n")
    _sum(workshop.release)
    return workshop


def _sum(folder: Path) -> None:
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("SHA256SUMS"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_a_release_is_built_once(workshop: Workshop) -> None:
    """Each Dockerfile of docker/dockerfiles becomes one archive; with it what it is made of, and the sums of all."""
    (workshop.root / "scripts" / "security" / "make_sbom.sh").write_text('#!/bin/sh\necho "{}" > "$1"\n')
    done = workshop.run("deploy/build_images.sh", "--tag", f"v{VERSION}", workshop.release)
    assert done.returncode == 0, done.stderr
    roles = sorted(path.suffix[1:] for path in (REPOSITORY / "docker" / "dockerfiles").iterdir())
    archives = [f"movie-mlops-{role}-{VERSION}.tar" for role in roles]
    assert sorted(path.name for path in workshop.release.iterdir()) == ["SHA256SUMS", *archives, "sbom.cdx.json"]
    assert (workshop.release / IMAGE).read_text() == f"image of movie-mlops-api:{VERSION}\n"
    before = (workshop.release / "SHA256SUMS").read_text()
    _sum(workshop.release)
    assert (workshop.release / "SHA256SUMS").read_text() == before
    again = workshop.run("deploy/build_images.sh", workshop.release)
    assert (again.returncode, "is not empty" in again.stderr) == (1, True)


def test_a_tag_that_is_not_the_version_builds_nothing(workshop: Workshop) -> None:
    """The tag and pyproject.toml must say the same version; otherwise one sentence says both, and nothing is built."""
    done = workshop.run("deploy/build_images.sh", "--tag", "v9.9.9", workshop.release)
    assert (done.returncode, workshop.called(), workshop.release.exists()) == (1, [], False)
    assert f"the tag is v9.9.9, and pyproject.toml says {VERSION}." in done.stderr


@pytest.mark.long
def test_the_list_of_parts_names_every_package_of_the_lock(workshop: Workshop) -> None:
    """Every line of requirements.txt is a component with its version and all its hashes; twice gives the same bytes."""
    pytest.importorskip("cyclonedx")
    done = workshop.run("security/make_sbom.sh")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    told = document["metadata"]["component"]
    assert (told["name"], told["version"]) == ("movie-mlops", VERSION)
    text = (REPOSITORY / "requirements.txt").read_text().replace("\\\n", " ")
    locked = {}
    for line in text.splitlines():
        if found := re.match(r"([\w.-]+)(\[[\w,-]+\])?==([^ ;]+)", line):
            locked[found[1], found[3]] = sorted(re.findall(r"sha256:([0-9a-f]{64})", line))
    assert len(locked) > 50
    parts = {}
    for part in document["components"]:
        hashes = sorted(h["content"] for reference in part["externalReferences"] for h in reference["hashes"])
        parts[part["name"], part["version"]] = hashes
    assert parts == locked
    file = workshop.root.parent / "sbom.json"
    assert workshop.run("security/make_sbom.sh", file).returncode == 0
    assert file.read_text() == done.stdout


def test_what_was_built_is_started_hardened(made: Workshop) -> None:
    """The archive itself is loaded and started without rights, network or a place to write, and removed afterwards."""
    done = made.run("deploy/check_images.sh", made.release)
    assert done.returncode == 0, done.stderr
    load, start, who, gone = made.called()
    assert load == f"load --quiet --input {made.release / IMAGE}"
    assert start.endswith(f" movie-mlops-api:{VERSION}")
    for option in (
        "--read-only",
        "--cap-drop ALL",
        "--network none",
        "--security-opt no-new-privileges",
        "--memory 4g",
    ):
        assert option in start
    assert (who, gone) == ("exec c0ffee id -u", "rm --force --volumes c0ffee")


@pytest.mark.parametrize(
    ("health", "user", "told"),
    [
        ("ended", "10001", "ended before it was healthy"),
        ("starting", "10001", "was not healthy within 1 s"),
        ("healthy", "0", "runs as root"),
    ],
)
def test_an_image_that_does_not_live_is_refused(made: Workshop, health: str, user: str, told: str) -> None:
    """An image that ends, that never gets healthy or that runs as root is refused, and its container is removed."""
    done = made.run("deploy/check_images.sh", "--within", "1", made.release, HEALTH=health, USER_ID=user)
    assert (done.returncode, told in done.stderr) == (1, True)
    assert made.called()[-1] == "rm --force --volumes c0ffee"


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ({"CHECK": "null"}, "has no health check, so that nobody could say whether it lives."),
        ({"BYTES": "900000001"}, "has 901 MB; 900 are the most."),
    ],
)
def test_an_image_is_refused_before_it_is_started(made: Workshop, image: dict[str, str], told: str) -> None:
    """An image without a health check, or of more than 900 MB, is refused with the reason and what to look at."""
    done = made.run("deploy/check_images.sh", made.release, **image)
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    assert made.called() == [f"load --quiet --input {made.release / IMAGE}"]


def test_a_signature_is_over_every_file(made: Workshop) -> None:
    """What was signed is verified by the public key; a changed, added or missing file and another's key are refused."""
    private = made.key("ours")
    made.key("another")
    keys, release = made.root.parent, made.release
    assert made.run("deploy/sign_release.sh", release, RELEASE_SIGNING_KEY=private).returncode == 0

    def verified(key: str = "ours") -> tuple[int, str]:
        done = made.run("deploy/sign_release.sh", "--verify", keys / f"{key}.pub", release)
        return done.returncode, done.stderr

    assert verified()[0] == 0
    assert verified("another")[0] == 1
    (release / "more.tar").write_text("unseen\n")
    assert verified() == (1, f"sign_release.sh: {release} holds other files than SHA256SUMS lists.\n")
    _sum(release)
    assert verified()[0] == 1
    assert "is not by the owner of" in verified()[1]
    (release / "more.tar").unlink()
    _sum(release)
    assert verified()[0] == 0
    (release / IMAGE).write_text("another image\n")
    assert "is not what SHA256SUMS says" in verified()[1]
    (release / IMAGE).unlink()
    assert verified()[0] == 1


def test_nothing_is_published_unsigned(made: Workshop) -> None:
    """Without a key, or with what is no key, nothing is signed; and without a signature nothing reaches a registry."""
    for given in ("", "no key"):
        done = made.run("deploy/sign_release.sh", made.release, RELEASE_SIGNING_KEY=given)
        assert (done.returncode, "RELEASE_SIGNING_KEY is" in done.stderr) == (1, True)
    made.key("ours")
    words = (made.root.parent / "ours.pub", made.release, "ghcr.io/owner")
    done = made.run("deploy/publish_images.sh", *words)
    assert (done.returncode, "is not signed" in done.stderr, made.called()) == (1, True, [])


def test_what_is_signed_is_published(made: Workshop) -> None:
    """The signed archives are loaded and pushed under the registry's name; the token is on no command line."""
    private = made.key("ours")
    assert made.run("deploy/sign_release.sh", made.release, RELEASE_SIGNING_KEY=private).returncode == 0
    words = (made.root.parent / "ours.pub", made.release, "ghcr.io/Owner")
    image = f"ghcr.io/owner/movie-mlops-api:{VERSION}"
    tried = made.run("deploy/publish_images.sh", "--dry-run", *words)
    assert (tried.returncode, tried.stdout, made.called()) == (0, f"would push {image}\n", [])
    done = made.run("deploy/publish_images.sh", *words, REGISTRY_USER="somebody", REGISTRY_TOKEN="t0ken")
    assert (done.returncode, done.stdout) == (0, f"{image}\n"), done.stderr
    assert made.called() == [
        "login --username somebody --password-stdin ghcr.io",
        f"load --quiet --input {made.release / IMAGE}",
        f"tag movie-mlops-api:{VERSION} {image}",
        f"push --quiet {image}",
        "logout ghcr.io",
    ]
    assert Path(f"{made.calls}.token").read_text() == "t0ken\n"


@pytest.mark.parametrize(
    "script",
    [
        "deploy/build_images.sh",
        "deploy/check_images.sh",
        "deploy/find_engine.sh",
        "deploy/publish_images.sh",
        "deploy/sign_release.sh",
        "security/make_sbom.sh",
    ],
)
def test_help_and_wrong_words_do_nothing(workshop: Workshop, script: str) -> None:
    """Every script answers ``--help``; a misspelt option is exit code 2, and nothing is built or sent."""
    helped = workshop.run(script, "--help")
    assert (helped.returncode, helped.stdout.startswith(f"Usage: scripts/{script}")) == (0, True)
    assert workshop.run(script, "--hepl").returncode == 2
    assert workshop.called() == []
