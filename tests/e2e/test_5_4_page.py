"""The page at ``/`` in a real Chromium, used as a person uses it, against the real server over the real main job.

Errors are real as well: the server is stopped, the network is cut, films are asked for that do not exist. Only what a
server of ours never says (markup in a title) is played in the browser.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, ViewportSize, expect

from tests.fixtures.stage_5.accessibility import violations
from tests.fixtures.stage_5.patience import PATIENCE_MS
from tests.fixtures.stage_5.server_process import ServerProcess

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).resolve().parents[2] / "reports" / "screenshots"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SMALL_PHONE: ViewportSize = {"width": 360, "height": 740}
TONES = 4

Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, page_server: str) -> Iterator[Visit]:
    """Open the page in a fresh browser profile; afterwards nothing was logged, thrown or asked of another host."""
    pages: list[tuple[Page, bool, list[str]]] = []

    def open_page(*, viewport: ViewportSize = DESKTOP, broken: bool = False, **options: Any) -> Page:
        settings: dict[str, Any] = {"locale": "en-US", "reduced_motion": "reduce", **options}
        page = chromium.new_context(viewport=viewport, **settings).new_page()
        page.set_default_timeout(PATIENCE_MS)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(f"thrown: {error}"))
        page.on("request", lambda request: faults.extend(foreign(request, page_server)))
        if not broken:  # a refused request is logged by the browser itself
            page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
        pages.append((page, broken, faults))
        return page

    yield open_page
    for page, _, faults in pages:
        page.context.close()
        assert faults == []


def foreign(request: Request, page_server: str) -> list[str]:
    """A request that leaves the page's own server."""
    return [] if urlsplit(request.url).netloc == urlsplit(page_server).netloc else [f"asked {request.url}"]


def arrive(page: Page, page_server: str) -> Page:
    page.goto(page_server)
    expect(page.locator("#list .row:not(.skeleton)")).to_have_count(10)
    expect(page.locator("#wall .card:not(.skeleton)").first).to_be_attached()
    expect(page.locator("#wall-genres button")).not_to_have_count(0)
    return page


def poster_button(page: Page, place: int) -> Locator:
    return page.locator("#wall [data-act=pick]").nth(place)


def titles(rows: Locator) -> list[str]:
    return rows.locator(".row-title").all_inner_texts()


def film_title(card: Locator) -> str:
    return card.locator(".poster-title").inner_text()


def pick(page: Page, places: range) -> list[str]:
    """Like the films at these places of the wall, each heard by the server before the next; gives their titles."""
    picked = []
    for place in places:
        picked.append(film_title(poster_button(page, place)))
        with page.expect_response(re.compile(r"/recommendations\?")):
            poster_button(page, place).click()
    return picked


def events_of(page: Page) -> list[dict[str, object]]:
    """Every event that the page posts from now on."""
    sent: list[dict[str, object]] = []
    page.on(
        "request",
        lambda request: sent.append(json.loads(request.post_data or "{}")) if request.method == "POST" else None,
    )
    return sent


def test_first_visit_shows_popular_films_and_says_so(visit: Visit, page_server: str) -> None:
    """A first visitor sees films to pick from, and a list that says that it is only what is popular."""
    page = arrive(visit(), page_server)
    expect(page.get_by_role("heading", level=1)).to_have_text("Pick five films you like.")
    expect(page.locator("#for-you-title")).to_have_text("Popular now")
    expect(page.locator("#source")).to_contain_text("Popular with this sample’s simulated audience")  # noqa: RUF001 - as the page writes it
    expect(page.locator("#behind")).to_contain_text("the films are real, their audience is simulated")
    expect(page.locator("#list .why").first).to_contain_text(re.compile(r"Liked by \d+ people"))
    expect(page.locator("#wall .poster-title").filter(has_text="Inception")).to_be_visible()


def test_search_and_five_likes_give_ten_with_reasons(visit: Visit, page_server: str) -> None:
    """Search, pick five: ten recommendations follow at once, each with a reason, none of them already picked."""
    page = arrive(visit(), page_server)
    sent = events_of(page)
    wanted = film_title(poster_button(page, 7))
    page.get_by_role("searchbox", name="Search films").fill(wanted)
    expect(page.locator("#wall-title")).to_contain_text(wanted)
    expect(poster_button(page, 0)).to_contain_text(wanted)
    page.get_by_role("searchbox").press("Enter")
    picked = pick(page, range(1))
    page.get_by_role("searchbox").fill("")
    expect(page.locator("#wall-title")).to_have_text("Well-known films")
    picked += pick(page, range(4))

    expect(page.locator("#for-you-title")).to_have_text("Ten for you")
    expect(page.locator("#source")).to_have_text("Chosen from 5 films you told us about.")
    expect(page.locator("#list .why.personal")).to_have_count(10)
    for reason in page.locator("#list .why").all_inner_texts():
        assert reason.startswith("Because you liked ")
    assert not set(picked) & set(titles(page.locator("#list")))
    expect(page.locator(".slot.full")).to_have_count(5)
    assert [event["kind"] for event in sent] == ["like"] * 5
    assert len({event["event_id"] for event in sent}) == 5
    assert {event["user_id"] for event in sent} == {page.evaluate("JSON.parse(localStorage['movie-mlops.visitor'])")}
    assert re.fullmatch(r"visitor-[0-9a-f-]{36}", str(sent[0]["user_id"]))


@pytest.mark.parametrize("locale", [pytest.param("en-US", marks=pytest.mark.long), "ko-KR"])
@pytest.mark.parametrize(
    "viewport",
    [
        pytest.param(DESKTOP, id="desktop", marks=pytest.mark.long),
        pytest.param(PHONE, id="phone", marks=pytest.mark.long),
        pytest.param(SMALL_PHONE, id="small-phone"),
    ],
)
def test_picking_does_not_move_the_wall(visit: Visit, page_server: str, viewport: ViewportSize, locale: str) -> None:
    """The wall stays under the finger: five likes change the words above it, not its place."""
    page = arrive(visit(viewport=viewport, locale=locale), page_server)
    top = "document.getElementById('wall').getBoundingClientRect().top + scrollY"
    before = page.evaluate(top)
    pick(page, range(5))
    assert page.evaluate(top) == before


def test_search_without_result_offers_the_way_back(visit: Visit, page_server: str) -> None:
    """A search that finds nothing says so and clears itself with one click."""
    page = arrive(visit(), page_server)
    page.get_by_role("searchbox").fill("zzzzqx")
    expect(page.locator("#wall-state")).to_contain_text("No film here is called that.")
    page.get_by_role("button", name="Clear search").click()
    expect(page.locator("#wall .card").first).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_more_like_this_walks_from_film_to_film_and_back(visit: Visit, page_server: str) -> None:
    """Every film opens a panel with more like it; Back returns to the film before, Escape to where one was."""
    page = arrive(visit(), page_server)
    opener = page.locator("#wall .card").nth(2).get_by_role("button", name=re.compile("more like this"))
    opener.click()
    panel = page.get_by_role("dialog")
    first = panel.locator("h2").inner_text()
    expect(panel.locator(".wall .card:not(.skeleton)")).to_have_count(10)
    panel.locator(".wall .text-button").first.click()
    expect(panel.locator("h2")).not_to_have_text(first)
    panel.get_by_role("button", name="Back").click()
    expect(panel.locator("h2")).to_have_text(first)
    expect(panel.get_by_role("button", name="Back")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(opener).to_be_focused()


def test_filters_hold_for_the_list(visit: Visit, page_server: str) -> None:
    """Genres and years narrow the ten; where nothing fits, the page says so and clears the filters."""
    page = arrive(visit(), page_server)
    page.get_by_role("button", name="Filter").click()
    page.locator("#filter-genres").get_by_role("button", name="Comedy").click()
    page.get_by_label("From year").select_option("1990")
    with page.expect_response(re.compile(r"genres=Comedy.*years=1990-1999")) as answer:
        page.get_by_label("To year").select_option("1999")
    items = answer.value.json()["items"]
    assert items
    assert all(1990 <= item["year"] <= 1999 and "Comedy" in item["genres"] for item in items)
    expect(page.locator("#list .row-title")).to_have_text([item["title"] for item in items])
    expect(page.locator("#filter-count")).to_have_text("2")

    page.get_by_label("From year").select_option("1910")
    page.get_by_label("To year").select_option("1919")
    expect(page.locator("#list-state")).to_contain_text("Nothing fits these filters.")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("#list .row")).to_have_count(10)
    expect(page.locator("#filter-count")).to_be_empty()


def test_visitor_is_still_known_after_a_reload(visit: Visit, page_server: str) -> None:
    """Likes, dislikes and stars survive a reload, and a changed mind is kept as changed."""
    page = arrive(visit(), page_server)
    sent = events_of(page)
    liked, changed = pick(page, range(2))
    disliked = film_title(page.locator("#wall .card").nth(2))
    with page.expect_response(re.compile(r"/recommendations\?")):
        page.locator("#wall .card").nth(2).get_by_role("button", name=f"Not for me: {disliked}").click()
    poster_button(page, 1).click()  # a film that has been picked opens, to change one's mind
    with page.expect_response(re.compile(r"/recommendations\?")):
        page.get_by_role("dialog").locator(".stars label").nth(8).click()
    page.keyboard.press("Escape")
    page.wait_for_url(f"{page_server}/")
    assert [(event["kind"], event.get("value")) for event in sent] == [
        ("like", None),
        ("like", None),
        ("dislike", None),
        ("rating", 4.5),
    ]

    page.reload()
    page.locator(".tabs").get_by_role("button", name=re.compile("Your films")).click()
    yours = page.locator("#yours-list .row")
    expect(yours.locator(".row-title")).to_have_text([changed, disliked, liked])
    expect(yours.locator(".why")).to_have_text(["You gave 4.5 stars", "Not for you", "You like this"])
    with page.expect_response(re.compile(r"/recommendations\?")):
        yours.nth(2).get_by_role("button", name=f"Not for me: {liked}").click()
    expect(yours.first.locator(".row-title")).to_have_text(liked)
    expect(yours.first.locator(".why")).to_have_text("Not for you")


def test_a_word_is_taken_back_with_one_press(visit: Visit, page_server: str) -> None:
    """Undo brings back what was so before: nothing, or the earlier word; Your films can take back as well."""
    page = arrive(visit(), page_server)
    sent = events_of(page)
    pick(page, range(1))
    expect(page.locator("#for-you-title")).to_have_text("Ten for you")
    with page.expect_response(re.compile(r"/recommendations\?")):
        page.locator("#toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#for-you-title")).to_have_text("Popular now")
    expect(poster_button(page, 0)).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".slot.full")).to_have_count(0)

    title = pick(page, range(1))[0]
    with page.expect_response(re.compile(r"/recommendations\?")):
        page.locator("#wall .card").first.get_by_role("button", name=f"Not for me: {title}").click()
    with page.expect_response(re.compile(r"/recommendations\?")):
        page.locator("#toast").get_by_role("button", name="Undo").click()
    expect(poster_button(page, 0)).to_have_attribute("aria-pressed", "true")
    page.locator(".tabs").get_by_role("button", name=re.compile("Your films")).click()
    with page.expect_response(re.compile(r"/recommendations\?")):
        page.get_by_role("button", name=f"Take back what you said about {title}").click()
    expect(page.locator("#yours-state")).to_contain_text("Nothing here yet.")
    assert [event["kind"] for event in sent] == ["like", "withdraw", "like", "dislike", "like", "withdraw"]
    page.reload()
    expect(page.locator("#for-you-title")).to_have_text("Popular now")


def test_rows_have_reasons_of_their_own(visit: Visit, page_server: str) -> None:
    """After five likes rows are there: the first goes by the film liked last, no film is in two, each says why."""
    page = arrive(visit(), page_server)
    picked = pick(page, range(5))
    page.locator("#toast").get_by_role("button", name="See them").click()
    expect(page.locator("#discover-title")).to_be_focused()
    shelves = page.locator(".shelf:not([aria-hidden])")
    expect(shelves.first.get_by_role("heading", level=2)).to_have_text(f"Because you liked {picked[-1]}")
    kinds = [shelf.get_attribute("data-kind") for shelf in shelves.all()]
    assert kinds == ["because", "new", "because", "gems", "popular"]
    films = [card.get_attribute("data-film") for card in page.locator("#shelves .card, #list .row").all()]
    assert len(films) == len(set(films)) > 40
    assert not set(picked) & set(page.locator("#shelves .poster-title").all_inner_texts())

    shelves.first.get_by_role("button", name="Why am I seeing this?").click()
    panel = page.get_by_role("dialog", name="Why these films?")
    expect(panel).to_contain_text(f"go by one film that you liked: {picked[-1]}.")
    page.keyboard.press("Escape")
    gems = page.locator(".shelf[data-kind=gems]")
    gems.get_by_role("button", name="Why am I seeing this?").click()
    expect(panel).to_contain_text("These")
    expect(panel).to_contain_text("films that few people know")
    page.keyboard.press("Escape")

    liked = shelves.first.locator(".card").first
    with page.expect_response(re.compile(r"/recommendations\?")):
        liked.locator(".like").click()
    expect(liked).to_have_attribute("data-said", "like")  # the row stays under the finger
    page.get_by_role("button", name="Show fresh rows").click()
    expect(shelves.first.get_by_role("heading", level=2)).not_to_have_text(f"Because you liked {picked[-1]}")
    expect(page.get_by_role("button", name="Show fresh rows")).to_be_hidden()


def test_a_row_can_be_walked_through(visit: Visit, page_server: str) -> None:
    """A row has a button to each side that is off at its end; the keyboard reaches every film of it."""
    page = arrive(visit(), page_server)
    page.locator(".rooms").get_by_role("button", name="Discover").click()
    expect(page.locator("#discover-title")).to_have_text("Rows for everybody")
    shelf = page.locator(".shelf:not([aria-hidden])").first
    back, on = shelf.locator(".shelf-steps button").all()
    expect(back).to_be_disabled()
    on.click()
    expect(back).to_be_enabled()
    shelf.locator(".card-poster").last.focus()
    expect(on).to_be_disabled()


def test_a_film_has_an_address(visit: Visit, page_server: str) -> None:
    """A film's page can be shared and gone back from; similar films say what they have in common with it."""
    page = visit()
    page.goto(f"{page_server}/films/6")
    panel = page.get_by_role("dialog")
    title = panel.locator("h2").inner_text()
    expect(page).to_have_title(f"{title} · movie-mlops")
    expect(panel.locator(".wall .card:not(.skeleton)")).to_have_count(10)
    for why in panel.locator(".card-why").all_inner_texts():
        assert why.startswith("Also ") or why == "Liked by the same people"
    expect(panel.locator(".card-why")).to_have_count(10)
    page.keyboard.press("Escape")
    page.wait_for_url(f"{page_server}/")
    page.locator("#wall .text-button").first.click()
    page.wait_for_url(re.compile(r"/films/\d+$"))
    panel.locator(".wall .text-button").first.click()
    page.go_back()
    expect(panel).to_be_hidden()
    page.wait_for_url(f"{page_server}/")
    expect(page).to_have_title("Films for you · movie-mlops")
    page.goto(f"{page_server}/films/987654")
    page.wait_for_url(f"{page_server}/")


def test_delete_takes_everything_back(visit: Visit, page_server: str) -> None:
    """Delete says what it does and what stays, and does it: the server's history is empty, the visitor another one."""
    page = arrive(visit(), page_server)
    pick(page, range(3))
    visitor = page.evaluate("JSON.parse(localStorage['movie-mlops.visitor'])")
    history = f"{page_server}/v1/users/{visitor}/history"
    assert len(page.request.get(history).json()["items"]) == 3
    page.locator(".tabs").get_by_role("button", name=re.compile("Your films")).click()
    expect(page.locator("#data-more")).to_contain_text(visitor)
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download what is kept").click()
    assert len(json.loads(kept.value.path().read_text(encoding="utf-8"))["items"]) == 3
    page.get_by_role("button", name="Delete my films").click()
    dialog = page.get_by_role("dialog", name="Delete what you told us?")
    expect(dialog).to_contain_text("What stays: the record that something was said and taken back")
    dialog.get_by_role("button", name="Keep my films").click()
    assert len(page.request.get(history).json()["items"]) == 3
    page.get_by_role("button", name="Delete my films").click()
    dialog.get_by_role("button", name="Delete my films").click()
    expect(page.locator("#toast")).to_have_text("Your films are deleted.")
    assert page.request.get(history).json()["items"] == []
    assert page.evaluate("JSON.parse(localStorage['movie-mlops.visitor'])") != visitor
    expect(page.locator("#for-you-title")).to_have_text("Popular now")
    expect(page.locator(".slot.full")).to_have_count(0)


def test_what_is_not_deleted_does_not_look_deleted(visit: Visit, server: ServerProcess) -> None:
    """With the server away nothing is deleted: the films stay, and the page says what is the matter."""
    page = arrive(visit(broken=True), server.url)
    pick(page, range(1))
    page.locator(".tabs").get_by_role("button", name=re.compile("Your films")).click()
    page.route(re.compile("/history$"), lambda route: route.abort())
    page.get_by_role("button", name="Delete my films").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete my films").click()
    expect(page.locator("#yours-state")).to_contain_text("The server does not answer.")
    expect(page.locator("#yours-list .row")).to_have_count(1)


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), pytest.param(PHONE, "dark", marks=pytest.mark.long)]
)
def test_nobody_is_shut_out(visit: Visit, page_server: str, axe: str, viewport: ViewportSize, scheme: str) -> None:
    """axe-core finds nothing on any part of the page, on phone and desktop, light and dark."""
    page = arrive(visit(viewport=viewport, color_scheme=scheme), page_server)
    found = {"start": violations(page, axe)}
    pick(page, range(5))
    page.evaluate("document.getElementById('toast').hidePopover()")
    for part in ("discover", "for-you", "yours"):
        page.locator(f"button[data-view={part}]:visible").click()
        if part == "discover":
            expect(page.locator(".shelf:not([aria-hidden])")).to_have_count(5)
        found[part] = violations(page, axe)
    page.locator("#yours-list .row-main").first.click()
    expect(page.get_by_role("dialog").locator(".wall .card:not(.skeleton)")).to_have_count(10)
    found["film"] = violations(page, axe)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete my films").click()
    found["delete"] = violations(page, axe)
    page.keyboard.press("Escape")
    page.locator("button[data-view=for-you]:visible").click()
    page.locator("#behind button").click()
    expect(page.get_by_role("dialog").locator("section")).to_have_count(4)
    found["passport"] = violations(page, axe)
    assert {part: faults for part, faults in found.items() if faults} == {}


def test_start_over_makes_a_new_visitor(visit: Visit, page_server: str) -> None:
    """Start over asks first, then forgets the visitor and begins with a new one."""
    page = arrive(visit(), page_server)
    pick(page, range(1))
    visitor = page.evaluate("localStorage['movie-mlops.visitor']")
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("button", name="Keep my films").click()
    assert page.evaluate("localStorage['movie-mlops.visitor']") == visitor
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("dialog").get_by_role("button", name="Start over").click()
    expect(page.locator("#for-you-title")).to_have_text("Popular now")
    expect(page.locator(".slot.full")).to_have_count(0)
    assert page.evaluate("localStorage['movie-mlops.visitor']") != visitor


def test_passport_is_readable(visit: Visit, page_server: str) -> None:
    """Behind every list there is its passport, in sentences and labelled facts; the record itself is one link away."""
    page = arrive(visit(), page_server)
    pick(page, range(2))
    expect(page.locator("#behind")).to_contain_text(re.compile(r"Release \d+ · model \w+"))
    opener = page.locator("#behind").get_by_role("button", name="Why these films?")
    opener.click()
    panel = page.get_by_role("dialog", name="Why these films?")
    expect(panel).to_contain_text("These 10 films were chosen for you from the 2 films you told us about.")
    expect(panel).to_contain_text(re.compile(r"For \d+ of 100 of them, at least one of its ten films was one of those"))
    expect(panel).to_contain_text("The people are simulated")
    facts = dict(zip(panel.locator("dt").all_inner_texts(), panel.locator("dd").all_inner_texts(), strict=True))
    assert facts["Chosen out of"] == "every film you have not told us about"
    assert facts["In use as"].startswith("release 1, since ")
    assert facts["Approved by"] == "the automatic gate"
    assert re.fullmatch(r"\+0\.\d+ nDCG@10 \(95% interval \+0\.\d+ to \+0\.\d+\)", facts["Better than “popular”"])
    assert facts["Data set"] == "sample"
    assert "interactions" in facts["Table versions"]
    assert re.match(r"[0-9a-f]{12}|not recorded", facts["Commit"])
    assert "{" not in panel.inner_text()
    panel.get_by_text("The films and their scores").click()
    expect(panel.locator("details[open] dt")).to_have_text(titles(page.locator("#list")))
    with page.context.expect_page() as opened:
        panel.get_by_role("link", name="The whole record, as JSON").click()
    record = json.loads(opened.value.locator("body").inner_text())
    assert record["bundle"]["bundle_id"] == facts["Kept as"]
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_passport_names_the_filters(visit: Visit, page_server: str) -> None:
    """The passport of a filtered list says out of what it was chosen."""
    page = arrive(visit(), page_server)
    page.get_by_role("button", name="Filter").click()
    with page.expect_response(re.compile(r"/recommendations\?")):
        page.locator("#filter-genres").get_by_role("button", name="Comedy").click()
    page.locator("#behind").get_by_role("button", name="Why these films?").click()
    panel = page.get_by_role("dialog", name="Why these films?")
    expect(panel).to_contain_text("These 10 films are the same for everybody")
    expect(panel.locator("dd").nth(1)).to_have_text("Comedy")


def test_focus_returns_to_a_list_that_was_drawn_anew(visit: Visit, page_server: str) -> None:
    """A film of the list is liked in its panel and so leaves the list; the focus goes to the film in its place."""
    page = arrive(visit(), page_server)
    pick(page, range(1))
    page.locator("#list .row-main").nth(2).press("Enter")
    panel = page.get_by_role("dialog")
    with page.expect_response(re.compile(r"/recommendations\?")):
        panel.locator(".film-say .like").press("Enter")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("#list .row-main").nth(2)).to_be_focused()


def test_a_word_is_announced_also_in_a_panel(visit: Visit, page_server: str) -> None:
    """What a toast says is told to screen readers where they listen: in the open panel, else on the page."""
    page = arrive(visit(), page_server)
    liked = film_title(poster_button(page, 0))
    poster_button(page, 0).click()
    expect(page.locator("#live")).to_have_text(f"You like {liked}.")
    poster_button(page, 0).click()
    panel = page.get_by_role("dialog")
    panel.locator(".film-say .dislike").click()
    expect(panel.get_by_role("status")).to_have_text(f"{liked} is not for you.")
    expect(page.locator("#toast")).to_be_visible()


def test_skip_link_leads_past_the_wall(visit: Visit, page_server: str) -> None:
    """The first stop of the keyboard skips the whole wall, on a phone as well."""
    page = arrive(visit(viewport=PHONE), page_server)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the recommendations")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#for-you-title")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#filter-toggle")).to_be_focused()


def test_keyboard_alone_is_enough(visit: Visit, page_server: str) -> None:
    """A film can be found, liked and rated with the keyboard alone, and the focus is always visible and never lost."""
    page = arrive(visit(), page_server)
    page.get_by_role("searchbox").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.act") == "pick":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    with page.expect_response(re.compile(r"/recommendations\?")):
        page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.locator(".stars input").first.focus()
    # The page's clock stands still between the arrows, however busy the machine is.
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now()") + 1000)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    with (
        page.expect_response(re.compile(r"/recommendations\?")),
        page.expect_request(re.compile("/v1/events")) as rating,
    ):
        page.clock.resume()
    assert json.loads(rating.value.post_data or "{}")["value"] == 1.5  # only the value that the arrows rest on
    page.keyboard.press("Escape")

    liked = page.locator("#list .row-title").nth(3).inner_text()
    page.locator("#list .like").nth(3).focus()
    with page.expect_response(re.compile(r"/recommendations\?")):
        page.keyboard.press("Enter")
    # The liked film leaves the list; whichever takes its place has the focus, on the same kind of button.
    expect(page.locator("#list .row-title").filter(has_text=re.compile(f"^{re.escape(liked)}$"))).to_have_count(0)
    expect(page.locator("#list .row").nth(3).locator(".like")).to_be_focused()


def test_problem_is_shown_in_the_servers_words(visit: Visit, page_server: str) -> None:
    """An error of the server is shown with its own sentence, and "Try again" asks again."""
    page = arrive(visit(broken=True), page_server)
    passport = page.locator("#behind").get_by_role("button", name="Why these films?")
    real = passport.get_attribute("data-recommendation")
    passport.evaluate("button => { button.dataset.recommendation = 'neverGiven'; }")
    passport.click()
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("No recommendation with the id 'neverGiven' was kept.")
    with page.expect_response(re.compile("/neverGiven/passport")):
        alert.get_by_role("button", name="Try again").click()
    page.keyboard.press("Escape")
    passport.evaluate("(button, real) => { button.dataset.recommendation = real; }", real)
    passport.click()
    expect(page.get_by_role("dialog")).to_contain_text("These 10 films are the same for everybody")


def test_page_outlives_a_stopped_server(visit: Visit, server: ServerProcess) -> None:
    """With the server gone the page says so in one sentence and keeps the like; once it is back all mends itself."""
    page = arrive(visit(broken=True), server.url)
    sent = events_of(page)
    try:
        assert server.stop() == 0
        poster_button(page, 0).click()
        banner = page.locator("#banner")
        expect(banner).to_contain_text("The server does not answer; this page keeps trying.")
        expect(banner).to_contain_text("One of your choices will be sent when the server answers.")
        expect(poster_button(page, 0)).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#list .row")).to_have_count(10)  # the list on screen stays
        page.get_by_role("searchbox").fill("in")
        expect(page.locator("#wall-state")).to_contain_text("The server does not answer.")
        page.screenshot(path=SCREENSHOTS / "page-desktop-light-8-server-away.png")
    finally:
        server.start()
    expect(banner).to_be_hidden()
    expect(page.locator("#toast")).to_have_text("The server answers again.")
    expect(page.locator("#for-you-title")).to_have_text("Ten for you")
    expect(page.locator("#wall-title")).to_have_text("Results for “in”")
    assert len({event["event_id"] for event in sent}) == 1


def test_offline_is_said_and_mended(visit: Visit, page_server: str) -> None:
    """Without a network the page says that it is offline; once back, what waited is sent without a click."""
    page = arrive(visit(broken=True), page_server)
    page.context.set_offline(True)
    expect(page.locator("#banner")).to_contain_text("You are offline.")
    poster_button(page, 0).click()
    expect(page.locator("#banner")).to_contain_text("One of your choices will be sent")
    page.context.set_offline(False)
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#for-you-title")).to_have_text("Ten for you")


def test_refused_event_does_not_look_counted(visit: Visit, page_server: str) -> None:
    """A like of a film that the server does not know is refused: its reason is shown, and the film is not liked."""
    page = arrive(visit(broken=True), page_server)
    unknown = page.locator("#wall .card").first.evaluate(
        """(card, film) => import("/static/cards.js").then(({ films }) => {
          films.set(film, { ...films.get(Number(card.dataset.film)), movie_id: film });
          for (const node of [card, ...card.querySelectorAll("[data-movie]")]) node.dataset.movie = film;
          card.dataset.film = film;
          return film;
        })""",
        987654,
    )
    poster_button(page, 0).click()
    expect(page.locator("#list-state")).to_contain_text(f"There is no film with the id '{unknown}'")
    expect(poster_button(page, 0)).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".slot.full")).to_have_count(0)


def test_one_refused_event_does_not_hold_the_others_up(visit: Visit, page_server: str) -> None:
    """Of what an earlier visit left unsent the bad one is refused and said; the good one counts."""
    page = arrive(visit(broken=True), page_server)
    good = int(page.locator("#wall .card").nth(3).get_attribute("data-film") or 0)
    page.evaluate(
        """films => {
          const user_id = JSON.parse(localStorage["movie-mlops.visitor"]);
          const events = films.map((movie_id) => ({ event_id: crypto.randomUUID(), user_id, movie_id, kind: "like" }));
          localStorage["movie-mlops.outbox"] = JSON.stringify(events);
        }""",
        [987654, good],
    )
    page.reload()
    expect(page.locator("#toast")).to_contain_text("There is no film with the id '987654'")
    expect(page.locator(f'#wall .card[data-film="{good}"]')).to_have_attribute("data-said", "like")
    expect(page.locator("#for-you-title")).to_have_text("Ten for you")
    assert page.evaluate("localStorage['movie-mlops.outbox']") == "[]"


def test_text_of_the_server_is_never_markup(visit: Visit, page_server: str) -> None:
    """A title, a director and a reason that look like markup are shown letter by letter."""
    trap = "<img src=x onerror=alert(1)><b>Trap</b>"
    film = {"movie_id": 6, "title": trap, "year": 1995, "genres": [trap], "directors": [trap], "likes": 1}
    item = {**film, "rank": 1, "reason": {"text": trap, "because": []}}
    page = visit()
    page.route(re.compile(r"/v1/movies\?"), lambda route: route.fulfill(json={"total": 1, "items": [film]}))
    page.route(
        re.compile(r"/recommendations\?"),
        lambda route: route.fulfill(
            json={"recommendation_id": "r", "source": "personalised", "items": [item], "note": trap, "release": None}
        ),
    )
    page.goto(page_server)
    expect(page.locator("#list .row-title")).to_have_text(trap)
    expect(page.locator("#list .why")).to_have_text(trap)
    page.locator("#list .row-main").click()
    expect(page.get_by_role("dialog").locator("h2")).to_have_text(trap)
    assert page.locator("img, .row b, .card b").count() == 0


def test_every_control_has_a_name_and_room_for_a_finger(visit: Visit, page_server: str) -> None:
    """On a small phone every visible control has a name, a size of 24 by 24 pixels at least, and its own id."""
    page = arrive(visit(viewport=SMALL_PHONE, has_touch=True), page_server)
    pick(page, range(1))
    for moment in ("pick", "for-you", "yours", "film", "passport"):
        if moment == "film":
            page.locator("#yours-list .row-main").first.click()
        elif moment == "passport":
            page.keyboard.press("Escape")
            page.locator(".tabs [data-view=for-you]").click()
            page.locator("#behind button").click()
        else:
            page.locator(f".tabs [data-view={moment}]").click()
        faults = page.evaluate(
            """() => [...document.querySelectorAll("button, a, input, select, summary")]
              .filter((node) => node.checkVisibility() && !node.closest(".stars") && node.id !== "skip")
              .flatMap((node) => {
                const { width, height } = node.getBoundingClientRect();
                const name = node.getAttribute("aria-label") ?? node.textContent.trim();
                const inText = node.tagName === "A" && node.parentElement.tagName === "P";
                return [
                  name || node.labels?.length ? [] : [`no name: ${node.outerHTML}`],
                  (width >= 24 && height >= 24) || inText ? [] : [`${width} by ${height}: ${node.outerHTML}`],
                ].flat();
              })
              .concat([...document.querySelectorAll("[id]")].map((node) => node.id)
                .filter((id, place, all) => all.indexOf(id) !== place).map((id) => `twice: ${id}`))"""
        )
        assert faults == [], moment


def test_documents_of_the_api_keep_their_looks(visit: Visit, page_server: str) -> None:
    """The documents at /docs are styled under their strict policy, and the browser complains about nothing."""
    page = visit()
    page.goto(f"{page_server}/docs")
    expect(page.get_by_role("heading", level=1)).to_contain_text("movie-mlops")
    assert page.locator("body").evaluate("node => getComputedStyle(node).maxWidth") == "960px"


def test_page_speaks_korean(visit: Visit, page_server: str) -> None:
    """A Korean browser gets Korean at once; the switch changes every word and is remembered."""
    page = arrive(visit(locale="ko-KR"), page_server)
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.get_by_role("heading", level=1)).to_have_text("어떤 영화를 좋아하세요?")
    pick(page, range(1))
    expect(page.locator("#list .why").first).to_contain_text("때문에 골랐어요")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#list .why").first).to_contain_text("Because you liked")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pick five films you like.")


def test_poster_titles_can_be_read(visit: Visit, page_server: str) -> None:
    """On every poster, whatever its genre and printing, the title stands out from the ground by at least 4.5 to 1."""
    page = arrive(visit(), page_server)
    genres = [*page.locator("#wall-genres button").all_inner_texts(), "none", "Film-Noir", "Western"]
    contrasts = page.evaluate(
        """([genres, tones]) => {
          const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const light = (colour) => {
            pen.fillStyle = colour;
            pen.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3)
              .map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
          };
          return genres.flatMap((genre) => Array.from({ length: tones }, (_, tone) => {
            const node = document.createElement("div");
            node.className = "poster";
            Object.assign(node.dataset, { genre: genre.toLowerCase(), tone });
            document.body.append(node);
            const style = getComputedStyle(node);
            const pair = [light(style.color), light(style.backgroundColor)];
            node.remove();
            return [genre, tone, Math.max(...pair) / Math.min(...pair)];
          }));
        }""",
        [genres, TONES],
    )
    assert len(contrasts) == len(genres) * TONES
    assert [found for found in contrasts if found[2] < 4.5] == []


@pytest.mark.parametrize(
    ("name", "viewport", "scheme"),
    [
        ("small-phone", SMALL_PHONE, "dark"),
        pytest.param("desktop", DESKTOP, "light", marks=pytest.mark.long),
        pytest.param("desktop", DESKTOP, "dark", marks=pytest.mark.long),
        pytest.param("phone", PHONE, "light", marks=pytest.mark.long),
        pytest.param("phone", PHONE, "dark", marks=pytest.mark.long),
        pytest.param("small-phone", SMALL_PHONE, "light", marks=pytest.mark.long),
    ],
)
def test_page_fits_every_screen(visit: Visit, page_server: str, name: str, viewport: ViewportSize, scheme: str) -> None:
    """From 360 px to a desktop, light and dark, nothing is cut off; pictures go to ``reports/screenshots/``."""
    page = arrive(visit(viewport=viewport, color_scheme=scheme, has_touch=name != "desktop"), page_server)

    def look(moment: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"], moment
        page.screenshot(path=SCREENSHOTS / f"page-{name}-{scheme}-{moment}.png")

    look("1-start")
    pick(page, range(5))
    page.evaluate("scrollTo(0, 0)")
    look("2-picked")
    page.locator(".tabs").get_by_role("button", name="For you").click()
    expect(page.locator("#list .why.personal").first).to_be_visible()
    look("3-for-you")
    page.locator("#list .row-main").first.click()
    expect(page.get_by_role("dialog").locator(".wall .card:not(.skeleton)")).to_have_count(10)
    look("4-film")
    page.keyboard.press("Escape")
    page.locator("#behind button").click()
    expect(page.get_by_role("dialog").locator("section")).to_have_count(4)
    look("5-passport")
    page.keyboard.press("Escape")
    page.locator(".tabs").get_by_role("button", name=re.compile("Your films")).click()
    expect(page.locator("#yours-list .row")).to_have_count(5)
    look("6-yours")
    page.locator("button[data-view=discover]:visible").click()
    expect(page.locator(".shelf:not([aria-hidden])")).to_have_count(5)
    look("7-discover")
    lightness = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/)[0]")
    assert (float(lightness) > 0.5) == (scheme == "light")
