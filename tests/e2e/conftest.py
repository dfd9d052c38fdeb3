"""The real platform and a real Chromium for the tests in a browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.fixtures.common.made_once import made_once
from tests.fixtures.stage_4.command_line import SECOND, CommandLine, copied
from tests.fixtures.stage_5.accessibility import axe_source
from tests.fixtures.stage_5.patience import PATIENCE_MS
from tests.fixtures.stage_5.server_process import ServerProcess

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def second_release(finished: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The finished home with a second release, of a model with another parameter. Never changed: copy it first."""

    def make(folder: Path) -> None:
        done = copied(finished, folder).configured(**SECOND)("run", "--json")
        assert done.code == 0, done.err
        assert done.document["release"]["action"] == "promoted"

    folder = made_once(tmp_path_factory, "second-release", make)
    return CommandLine(folder, folder / "home", config=folder / "config")


@pytest.fixture(scope="session")
def server(finished: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The real server over a home in which the main job has run; a test that stops it starts it again."""
    home = copied(finished, tmp_path_factory.mktemp("served")).home
    process = ServerProcess(home / "server.txt", "serve", "--home", str(home))
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


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, which finds what shuts people out."""
    return axe_source()


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
    # Five seconds, as it is by itself, are little where several servers and browsers start at once.
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()
