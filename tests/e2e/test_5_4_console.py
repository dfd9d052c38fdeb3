"""The operators' console in a real Chromium, over a platform whose main job has run twice."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from movie_mlops.cli.main import main
from tests.fixtures.stage_4.command_line import CommandLine, copied
from tests.fixtures.stage_5.accessibility import violations
from tests.fixtures.stage_5.patience import PATIENCE_MS
from tests.fixtures.stage_5.server_process import ServerProcess

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).resolve().parents[2] / "reports" / "screenshots"
TOKEN = "the-token-of-the-tests"
PASSWORD = "four horses eat plums"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SECTIONS = ["Overview", "Data", "Features", "Models", "Gates and runs", "Releases", "Monitoring", "Events", "Lineage"]

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def url(second_release: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with two releases, an admin token, and a few people who have used it."""
    home = copied(second_release, tmp_path_factory.mktemp("console")).home
    variables = {"MOVIE_MLOPS_ADMIN_TOKEN": TOKEN}
    (home / "password").write_text(PASSWORD)
    account = ["security", "account", "add", "kim", "--role", "analyst", "--password-file", str(home / "password")]
    assert main([*account, "--home", str(home)]) == 0
    process = ServerProcess(home / "server.txt", "serve", "--home", str(home), variables=variables)
    try:
        process.start()
        for user in ("ann", "ben", "cy"):
            events = [{"user_id": user, "movie_id": film, "kind": "like"} for film in (1, 6, 50)]
            httpx.post(f"{process.url}/v1/events", json={"events": events}).raise_for_status()
            for name in (user, f"{user}-unknown"):
                httpx.get(f"{process.url}/v1/users/{name}/recommendations").raise_for_status()
        yield process.url
        assert process.stop() == 0, process.printed()
    finally:
        process.end()


@pytest.fixture
def visit(chromium: Browser, url: str) -> Iterator[Visit]:
    """Somebody who has signed in by hand; afterwards nothing was logged or thrown."""
    pages: list[tuple[Page, list[str]]] = []

    def open_page(*, viewport: ViewportSize = DESKTOP, **options: Any) -> Page:
        page = chromium.new_context(viewport=viewport, reduced_motion="reduce", **options).new_page()
        page.set_default_timeout(PATIENCE_MS)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(f"thrown: {error}"))
        page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
        pages.append((page, faults))
        page.goto(f"{url}/console")
        page.get_by_label("Admin token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("navigation", name="Sections")).to_be_visible()
        return page

    yield open_page
    for page, faults in pages:
        page.context.close()
        # The door refuses whoever has not signed in, or not any more, and the browser says so.
        assert [fault for fault in faults if "status of 401" not in fault] == []


def section(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Sections").get_by_role("link", name=name).click()
    page.wait_for_load_state()


def test_every_stage_is_seen_at_a_glance(visit: Visit, url: str) -> None:
    """The overview has each stage that is there, its state and its figures, and what needs somebody; no other stage."""
    page = visit()
    stages = ["Data", "Features", "Versions", "Gates", "Serving", "Monitoring", "Events"]
    expect(page.locator(".stage h3")).to_have_text(stages)
    headlines = {
        name: page.locator(".stage").filter(has_text=name).locator(".headline") for name in ("Serving", "Events")
    }
    release = httpx.get(f"{url}/readyz").json()["release"]["release_id"]
    expect(headlines["Serving"]).to_have_text(f"Release {release} serves")
    expect(headlines["Events"]).to_have_text(re.compile(r"^(9|10) events recorded$"))
    expect(page.locator(".stage").filter(has_text="Serving")).to_contain_text("50%")  # three of six were their own
    expect(page.locator(".rail a")).to_have_text([re.compile(name) for name in SECTIONS])
    assert page.locator(".plot rect.c0").count() >= 1
    assert page.locator(".plot rect.c1").count() >= 1


def test_what_is_live_renews_itself(visit: Visit, url: str) -> None:
    """An event that arrives is on the page within the next look, without a reload."""
    page = visit()
    page.clock.install()
    section(page, "Events")
    before = page.locator("h1 + p").inner_text()
    like = {"user_id": "dee", "movie_id": 6, "kind": "like"}
    httpx.post(f"{url}/v1/events", json=like).raise_for_status()
    page.clock.run_for(11_000)
    expect(page.locator("h1 + p")).not_to_have_text(before)
    expect(page.locator("tbody tr").first).to_contain_text("dee")


def test_sections_show_what_the_stages_have(visit: Visit) -> None:
    """Tables with their versions, views with their features, models compared, every check of the gate, the lineage."""
    page = visit()
    section(page, "Data")
    expect(page.get_by_role("rowheader", name="interactions", exact=True)).to_be_visible()
    section(page, "Features")
    expect(page.get_by_role("heading", name="film_features")).to_be_visible()
    page.get_by_text(re.compile("Its 12 features")).click()
    expect(page.get_by_text("rating_mean_shrunk")).to_be_visible()
    section(page, "Models")
    expect(page.locator(".plot .marked .name")).to_have_text("ease")
    expect(page.locator("tbody tr")).to_have_count(2)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="The evaluation").click()
    expect(opened.value.locator("h1")).to_contain_text("Which model for sample?")
    section(page, "Gates")
    expect(page.locator(".checks h3").filter(has_text="beats-popular")).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("done")
    section(page, "Lineage")
    page.wait_for_function("() => document.querySelector('.picture img').naturalWidth > 800")
    page.get_by_label(re.compile("A release's number")).fill("no-such-thing")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("alert")).to_contain_text("no-such-thing")


def test_a_release_is_taken_back_and_brought_again(visit: Visit, url: str) -> None:
    """Roll back and promote, each asked about first and kept with its reason; Cancel does nothing."""
    page = visit()
    section(page, "Releases")
    expect(page.get_by_role("heading", level=1)).to_have_text("Release 2 serves")
    second = page.locator(".page-head code").inner_text()
    form = page.locator("form[action$=roll-back]")
    form.get_by_label("Who decides").fill("Ann")
    form.get_by_label("Why").fill("People complained.")
    form.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert httpx.get(f"{url}/readyz").json()["release"]["release_id"] == 2
    form.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog", name="Go back to the release before?").get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("status")).to_contain_text("Release 3 is written:")
    expect(page.locator("tbody tr").first).to_contain_text("People complained.")
    assert httpx.get(f"{url}/readyz").json()["release"]["release_id"] == 3

    section(page, "Models")
    page.locator("tr").filter(has_text=second).get_by_role("link", name="Promote…").click()
    form = page.locator("form[action$=promote]")
    expect(form.get_by_label("Bundle")).to_have_value(second)
    form.get_by_label("Who decides").fill("Ann")
    form.get_by_label("Why").fill("They were right after all.")
    form.get_by_role("button", name="Promote").click()
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.get_by_role("status")).to_contain_text(f"Release 4 is written: {second} serves.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Release 4 serves")


def test_who_signs_out_is_out(visit: Visit, url: str) -> None:
    """After signing out the browser has no way back in, not even by going back; a password is another way in."""
    page = visit()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Admin token")).to_be_visible()
    assert page.request.get(f"{url}/console/releases").status == 401
    page.get_by_label("Name of an account").fill("kim")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    section(page, "Releases")
    assert page.locator("form[action*=actions]").count() == 0


@pytest.mark.long
@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_console_fits_every_screen_and_shuts_nobody_out(
    visit: Visit, axe: str, viewport: ViewportSize, scheme: str
) -> None:
    """On phone and desktop, light and dark, nothing is cut off and axe-core finds nothing; pictures are kept."""
    page = visit(viewport=viewport, color_scheme=scheme)
    found, name = {}, "desktop" if viewport is DESKTOP else "phone"
    for place, title in enumerate(SECTIONS):
        section(page, title)
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"], title
        found[title] = violations(page, axe)
        page.screenshot(
            path=SCREENSHOTS / f"console-{name}-{scheme}-{place}-{title.split()[0].lower()}.png", full_page=True
        )
    assert {title: faults for title, faults in found.items() if faults} == {}
