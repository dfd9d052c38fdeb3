"""The page of one list: why somebody was shown these films, and whether the model could be made again."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh browser in the language that the test names; nothing may be logged or thrown."""
    context = chromium.new_context(locale=getattr(request, "param", "en-US"), viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
    yield page
    context.close()
    assert faults == []


def liked(page_server: str, user: str) -> str:
    """Have a user like three films and ask for a list; return its id."""
    events = [{"user_id": user, "movie_id": film, "kind": "like"} for film in (1, 6, 50)]
    httpx.post(f"{page_server}/v1/events", json={"events": events}).raise_for_status()
    answer = httpx.get(f"{page_server}/v1/users/{user}/recommendations").json()
    assert answer["source"] == "personalised"
    return str(answer["recommendation_id"])


def ask(page: Page, page_server: str, user: str) -> None:
    page.goto(f"{page_server}/passport")
    page.locator("#ask-user").fill(user)
    page.locator("#ask-form button").click()


def test_a_stranger_learns_why_and_whether_it_could_be_made_again(page: Page, page_server: str) -> None:
    """By user alone: who was shown what and why, computed again to the last digit, how to rebuild, and a picture."""
    identifier = liked(page_server, "page-42")
    # What the user says later was not known then, and takes no part.
    later = {"user_id": "page-42", "movie_id": 260, "kind": "like"}
    httpx.post(f"{page_server}/v1/events", json=later).raise_for_status()
    ask(page, page_server, "page-42")
    expect(page.locator(".record-lead")).to_contain_text("User page-42 was shown these 10 films on ")
    expect(page.locator("#record")).to_contain_text("It chose them from 3 films that were known to be liked")
    expect(page.locator(".record-films li")).to_have_count(10)
    expect(page.locator(".record-why").first).to_contain_text(re.compile(r"because of .+ \(\d+%\)"))
    expect(page.locator(".record-check").first).to_contain_text("every score is the same, to the last digit")
    expect(page.locator(".record-check").nth(1)).to_contain_text("Yes. Everything that it was made from is there")
    expect(page.locator(".record-command")).to_contain_text(re.compile(r"^movie-mlops reproduce \S+ --dataset sample$"))
    expect(page.locator(".record-facts")).to_contain_text("none needed: nothing is drawn at random")
    assert page.url.endswith(f"/passport?id={identifier}")
    picture = page.locator(".record-picture img")
    expect(picture).to_be_visible()
    page.wait_for_function("document.querySelector('.record-picture img').naturalWidth > 800")


@pytest.mark.parametrize("page", ["ko-KR"], indirect=True)
def test_the_page_speaks_korean(page: Page, page_server: str) -> None:
    """The same sentences in Korean, and in English again by one click, without asking again."""
    page.goto(f"{page_server}/passport?id={liked(page_server, 'page-ko')}")
    expect(page.locator(".record-lead")).to_contain_text("사용자 page-ko에게")
    expect(page.locator(".record-check").first).to_contain_text("마지막 자리까지 같습니다")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".record-lead")).to_contain_text("User page-ko was shown")


def test_somebody_who_was_shown_nothing_is_answered_by_the_ledger(page: Page, page_server: str) -> None:
    """Without a list the ledger says which release served then, and before the first release that nothing did."""
    ask(page, page_server, "page-nobody")
    expect(page.locator(".record-lead")).to_contain_text("No list for user page-nobody was kept by ")
    expect(page.locator(".record-lead")).to_contain_text(re.compile(r"release 1 \(\S+\) served then"))
    before = (datetime.now(UTC) - timedelta(days=3650)).date().isoformat()  # noqa: TID251 - a long time ago will do
    page.goto(f"{page_server}/passport?user=page-nobody&at={before}")
    expect(page.locator(".record-lead")).to_contain_text("nothing served then")
