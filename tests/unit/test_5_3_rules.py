"""What the house wants of every list."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.serving import Catalogue, Film, Rules
from movie_mlops.serving.cursors import Cursor
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import Answer, recommend
from movie_mlops.serving.rules import FilmGroup, Quota, RuleBook
from movie_mlops.serving.wishes import Boost, Filters, Wish
from movie_mlops.settings import read_rules
from tests.fixtures.stage_5.lists import NOBODY, ids

# From the most popular to the least: forty dramas of four directors, then ten comedies, then five Korean films.
FILMS = [
    *(Film(i, f"Drama {i}", 1990 + i, ("Drama",), (f"Director {i % 4}",), "en", 1000 - i) for i in range(40)),
    *(Film(i, f"Comedy {i}", 1950, ("Comedy", "Romance"), (), "en", 500 - i) for i in range(100, 110)),
    *(Film(i, f"Korean {i}", 2010, ("Thriller",), (f"Director {i}",), "ko", 100 - i % 100) for i in range(200, 205)),
]
NOTHING = Snapshot(Catalogue(FILMS), None)


def listed(rules: Rules, wish: Wish | None = None) -> Answer:
    return recommend(NOTHING, NOBODY, wish or Wish(k=10), rules=RuleBook(rules))


def test_without_a_rule_nothing_changes() -> None:
    """No rule costs nothing and changes nothing."""
    assert RuleBook().of(NOTHING.catalogue) is None
    assert listed(Rules()) == recommend(NOTHING, NOBODY, Wish(k=10))


def test_what_is_banned_never_comes() -> None:
    """Banned films come in no list, not by a pin, not by a boost, and an empty list says so."""
    rules = Rules(never=(FilmGroup(genres=("Drama",), years="1990-1999"), FilmGroup(movies=(10,))))
    answer = listed(rules, Wish(k=3, pins=(1, 10), boosts=(Boost(Filters(available=frozenset({2})), 10.0),)))
    assert ids(answer) == [11, 12, 13]
    assert answer.note is not None
    assert "Pinned but not shown are 1 and 10" in answer.note
    nothing = listed(Rules(never=(FilmGroup(languages=("ko",)),)), Wish(filters=Filters(languages=("ko",))))
    assert ids(nothing) == []
    assert nothing.note == "No film is left: the rules of this server leave out every film that passes the filters."


def test_a_genre_and_a_director_have_a_most() -> None:
    """Of one genre and of one director come only so many; the best of them, and what follows moves up."""
    answer = listed(Rules(most_per_genre=3))
    assert ids(answer) == [0, 1, 2, 100, 101, 102, 200, 201, 202]
    assert answer.note is not None
    assert answer.note.endswith("The rules of this server leave room for only 9 films.")
    directed = ids(listed(Rules(most_per_director=1), Wish(k=6)))
    assert directed == [0, 1, 2, 3, 100, 101]
    pinned = ids(listed(Rules(most_per_genre=1), Wish(k=4, pins=(5,))))
    assert pinned == [5, 100, 200]


def test_a_list_is_filled_from_further_down() -> None:
    """Where the best hundreds are all of one genre, a list under a rule is filled from what comes after them."""
    many = [*(Film(i, str(i), None, ("Drama",), likes=9000 - i) for i in range(3000)), Film(9000, "x", None, ("War",))]
    answer = recommend(Snapshot(Catalogue(many), None), NOBODY, Wish(k=2), rules=RuleBook(Rules(most_per_genre=1)))
    assert ids(answer) == [0, 9000]


def test_a_quota_keeps_its_share_of_the_list() -> None:
    """A share is rounded up and kept by its own best films, as late in the list as it can be."""
    korean = Quota(name="Korean", films=FilmGroup(languages=("ko",)), share=0.25)
    answer = listed(Rules(quotas=(korean,)))
    assert ids(answer) == [*range(7), 200, 201, 202]
    assert [pick.placed_by for pick in answer.picks] == ["score"] * 7 + ["quota"] * 3
    assert "rules" not in (answer.note or "")
    kept = ids(listed(Rules(quotas=(korean,)), Wish(k=4, pins=(204,))))
    assert kept == [204, 0, 1, 2]


def test_a_quota_that_cannot_be_kept_is_told() -> None:
    """With too few films the list is filled by others, and the note names the quota."""
    answer = listed(Rules(quotas=(Quota(name="Korean", films=FilmGroup(languages=("ko",)), share=0.6),)))
    assert ids(answer) == [0, 1, 2, 3, 4, *range(200, 205)]
    assert answer.note is not None
    assert answer.note.endswith("Too few films are left for what the rules keep for 'Korean'.")


def test_rules_hold_for_two_quotas_and_a_most() -> None:
    """Quotas and limits hold together."""
    rules = Rules(
        most_per_genre=2,
        quotas=(
            Quota(name="Korean", films=FilmGroup(languages=("ko",)), share=0.3),
            Quota(name="old", films=FilmGroup(years="-1959"), share=0.3),
        ),
    )
    assert ids(listed(rules, Wish(k=6))) == [0, 1, 100, 101, 200, 201]


def test_rules_are_worked_out_for_each_catalogue() -> None:
    """A new catalogue has new films that a rule means; the same one is not worked out again."""
    book = RuleBook(Rules(never=(FilmGroup(languages=("ko",)),)))
    first = book.of(NOTHING.catalogue)
    assert book.of(NOTHING.catalogue) is first
    other = Catalogue([replace(film, language="ko") for film in FILMS[:3]])
    ruling = book.of(other)
    assert ruling is not None
    assert ruling.allowed is not None
    assert not ruling.allowed.any()


def test_the_file_of_rules_is_read(tmp_path: Path) -> None:
    """The file that ships sets no rule; what it proposes can be used as it stands; without a file there is none."""
    shipped = Path(__file__).parents[2] / "config" / "rules.yaml"
    assert read_rules(shipped) == read_rules(tmp_path / "none.yaml") == Rules()
    text = shipped.read_text(encoding="utf-8")
    proposed = tmp_path / "rules.yaml"
    proposed.write_text(text.replace(": []", ":").replace("\n# - ", "\n- ").replace(": null", ": 2"), encoding="utf-8")
    rules = read_rules(proposed)
    assert (len(rules.never), len(rules.quotas), rules.most_per_genre) == (2, 1, 2)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"never": [{}]}, "names no films"),
        ({"never": [{"years": "soon"}]}, "The years 'soon' cannot be read"),
        ({"most_per_genre": 0}, "greater than or equal to 1"),
        ({"quotas": [{"name": "x", "films": {"genres": ["Drama"]}, "share": 1.5}]}, "less than or equal to 1"),
        ({"nevr": []}, "Did you mean 'never'"),
    ],
)
def test_rules_that_cannot_be_used_are_refused(tmp_path: Path, rules: dict[str, object], said: str) -> None:
    """A rule that means nothing, or is misspelt, is refused when the server starts, with the file and the place."""
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules))
    with pytest.raises(ConfigurationError, match=said) as refused:
        read_rules(file)
    assert str(file) in str(refused.value)
    with pytest.raises(ValidationError):
        Rules.model_validate(rules)


FILM_IDS = [film.movie_id for film in FILMS]
WISHES = st.builds(
    Wish,
    k=st.integers(1, 30),
    filters=st.builds(
        Filters,
        genres=st.sampled_from([(), ("Drama",), ("Comedy", "Thriller")]),
        languages=st.sampled_from([(), ("en",), ("ko",)]),
        available=st.none() | st.frozensets(st.sampled_from(FILM_IDS), max_size=30),
    ),
    exclude=st.frozensets(st.sampled_from(FILM_IDS), max_size=10),
    boosts=st.lists(st.builds(Boost, st.just(Filters(genres=("Comedy",))), st.floats(-10, 10)), max_size=2).map(tuple),
    pins=st.lists(st.sampled_from([*FILM_IDS, 12345]), max_size=4, unique=True).map(tuple),
    diversity=st.sampled_from([0.0, 0.3, 1.0]),
    serendipity=st.sampled_from([0.0, 0.3, 1.0]),
    cursor=st.none()
    | st.builds(Cursor, st.none(), st.just(b""), st.frozensets(st.sampled_from(FILM_IDS), max_size=10)),
)
RULES = st.builds(
    Rules,
    never=st.sampled_from([(), (FilmGroup(movies=(1, 101, 201)),)]),
    most_per_genre=st.none() | st.integers(1, 5),
    most_per_director=st.none() | st.integers(1, 3),
    quotas=st.sampled_from([(), (Quota(name="Korean", films=FilmGroup(languages=("ko",)), share=0.3),)]),
)


@settings(max_examples=150, deadline=None)
@given(wish=WISHES, rules=RULES)
def test_whatever_is_wished_every_list_keeps_filters_exclusions_and_rules(wish: Wish, rules: Rules) -> None:
    """No list has a film twice, or one that is excluded, banned, shown before or too many; an empty one says why."""
    answer = listed(rules, wish)
    films = ids(answer)
    passing = wish.filters.mask(NOTHING.catalogue)
    allowed = set(FILM_IDS) if passing is None else set(NOTHING.catalogue.movie_ids[passing].tolist())
    banned = {1, 101, 201} if rules.never else set()
    shown = wish.cursor.shown if wish.cursor else frozenset()
    assert len(films) == len(set(films)) <= wish.k
    assert set(films) <= allowed - banned - wish.exclude - shown
    assert films or answer.note
    chosen = [pick.film for pick in answer.picks if pick.placed_by != "pin"]
    for most, words in (
        (rules.most_per_genre, [genre for film in chosen for genre in film.genres]),
        (rules.most_per_director, [name for film in chosen for name in film.directors]),
    ):
        assert most is None or max(Counter(words).values(), default=0) <= most
    if rules == Rules() and len(allowed - banned - wish.exclude - shown) >= wish.k:
        assert len(films) == wish.k
