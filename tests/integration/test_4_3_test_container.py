"""The small test environment in a real container: the tests' own command in an image that is built for it."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.containers

WITHIN_S = 3_600


def test_tests_run_in_a_container_that_cannot_be_written(tmp_path: Path) -> None:
    """The development image is built, and tests pass in it without a network or a place to write but for memory: those
    of the files for containers, and one that shows the page in a browser and keeps its pictures.
    """  # noqa: D205 - one story
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(checkout)], check=True)
    for words, passed in (
        (("--stage", "4.1", "--kind", "unit"), " passed"),
        (("--stage", "5.4", "--kind", "e2e", "--", "-k", "fits_every_screen and desktop and light"), "1 passed"),
    ):
        done = subprocess.run(
            [checkout / "run_docker_tests.sh", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )
        told = done.stdout + done.stderr
        assert done.returncode == 0, told[-5000:]
        assert passed in told
        # What is skipped on a laptop for want of a program fails here, so that nothing passes by being left out.
        assert " skipped" not in told
