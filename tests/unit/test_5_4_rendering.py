"""Pages: the language of a visitor, data that cannot become markup, sessions and plots of the console."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from movie_mlops.core import clock
from movie_mlops.serving import ServingConfig
from movie_mlops.serving.console import session
from movie_mlops.serving.console.drawing import bars, intervals
from movie_mlops.serving.rendering import Pages, language_of, plain_data

PAGES: Path = ServingConfig().pages


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("de-DE,de;q=0.9,ko;q=0.4,en;q=0.7", "en"),
        ("fr", "en"),
        ("", "en"),
        ("kok, en;q=0.1", "en"),
        ("ko;q=0, en;q=0.1", "en"),
        ("KO", "ko"),
        ("en;q=x, ko;q=0.1", "ko"),
        (";;;,,q=", "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes_most(accepted: str, language: str) -> None:
    """Of the languages that the pages speak the one with the greatest weight is taken; English where there is none."""
    assert language_of(accepted) == language


def test_plain_data_never_ends_its_element() -> None:
    """Whatever a title holds, the element that its data stands in goes on to its own end."""
    assert plain_data({"title": "</script><b>&"}) == '{"title":"\\u003c/script\\u003e\\u003cb\\u003e\\u0026"}'


def test_every_module_is_fetched_at_once() -> None:
    """What a page's module imports, and what those do, is named in the head, so that nothing waits for its finding."""
    page = Pages(PAGES).render(
        "index.html.j2", script="app.js", sheets=("app.css",), title="t", description="d", first=plain_data({})
    )
    named = set(re.findall(r'rel="modulepreload" href="/static/([\w.]+)"', page))
    imported = {
        name
        for module in {*named, "app.js"}
        for name in re.findall(r'^import .* from "\./([\w.]+)";$', (PAGES / module).read_text(), re.MULTILINE)
    }
    assert named == imported
    assert len(named) > 10


def test_a_page_stands_in_its_language_before_any_script_runs() -> None:
    """The words of the template are those of the language, and its data are plain JSON."""
    page = Pages(PAGES).render(
        "index.html.j2", language="ko", script="app.js", sheets=(), title="t", description="d", first=plain_data({})
    )
    assert '<html lang="ko">' in page
    assert "어떤 영화를 좋아하세요?" in page
    assert '"language":"ko"' in page


def test_a_session_ends_and_belongs_to_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie holds for a working day, for its own token only, and not when anything of it was changed."""
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    cookie = session.begin("token")
    assert session.holds("token", cookie)
    assert not session.holds("another", cookie)
    ends, _, code = cookie.partition(".")
    for changed in (
        "",
        ".",
        f"{int(ends) + 1}.{code}",
        f"{ends}.{code[:-1]}",
        f"{ends}.",
        f"9{ends}.{code}",
        f"é.{code}",
    ):
        assert not session.holds("token", changed), changed
    assert session.form_code("token", cookie) != session.form_code("token", session.begin("token") + "x")
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=session.LASTS_SECONDS - 1))
    assert session.holds("token", cookie)
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=session.LASTS_SECONDS))
    assert not session.holds("token", cookie)


class Drawn(HTMLParser):
    """Everything that a drawing has: its elements, each with its attributes."""

    def __init__(self, svg: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(svg)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.found.append((tag, dict(attrs)))

    def of(self, name: str, kind: str) -> list[dict[str, str | None]]:
        """Return the attributes of the elements of a kind."""
        return [attrs for tag, attrs in self.found if tag == name and attrs.get("class") == kind]


def test_bars_are_as_high_as_their_counts() -> None:
    """Two counts of one column stand upon each other; the highest column fills the room, an empty one draws nothing."""
    drawn = Drawn(bars([("a", {"x": 30, "y": 10}), ("b", {"x": 20}), ("c", {})], title="t", names=["x", "y"]))
    heights = [float(bar["height"] or 0) for bar in drawn.of("rect", "c0")]
    (upper,) = drawn.of("rect", "c1")
    assert heights == pytest.approx([112.5, 75.0])
    assert float(upper["height"] or 0) == pytest.approx(37.5)
    assert float(upper["y"] or 0) == pytest.approx(0)
    nothing = bars([("a", {"x": 0})], title="nothing")
    assert Drawn(nothing).of("rect", "c0") == []
    assert "Nothing yet" in nothing
    assert "Nothing yet" not in bars([("a", {"x": 1})], title="something")


def test_intervals_span_what_they_say() -> None:
    """A dot lies between the ends of its span, and values lie in the order of their size."""
    drawn = Drawn(intervals([("one", 0.2, 0.1, 0.3), ("two", 0.4, 0.35, 0.5)], title="t", marked="two"))
    dots = [float(dot["cx"] or 0) for dot in drawn.of("circle", "dot")]
    spans = [[float(x) for x in re.findall(r"[MH]([\d.]+)", span["d"] or "")] for span in drawn.of("path", "span")]
    for dot, (low, high) in zip(dots, spans, strict=True):
        assert low < dot < high
    assert dots[0] < dots[1]
    assert len(drawn.of("g", "marked")) == 1


def test_a_name_in_a_plot_is_never_markup() -> None:
    """Names of models and kinds stand in drawings letter by letter."""
    trap = '"><script>x</script>'
    for svg in (bars([(trap, {trap: 1})], title=trap), intervals([(trap, 1, 0, 2)], title=trap)):
        assert "<script" not in svg
        assert {tag for tag, _ in Drawn(svg).found} <= {"svg", "path", "g", "title", "rect", "text", "circle"}
