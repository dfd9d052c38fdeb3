"""Lists of a long catalogue straight from a factor model: what filters and rules leave, and the best of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.recommenders import restore
from movie_mlops.serving import Catalogue, Film, Rules
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import answer, recommend
from movie_mlops.serving.rules import FilmGroup, RuleBook
from movie_mlops.serving.scoring import score
from movie_mlops.serving.straight import straight
from movie_mlops.serving.wishes import Filters, Span, Wish
from tests.fixtures.stage_5.lists import history, ids, snapshot_of
from tests.fixtures.stage_5.platform import Platform

MANY = 3000
GENRES = ("Drama", "Comedy", "Western")


@pytest.fixture(scope="module")
def long_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Return a snapshot of thousands of films, of which the model knows most, and it has some that are not listed."""
    folder: Path = tmp_path_factory.mktemp("straight")
    platform = Platform(folder)
    small = snapshot_of(platform, "ials")
    platform.database.close()
    rng = np.random.default_rng(5)
    # Every tenth is a comedy, and one in a hundred a western; fifty films of the model are in no catalogue.
    films = [
        Film(i, f"Film {i}", 1900 + i % 120, (GENRES[(i % 10 == 0) + (i % 100 == 0)],), (), "fr" if i % 7 else "en")
        for i in range(MANY)
    ]
    catalogue = Catalogue(films)
    movie_ids = np.concatenate((rng.permutation(MANY), MANY + np.arange(50)))
    known = np.flatnonzero(rng.random(len(movie_ids)) < 0.95).astype(np.int32)
    # Those have the longest vectors, then comes the lowest film id: what should be left out would come first.
    ranks = np.where(movie_ids < MANY, movie_ids + 50, movie_ids - MANY)[known]
    lengths = ((ranks + 5.0) ** -0.6)[:, np.newaxis]
    arrays = {
        "n_items": np.array([len(movie_ids)], np.int64),
        "known_items": known,
        "item_factors": (rng.standard_normal((len(known), 8)) * lengths).astype(np.float32),
    }
    positions = catalogue.positions(movie_ids)
    assert small.model is not None
    model = replace(
        small.model,
        recommender=restore("ials", {"factors": 8}, arrays),
        movie_ids=movie_ids,
        positions=positions,
        listed=positions >= 0,
        unlisted=np.flatnonzero(positions < 0),
        items={movie_id: item for item, movie_id in enumerate(movie_ids.tolist())},
    )
    return Snapshot(catalogue, model)


@given(
    seen=st.lists(st.integers(0, MANY - 1), min_size=2, max_size=6, unique=True),
    genres=st.sets(st.sampled_from(GENRES)),
    first=st.one_of(st.none(), st.integers(1900, 2019)),
    exclude=st.frozensets(st.integers(0, 60), max_size=30),
    never=st.sampled_from(["", "fr", "en"]),
    k=st.integers(2, 12),
)
@settings(max_examples=60, deadline=None)
def test_the_list_is_that_of_all_scores(  # noqa: PLR0917 - what hypothesis draws
    long_catalogue: Snapshot,
    seen: list[int],
    genres: set[str],
    first: int | None,
    exclude: frozenset[int],
    never: str,
    k: int,
) -> None:
    """Whatever filters, rules and exclusions leave: the best of it, as by scoring every film, and nothing else."""
    liked = history(**{f"m{movie_id}": 1.0 for movie_id in seen})
    years = None if first is None else Span(first, min(first + 5, 2019))
    wish = Wish(k=k, filters=Filters(genres=tuple(sorted(genres)), years=years), exclude=exclude, explain=False)
    rules = RuleBook(Rules(never=(FilmGroup(languages=(never,)),)) if never else Rules())
    quick = recommend(long_catalogue, liked, wish, rules=rules)
    plain = answer(long_catalogue, score(long_catalogue, liked), liked, wish, rules=rules)
    assert (ids(quick), quick.source, quick.note) == (ids(plain), plain.source, plain.note)
    np.testing.assert_allclose([pick.score for pick in quick.picks], [pick.score for pick in plain.picks], rtol=1e-4)


def test_a_list_that_exclusions_make_short_says_so(long_catalogue: Snapshot) -> None:
    """Where filters leave films enough and exclusions do not, the list is what is left, with a note of it."""
    wish = Wish(k=5, filters=Filters(available=frozenset(range(8))), exclude=frozenset(range(6)))
    found = recommend(long_catalogue, history(m30=1.0, m31=1.0), wish)
    assert sorted(ids(found)) == [6, 7]
    assert found.note == "Only 2 films are left after the filters and exclusions."


def test_few_films_are_looked_at_and_filters_change_nothing_about_that(
    long_catalogue: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a filter and a rule the model is not asked for a score of every film; what arranges lists asks for them."""
    model = long_catalogue.model
    assert model is not None
    liked = history(m30=1.0, m31=1.0)
    monkeypatch.setattr(type(model.recommender), "_score_one", None)
    wish = Wish(k=5, filters=Filters(genres=("Comedy",)), explain=False)
    ruling = RuleBook(Rules(never=(FilmGroup(languages=("en",)),))).of(long_catalogue.catalogue)
    found = straight(long_catalogue, liked, wish, ruling)
    assert found is not None
    assert all(film.genres == ("Comedy",) and film.language == "fr" for film in found.films)
    assert straight(long_catalogue, liked, replace(wish, diversity=0.5), ruling) is None
    # Where too few films pass for a list, every film is scored once, not twice.
    monkeypatch.setattr(type(model.recommender), "best", None)
    few = replace(wish, filters=Filters(genres=("Western",), years=Span(1905, 1905)))
    assert straight(long_catalogue, liked, few, ruling) is None
