"""The real platform and a real Chromium for the tests in a browser."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.fixtures.stage_4.command_line import CommandLine, copied
from tests.fixtures.stage_5.server_process import REPOSITORY, ServerProcess, command, environment

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
TRAINS_WITHIN_S = 300


@pytest.fixture(scope="session")
def second_release(finished: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The finished home with a second release, of a model with another parameter. Never changed: copy it first."""
    recipe = {"name": "ease", "model": "ease", "params": {"regularisation": 260}}
    home = copied(finished, tmp_path_factory.mktemp("second")).configured(
        recipes=[{"name": "popular", "model": "popular"}, recipe], baselines=["popular"]
    )
    done = home("run", "--json")
    assert done.code == 0, done.err
    assert done.document["release"]["action"] == "promoted"
    return home


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the main job has run once on the sample."""
    home = tmp_path_factory.mktemp("home")
    words = command("run", "--source", "sample", "--home", str(home))
    done = subprocess.run(
        words, cwd=REPOSITORY, env=environment(), timeout=TRAINS_WITHIN_S, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="session")
def server(trained_home: Path) -> Iterator[ServerProcess]:
    """The real server over the trained home, in a process of its own; a test that stops it starts it again."""
    process = ServerProcess(trained_home / "server.txt", "serve", "--home", str(trained_home))
    try:
        process.start()
        yield process
        assert process.stop() == 0, process.printed()
    finally:
        process.end()


@pytest.fixture(scope="session")
def page_server(server: ServerProcess) -> str:
    """The base address of the real server, with the page and the API."""
    return server.url


# For one module only: while Playwright runs, asyncio.run() of other tests would find its loop in the way.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real Chromium. Absent: skipped, except in CI, where a check that did not run must not look green."""
    if not CHROMIUM.exists():
        reason = f"no Chromium at {CHROMIUM}: install the package `chromium`"
        # CI's own variable says where we run; the platform's settings have no part in it.
        if os.environ.get("CI") == "true":  # noqa: TID251
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()
