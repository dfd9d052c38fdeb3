"""From one command to ten recommendations in a browser, as a newcomer does it."""

import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.fixtures.stage_4.command_line import QUICK, CommandLine
from tests.fixtures.stage_5.server_process import ServerProcess

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).resolve().parents[2] / "reports" / "screenshots"
SCREENS: dict[str, ViewportSize] = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
FAVOURITES = ("Spirited Away", "The Lion King", "Toy Story", "Finding Nemo", "Inside Out")
TEN = 10


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """``python -m movie_mlops run --serve --port … --home …`` in an empty home, up to its first answer.

    Few models are tried: with all of them the same command is run by ``finished``.
    """
    folder = tmp_path_factory.mktemp("newcomer")
    settings = {"MOVIE_MLOPS_CONFIG": str(CommandLine(folder, folder / "home").configured(**QUICK).config)}
    home = ("--home", str(folder / "home"))
    words = ("run", "--serve", *home)
    process = ServerProcess(folder / "printed.txt", *words, again=("serve", *home), anew=True, variables=settings)
    try:
        process.start()
        yield process
        assert process.stop() == 0, process.printed()
    finally:
        process.end()


def test_the_command_says_what_it_does_and_where_the_page_is(run: ServerProcess) -> None:
    """One command trains, judges, releases and serves, and prints each step and the address to open."""
    printed = run.printed()
    for step in ("ingest", "features", "evaluate", "train", "gate", "release", "track", "register"):
        assert re.search(rf"^  {step} ", printed, re.MULTILINE), printed
    assert "passed" in printed
    assert f"Recommendations from sample: {run.url}/" in printed


@pytest.mark.parametrize("screen", ["desktop", pytest.param("phone", marks=pytest.mark.long)])
def test_a_newcomer_gets_ten_films_with_reasons(chromium: Browser, run: ServerProcess, screen: str) -> None:
    """Search, pick five, rate: ten with reasons follow at once; more like this, the passport; a reload keeps it all."""
    with visit(chromium, screen) as page:
        page.goto(run.url)
        search(page, "miyazaki")
        expect(page.locator("#wall .card").first).to_be_visible()
        for title in FAVOURITES:
            search(page, title)
            with page.expect_response(re.compile(r"/recommendations\?")):
                poster(page, title).click()
        expect(page.locator(".slot.full")).to_have_count(5)
        look(page, screen, "1-picked")
        poster(page, FAVOURITES[-1]).click()
        with page.expect_response(re.compile(r"/recommendations\?")):
            page.get_by_role("dialog").locator(".stars label").nth(9).click()
        page.keyboard.press("Escape")

        page.locator(".tabs").get_by_role("button", name="For you").click()
        expect(page.locator("#list .why.personal")).to_have_count(TEN)
        look(page, screen, "2-ten")
        reasons = page.locator("#list .why").all_inner_texts()
        assert all(any(title in reason for title in FAVOURITES) for reason in reasons), reasons
        ten = page.locator("#list .row-title").all_inner_texts()
        assert len(set(ten) | set(FAVOURITES)) == TEN + len(FAVOURITES)

        page.locator("#list .row-main").first.click()
        panel = page.get_by_role("dialog", name=ten[0])
        expect(panel.locator(".wall .card:not(.skeleton)")).to_have_count(TEN)
        look(page, screen, "3-more-like-this")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Why these films?").click()
        expect(page.get_by_role("dialog", name="Why these films?")).to_contain_text(
            "from the 5 films you told us about"
        )
        look(page, screen, "4-passport")
        page.keyboard.press("Escape")

        page.reload()
        page.locator(".tabs").get_by_role("button", name=re.compile("Your films")).click()
        expect(page.locator("#yours-list .row-title")).to_have_text(list(reversed(FAVOURITES)))
        expect(page.locator("#yours-list .why").first).to_have_text("You gave 5 stars")
        page.locator(".tabs").get_by_role("button", name="For you").click()
        expect(page.locator("#list .row-title")).to_have_text(ten)


def test_sigterm_drops_no_request(run: ServerProcess) -> None:
    """Promise P12: what has begun to arrive when SIGTERM comes is answered and kept; the exit code is 0."""
    users = [f"last-{number}" for number in range(8)]
    begun = [begin(run.port, user) for user in users]
    run.ask_to_stop()
    wait_until_refused(run.port)
    with ThreadPoolExecutor(len(begun)) as pool:
        answers = list(pool.map(lambda pair: finish(*pair), begun))
    assert answers == ["HTTP/1.1 201 Created"] * len(users)
    assert run.wait() == 0, run.printed()
    run.start()
    for user in users:
        (item,) = httpx.get(f"{run.url}/v1/users/{user}/history").json()["items"]
        assert item["liked"]


@contextmanager
def visit(chromium: Browser, screen: str) -> Iterator[Page]:
    """Open a page in a fresh profile; afterwards the browser has complained about nothing."""
    context = chromium.new_context(
        viewport=SCREENS[screen], has_touch=screen == "phone", locale="en-US", reduced_motion="reduce"
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


def search(page: Page, words: str) -> None:
    with page.expect_response(re.compile(r"/v1/movies\?")):
        page.get_by_role("searchbox").fill(words)
    expect(page.locator("#wall-title")).to_have_text(f"Results for “{words}”")


def poster(page: Page, title: str) -> Locator:
    exact = page.locator(".poster-title").filter(has_text=re.compile(f"^{re.escape(title)}$"))
    return page.locator("#wall .card-poster").filter(has=exact)


def look(page: Page, screen: str, moment: str) -> None:
    page.screenshot(path=SCREENSHOTS / f"workflow-{screen}-{moment}.png")


def begin(port: int, user: str) -> tuple[socket.socket, bytes]:
    """Send a request without its body's end, up to where the server asks for the rest."""
    body = json.dumps({"user_id": user, "movie_id": 1, "kind": "like"}).encode()
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(
        b"POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body)
    )
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue")
    return connection, body


def finish(connection: socket.socket, body: bytes) -> str:
    """Send the rest and return the first line of the answer."""
    with connection:
        connection.sendall(body)
        return connection.recv(10_000).split(b"\r\n")[0].decode()


def wait_until_refused(port: int) -> None:
    """Wait until the server takes no new connection: it has heard the signal."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.02)
    raise AssertionError("the server still takes connections")
