"""What the server says with every answer so that a browser trusts nothing but our own files."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.fixtures.stage_5.platform import Platform


@pytest.mark.parametrize(
    "path", ["/", "/films/6", "/passport", "/static/app.js", "/docs", "/v1/genres", "/v1/movies/404404", "/nowhere"]
)
def test_every_answer_is_fenced(tmp_path: Path, path: str) -> None:
    """Pages, files, answers and errors forbid everything inline or foreign, frames, guessed types and referrers."""
    with Platform(tmp_path).served() as url:
        answer = httpx.get(url + path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_documents_allow_their_one_style_by_its_digest(tmp_path: Path) -> None:
    """The policy of /docs names the digest of the style that stands in it, and allows no script at all."""
    with Platform(tmp_path).served() as url:
        answer = httpx.get(url + "/docs")
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]


def test_the_pages_files_are_asked_for_again(tmp_path: Path) -> None:
    """After an upgrade no browser mixes old files with new ones: each is checked, and an unchanged one is not sent."""
    with Platform(tmp_path).served() as url:
        for path in ("/", "/passport", "/static/app.js", "/static/app.css"):
            first = httpx.get(url + path)
            assert first.headers["cache-control"] == "no-cache"
            again = httpx.get(url + path, headers={"if-none-match": first.headers["etag"]})
            assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")


def test_the_page_comes_in_the_language_of_the_browser(tmp_path: Path) -> None:
    """Every word and the first films stand in the page when it arrives; a cache keeps languages apart."""
    with Platform(tmp_path).served() as url:
        english, korean = (
            httpx.get(url, headers={"accept-language": language}) for language in ("en-GB,en;q=0.9", "ko,en;q=0.5")
        )
        film = httpx.get(url + "/films/6")
        unknown = httpx.get(url + "/films/987")
    assert "Pick five films you like." in english.text
    assert "어떤 영화를 좋아하세요?" in korean.text
    assert english.headers["vary"] == "Accept-Language"
    assert english.headers["etag"] != korean.headers["etag"]
    assert '"title":"Star Wars"' in english.text
    assert "<title>Heat · movie-mlops</title>" in film.text
    assert unknown.headers["location"] == "/"
