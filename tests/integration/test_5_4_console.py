"""The console over a real server: who may come in, what it shows, and what it does with releases."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from tests.fixtures.stage_5.platform import ADMIN, Platform

TOKEN = ADMIN["Authorization"].split()[1]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


@pytest.fixture
def console(platform: Platform) -> Iterator[httpx.Client]:
    """Somebody who has signed in."""
    with platform.served() as url, httpx.Client(base_url=url, timeout=20, follow_redirects=True) as client:
        assert client.post("/console/sign-in", data={"token": TOKEN}).status_code == 200
        yield client


def code(page: str) -> str:
    return re.findall(r'name="code" value="([0-9a-f]{64})"', page)[0]


def words(page: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", page))


def test_nobody_comes_in_without_the_token(platform: Platform) -> None:
    """Every page and every action asks for the token; a wrong one, or another token's session, opens nothing."""
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        for path in ("/console", "/console/releases", "/console/reports/gate", "/console/nowhere"):
            answer = client.get(path)
            assert (answer.status_code, "Ledger" in answer.text) == (401, False), path
        assert client.get("/console/lineage.svg?of=1").status_code == 403
        wrong = client.post("/console/sign-in", data={"token": TOKEN + "x"})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        assert "This is not the admin token." in wrong.text
        acted = client.post("/console/actions/promote", data={"bundle": platform.train("popular"), "reason": "why"})
        assert acted.status_code == 401
        right = client.post("/console/sign-in", data={"token": TOKEN})
        cookie = right.headers["set-cookie"]
        assert right.status_code == 303
        for guard in ("HttpOnly", "SameSite=strict", "Path=/console"):
            assert guard.lower() in cookie.lower()
        assert TOKEN not in cookie
        assert client.get("/console").status_code == 200
        client.post("/console/sign-out")
        assert client.get("/console").status_code == 401
    assert len(platform.ledger.history()) == 1
    with platform.served(admin_token=None) as url:
        shut = httpx.get(url + "/console", cookies=dict(right.cookies))
    assert (shut.status_code, "It is shut" in shut.text) == (403, True)


def test_every_page_is_fenced_and_kept_nowhere(console: httpx.Client) -> None:
    """Pages of the console allow our own files only, send forms to us only, and no browser keeps them."""
    for path in ("/console", "/console/releases", "/console/nowhere"):
        answer = console.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert "style=" not in answer.text


def test_what_is_not_there_is_not_named(console: httpx.Client) -> None:
    """A section whose stage this server does not know does not appear, and an address that is none says so."""
    page = console.get("/console").text
    assert re.findall(r'<a href="(/console[^"]*)"', page.partition('class="rail"')[2].partition("</nav>")[0]) == [
        "/console",
        "/console/releases",
    ]
    missing = console.get("/console/features")
    assert (missing.status_code, "There is no “features” here." in missing.text) == (404, True)


def test_a_bundle_is_promoted_and_taken_back(platform: Platform, console: httpx.Client) -> None:
    """What the command line does with releases: the ledger says who and why, and the server follows at once."""
    before = platform.ledger.history()[0].bundle_id
    bundle = platform.train("popular")
    page = console.get("/console/releases").text
    assert f'<option value="{bundle}">' in page
    assert "there is nothing to go back to" in page
    form = {"code": code(page), "bundle": bundle, "approved_by": "ann", "reason": "A try.", "expected": before}
    done = console.post("/console/actions/promote", data=form)
    assert f"Release 2 is written: {bundle} serves." in words(done.text)
    assert console.get("/readyz").json()["release"]["bundle_id"] == bundle
    back = {"code": code(done.text), "approved_by": "ben", "reason": "It was no good.", "expected": bundle}
    undone = console.post("/console/actions/roll-back", data=back)
    assert f"Release 3 is written: {before} serves again." in words(undone.text)
    assert console.get("/readyz").json()["release"]["bundle_id"] == before
    said = [(release.action.value, release.approved_by, release.reason) for release in platform.ledger.history()[1:]]
    assert said == [("promote", "ann", "A try."), ("rollback", "ben", "It was no good.")]
    assert platform.ledger.history()[1].gate["text"] == "Promoted by hand; the gate was not asked."


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"code": "0" * 64}, 403, "The form is of another session."),
        ({"reason": " "}, 409, "has no reason or nobody who approved it"),
        ({"approved_by": ""}, 409, "has no reason or nobody who approved it"),
        ({"bundle": "../models"}, 409, "There is no bundle with the id '../models'."),
        ({"bundle": "ease-000000000000"}, 409, "There is no bundle with the id 'ease-000000000000'."),
        ({"expected": "ease-000000000000"}, 409, "not ease-000000000000 as it was when the decision was made"),
    ],
)
def test_a_step_that_cannot_be_taken_says_why(
    platform: Platform, console: httpx.Client, changes: dict[str, str], status: int, said: str
) -> None:
    """Another session's form, no reason, a bundle that is none, or a ledger that moved on: nothing is written."""
    form = {
        "code": code(console.get("/console/releases").text),
        "bundle": platform.train("popular"),
        "reason": "Why not.",
    }
    answer = console.post("/console/actions/promote", data={**form, "approved_by": "ann", **changes})
    assert (answer.status_code, said in words(answer.text)) == (status, True), words(answer.text)
    assert len(platform.ledger.history()) == 1


def test_what_is_broken_is_the_first_thing_to_see(platform: Platform, console: httpx.Client) -> None:
    """A champion that cannot be loaded is named on the overview, and can be asked for again when it is mended."""
    assert "All is well." in console.get("/console").text
    bundle = platform.train("popular")
    array = next((platform.bundles / bundle).glob("*.npy"))
    whole = array.read_bytes()
    array.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    platform.promote(bundle)
    console.get("/v1/admin/releases", headers=ADMIN)
    console.post("/v1/admin/reload", headers=ADMIN)
    page = console.get("/console").text
    assert "Something is broken." in page
    assert "Release 2 cannot be loaded:" in words(page)
    array.write_bytes(whole)
    console.post("/console/actions/reload", data={"code": code(console.get("/console/releases").text)})
    assert "All is well." in console.get("/console").text


def test_the_api_promotes_as_well(platform: Platform, console: httpx.Client) -> None:
    """POST /v1/admin/promote does what the console does, and refuses what it refuses."""
    bundle = platform.train("popular")
    body = {"bundle_id": bundle, "reason": "A try."}
    assert console.post("/v1/admin/promote", json=body).status_code == 401
    done = console.post("/v1/admin/promote", json=body, headers=ADMIN).json()
    assert (done["release"]["approved_by"], done["serving"]["bundle_id"]) == ("admin", bundle)
    gone = console.post("/v1/admin/promote", json={**body, "bundle_id": "ease-000000000000"}, headers=ADMIN)
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:movie-mlops:problem:unknown-bundle")
    spoilt = platform.train("ease", regularisation=3.0)
    (platform.bundles / spoilt / "signature.json").unlink(missing_ok=True)
    for array in (platform.bundles / spoilt).glob("*.npy"):
        array.write_bytes(b"")
    refused = console.post("/v1/admin/promote", json={**body, "bundle_id": spoilt}, headers=ADMIN)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:movie-mlops:problem:bundle-refused")
    assert str(platform.bundles) not in refused.text
