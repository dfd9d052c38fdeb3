"""What a caller asks for, read from the words of a request."""

import pytest

from movie_mlops.serving.cursors import MOST_SHOWN, Cursor
from movie_mlops.serving.errors import BadRequestError
from movie_mlops.serving.reading import read_boosts, read_ids, read_names, read_runtime, read_years
from movie_mlops.serving.wishes import Boost, Filters, Span, Wish

ASKED = {"genres": ["Comedy"], "user_id": "ann"}


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("1994", Span(1994, 1994)),
        ("1990-1999", Span(1990, 1999)),
        ("1990-", Span(1990, None)),
        ("-1999", Span(None, 1999)),
        ("", None),
        (None, None),
    ],
)
def test_years_are_read(text: str | None, years: Span | None) -> None:
    """One year, a span, and a span with an open end are understood."""
    assert read_years(text) == years
    if years is not None:
        assert str(years) == text


@pytest.mark.parametrize("text", ["-", "94", "1990-99", "1999-1990", "1990–1999", "x", "19900", "١٩٩٠"])  # noqa: RUF001
def test_years_that_cannot_be_read_are_refused(text: str) -> None:
    """Anything else is refused, not guessed."""
    with pytest.raises(BadRequestError):
        read_years(text)


def test_runtimes_are_read() -> None:
    """Minutes are read as years are, with one to four digits; no length below the other."""
    assert [read_runtime(text) for text in ("90", "60-120", "-0", "7-")] == [
        Span(90, 90),
        Span(60, 120),
        Span(None, 0),
        Span(7, None),
    ]
    assert str(Span(0, 90)) == "0-90"
    for text in ("120-60", "long", "1.5"):
        with pytest.raises(BadRequestError):
            read_runtime(text)


def test_lists_are_read() -> None:
    """Names and ids are read with commas between; ids come once each, in order; a word among them is refused."""
    assert read_names(" Comedy, ,Drama ") == ("Comedy", "Drama")
    assert read_ids("2, 1,,2") == (2, 1)
    for text in ("1,x", "-1", "1.5", "9" * 30, "9223372036854775808", ",".join(["1"] * 1001)):
        with pytest.raises(BadRequestError):
            read_ids(text)


def test_boosts_are_read() -> None:
    """A boost names genre, language, years or film, and by how much; a colon in a name is part of it."""
    assert read_boosts("genre:Sci-Fi:0.5, language:fr:-1,years:1990-1999:2,movie:260:+10,genre:a:b:1") == (
        Boost(Filters(genres=("Sci-Fi",)), 0.5),
        Boost(Filters(languages=("fr",)), -1.0),
        Boost(Filters(years=Span(1990, 1999)), 2.0),
        Boost(Filters(available=frozenset({260})), 10.0),
        Boost(Filters(genres=("a:b",)), 1.0),
    )
    assert read_boosts(None) == ()


@pytest.mark.parametrize(
    "text",
    ["Comedy", "genre:Comedy", "genre::1", "genre:Comedy:x", "genre:Comedy:11", "genre:Comedy:nan", "star:Sun:1",
     "movie:x:1", "years:soon:1", ",".join(["genre:A:1"] * 21)],
)  # fmt: skip
def test_boosts_that_cannot_be_read_are_refused(text: str) -> None:
    """A boost that is not of this kind, too strong, or one too many is refused."""
    with pytest.raises(BadRequestError):
        read_boosts(text)


def test_a_wish_is_written_as_short_as_it_is() -> None:
    """Of the rarer wishes an impression keeps those that were made; a long list of films as its digest."""
    assert set(Wish().document()) == {"k", "genres", "years", "exclude", "exclude_seen", "explain"}
    wish = Wish(
        filters=Filters(languages=("fr",), runtime=Span(None, 90), available=frozenset(range(101))),
        boosts=(Boost(Filters(genres=("Comedy",)), 0.5),),
        pins=(7,),
        diversity=0.5,
    )
    told = wish.document()
    assert (told["languages"], told["runtime"], told["pins"], told["diversity"]) == (("fr",), "-90", (7,), 0.5)
    assert told["boosts"] == [{"genres": ("Comedy",), "years": None, "by": 0.5}]
    assert told["available"]["films"] == 101
    other = Wish(filters=Filters(available=frozenset(range(1, 102)))).document()["available"]
    assert other["sha256"] != told["available"]["sha256"]


def test_a_cursor_comes_back_as_it_went() -> None:
    """A cursor holds the release of the first page and every film shown, however large their ids are."""
    shown = {1, 2, 128, 62_423, 2**40, 2**63 - 1}
    first = Cursor.read("start").after(ASKED, 7, shown)
    assert first is not None
    read = Cursor.read(first.write())
    assert read == first
    assert (read.release_id, read.shown) == (7, frozenset(shown))
    second = read.after(ASKED, 8, [5])
    assert second is not None
    assert (second.release_id, second.shown) == (7, frozenset({*shown, 5}))
    assert Cursor().after(ASKED, None, [1]).release_id is None  # type: ignore[union-attr]
    assert len(Cursor().after(ASKED, 1, range(900, 1000)).write()) < 160  # type: ignore[union-attr]


def test_a_cursor_belongs_to_one_question() -> None:
    """Handed back with another question, a cursor is refused."""
    cursor = Cursor().after(ASKED, 1, [1])
    assert cursor is not None
    cursor.check(dict(reversed(ASKED.items())))
    Cursor().check({"anything": 1})
    with pytest.raises(BadRequestError, match="another question"):
        cursor.check({**ASKED, "genres": ["Drama"]})


def test_pages_end() -> None:
    """After as many films as all pages hold together there is no next page."""
    assert Cursor().after(ASKED, 1, range(MOST_SHOWN - 1)) is not None
    assert Cursor().after(ASKED, 1, range(MOST_SHOWN)) is None


@pytest.mark.parametrize("text", ["", "x", "begin", "AQ==", "AAAAAAAAAAAAAAA=", "AQAAAAAAAAAA_w==", "é", "AQ" * 4000])
def test_a_forged_cursor_is_refused(text: str) -> None:
    """What is no cursor, or one of nothing, is refused with a sentence."""
    with pytest.raises(BadRequestError, match="cursor cannot be read"):
        Cursor.read(text)


def test_k_and_explain_may_change_from_page_to_page() -> None:
    """What binds a cursor is what is asked for, not how many films a page has or whether it has reasons."""
    assert Wish(k=3, explain=False).bound() == Wish(k=9).bound()
    assert Wish(diversity=0.1).bound() != Wish().bound()
