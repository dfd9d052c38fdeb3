"""The page's server and a real Chromium for the tests in a browser."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from tests.fixtures.stage_5.fake_api import create_fake

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
STARTS_WITHIN_S = 20


@pytest.fixture(scope="session")
def page_server() -> Iterator[str]:
    """The base address of a server with the page and the API: here the stand-in, on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_fake(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not server.started:
        assert thread.is_alive(), "the server of the page stopped while it started"
        assert time.monotonic() < deadline, "the server of the page did not start"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
    listener.close()


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
