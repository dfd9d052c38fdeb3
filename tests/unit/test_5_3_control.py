"""Control over a list: filters, exclusions, boosts, pins, and the dials of diversity and serendipity."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from movie_mlops.core.nouns import Kind
from movie_mlops.features import FeedbackConfig, History
from movie_mlops.recommenders import restore
from movie_mlops.serving import Catalogue, Film
from movie_mlops.serving.likeness import Likeness, by_facts
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import Source, recommend
from movie_mlops.serving.scoring import score
from movie_mlops.serving.wishes import Boost, Filters, Span, Wish
from tests.fixtures.stage_5.lists import NOBODY, history, ids, snapshot_of
from tests.fixtures.stage_5.platform import FILMS, Platform

CRIME, SPACE = {6, 47, 50}, {260, 1196}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    yield snapshot_of(platform, "ease")
    platform.database.close()


@pytest.fixture(scope="module")
def crowd(snapshot: Snapshot) -> Snapshot:
    """216 films in 6 bunches: films of a bunch are nearly alike, and the first bunch suits who liked film 0 best."""
    chance = np.random.default_rng(5)
    n, bunches, factors = 216, 6, 8
    centres = np.linalg.qr(chance.standard_normal((factors, factors)))[0][:bunches]
    # Bunches lean towards the first, the nearer ones more: so all of them have something for who likes the first.
    leaning = centres + np.linspace(1, 0.5, bunches)[:, np.newaxis] * centres[0]
    vectors = np.repeat(leaning, n // bunches, axis=0) + 0.05 * chance.standard_normal((n, factors))
    arrays = {
        "n_items": np.array([n], np.int64),
        "known_items": np.arange(n, dtype=np.int32),
        "item_factors": vectors.astype(np.float32),
    }
    films = [Film(i, f"Film {i}", 2000, ("Drama",), likes=n - i if i % 2 else i) for i in range(n)]
    catalogue = Catalogue(films)
    ids_ = np.arange(n, dtype=np.int64)
    positions = catalogue.positions(ids_)
    assert snapshot.model is not None
    model = replace(
        snapshot.model,
        recommender=restore("ials", {"factors": factors}, arrays),
        movie_ids=ids_,
        positions=positions,
        listed=positions >= 0,
        items={i: i for i in range(n)},
    )
    return Snapshot(catalogue, model)


def bunches(films: list[int]) -> int:
    return len({film // 36 for film in films})


@pytest.mark.parametrize("seen", [NOBODY, history(m6=1.0)])
def test_only_films_that_pass_every_filter_are_answered(seen: History, snapshot: Snapshot) -> None:
    """Language, runtime and a list of what is available hold, for personal and popular lists alike."""
    films = [replace(film, runtime_minutes=100 + place) for place, film in enumerate(FILMS)]
    timed = replace(snapshot, catalogue=Catalogue(films))
    everything = Wish(k=9, exclude_seen=False)

    def answered(**filters: object) -> set[int]:
        return set(ids(recommend(timed, seen, replace(everything, filters=Filters(**filters)))))

    assert answered(languages=("FR",)) == {4973}
    assert answered(runtime=Span(102, 104)) == {6, 47, 50}
    assert answered(available=frozenset({6, 260, 12345})) == {6, 260}
    assert answered(available=frozenset({6, 260}), years=Span(1990, None)) == {6}


@pytest.mark.parametrize("seen", [NOBODY, history(m6=1.0)])
@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        (Filters(languages=("xx", "yy")), "No film is originally in 'xx' or 'yy'; ask for something else."),
        (Filters(runtime=Span(9000, None)), "No film lasts 9000 or more minutes; ask for something else."),
        (Filters(available=frozenset()), "No film is one of those that are available; ask for something else."),
        (
            Filters(genres=("Sci-Fi",), languages=("fr",)),
            (
                "No film has the genre 'Sci-Fi' and is originally in 'fr': together these filters leave nothing;"
                " leave one of them out."
            ),
        ),
    ],
)
def test_filters_that_contradict_give_nothing_and_the_reason(
    snapshot: Snapshot, seen: History, filters: Filters, reason: str
) -> None:
    """An empty list says which filter nothing passes, or which filters exclude each other."""
    answer = recommend(snapshot, seen, Wish(filters=filters))
    assert (answer.picks, answer.note) == ((), reason)


def test_a_boost_lifts_by_deviations_and_leaves_scores_as_they_are(snapshot: Snapshot) -> None:
    """A boost moves films by so many deviations of all scores; what is told as the score is still the model's."""
    plain = recommend(snapshot, history(m6=1.0), Wish(k=8))
    scores = {pick.film.movie_id: pick.score for pick in plain.picks}
    assert snapshot.model is not None
    spread = float(score(snapshot, history(m6=1.0)).scores.std())
    assert ids(plain)[0] in CRIME
    gap = scores[ids(plain)[0]] - scores[4973]
    romance = Filters(genres=("Romance",))
    for by, first in ((0.99 * gap / spread, ids(plain)[0]), (1.01 * gap / spread, 4973)):
        boosted = recommend(snapshot, history(m6=1.0), Wish(k=8, boosts=(Boost(romance, by),)))
        assert ids(boosted)[0] == first
        assert {pick.film.movie_id: pick.score for pick in boosted.picks} == scores
        placed = {pick.film.movie_id: pick.placed_by for pick in boosted.picks}
        assert placed == {movie_id: "boost" if movie_id == 4973 else "score" for movie_id in scores}
    lowered = recommend(snapshot, history(m6=1.0), Wish(k=8, boosts=(Boost(Filters(genres=("Crime",)), -10.0),)))
    assert set(ids(lowered)[-2:]) == CRIME - {6}


def test_what_is_popular_can_be_boosted(snapshot: Snapshot) -> None:
    """Popular films are lifted in the same way, and told with how often they are liked."""
    lifted = recommend(snapshot, NOBODY, Wish(k=3, boosts=(Boost(Filters(languages=("fr",)), 10.0),)))
    assert (ids(lifted), lifted.picks[0].score) == ([4973, 260, 6], 0.0)


def test_pins_come_first_in_their_order(snapshot: Snapshot) -> None:
    """Pinned films come first, also a seen one and one that the model does not know; the rest is as ever."""
    plain = ids(recommend(snapshot, history(m6=1.0), Wish(k=8)))
    answer = recommend(snapshot, history(m6=1.0), Wish(k=4, pins=(99999, 6, plain[1])))
    assert ids(answer) == [99999, 6, plain[1], plain[0]]
    assert [pick.placed_by for pick in answer.picks] == ["pin", "pin", "pin", "score"]
    assert answer.note is None
    assert ids(recommend(snapshot, history(m6=1.0), Wish(k=1, pins=(1, 2)))) == [1]


@pytest.mark.parametrize("seen", [NOBODY, history(m6=1.0)])
def test_a_pin_that_contradicts_is_told_and_not_shown(snapshot: Snapshot, seen: History) -> None:
    """Filters and exclusions stand above pins, and the note names what was pinned in vain."""
    wish = Wish(k=2, pins=(7, 47, 260), exclude=frozenset({47}), filters=Filters(years=Span(1990, 1999)))
    answer = recommend(snapshot, seen, wish)
    assert not {7, 47, 260} & set(ids(answer))
    assert answer.note is not None
    assert answer.note.endswith(
        "Pinned but not shown are 7, 47 and 260: not in the catalogue, excluded, or outside of filters or rules."
    )


def test_series_that_were_seen_to_the_end_are_left_out(snapshot: Snapshot) -> None:
    """A series of which every film was seen is left out even where what was seen may come again; a begun one is not."""
    films = [replace(film, series="Toys" if film.movie_id in {1, 2} else None) for film in FILMS]
    known = replace(snapshot, catalogue=Catalogue(films))
    again = Wish(k=8, exclude_seen=False, exclude_finished_series=True)
    finished = recommend(known, history(m6=1.0, m1=1.0, m2=0.0), again)
    assert {1, 2} & set(ids(finished)) == set()
    begun = recommend(known, history(m6=1.0, m1=1.0), again)
    assert {1, 2} <= set(ids(begun))
    assert (finished.note, begun.note) == ("Only 6 films are left after the filters and exclusions.", None)


def test_a_catalogue_without_series_says_what_it_needs(snapshot: Snapshot) -> None:
    """Where nobody knows of series none is left out, and the note says which fact is missing."""
    answer = recommend(snapshot, history(m6=1.0), Wish(k=1, exclude_finished_series=True))
    assert answer.note is not None
    assert "need the fact 'series', which 'movie-mlops ingest tmdb' brings in." in answer.note


def test_diversity_takes_films_that_are_unlike(crowd: Snapshot) -> None:
    """Without diversity the best films are all alike; the more of it, the more bunches of films a list has."""
    told = [recommend(crowd, history(m0=1.0), Wish(k=6, diversity=share)) for share in (0, 0.4, 1.0)]
    assert [bunches(ids(answer)) for answer in told] == sorted(bunches(ids(answer)) for answer in told)
    assert (bunches(ids(told[0])), bunches(ids(told[2]))) == (1, 6)
    assert ids(told[1])[0] == ids(told[0])[0]
    assert told[0].picks[0].placed_by is None
    assert "dial" in {pick.placed_by for pick in told[2].picks}


def test_diversity_is_what_its_formula_says(crowd: Snapshot) -> None:
    """Place by place the film with the most (1 - d) · relevance - d · likeness is taken, as a slow loop finds it."""
    share = 0.5
    scored = score(crowd, history(m0=1.0))
    ranked = scored.scores.copy()
    ranked[0] = -np.inf
    pool = np.argsort(-ranked, kind="stable")[:-1]
    relevance = (ranked[pool] - ranked[pool].min()) / (ranked[pool].max() - ranked[pool].min())
    likeness = Likeness(scored, [crowd.catalogue.get(int(film)) for film in pool])
    taken: list[int] = []
    nearest = np.zeros(len(pool), np.float32)
    for _ in range(5):
        worth = (1 - share) * relevance - share * nearest
        worth[[pool.tolist().index(film) for film in taken]] = -np.inf
        taken.append(int(pool[np.argmax(worth)]))
        nearest = np.maximum(nearest, likeness.to(crowd.catalogue.get(taken[-1])))
    assert ids(recommend(crowd, history(m0=1.0), Wish(k=5, diversity=share))) == taken


def test_likeness_goes_from_none_to_the_same(crowd: Snapshot) -> None:
    """By the model a film is most like itself, next its own bunch; by facts, those who share genres and directors."""
    scored = score(crowd, history(m0=1.0))
    films = [crowd.catalogue.get(film) for film in (0, 1, 215)]
    alike = Likeness(scored, films).to(films[0])
    assert alike[0] == 1
    assert 1 >= alike[1] > alike[2] >= 0
    heat, seven, amelie = FILMS[2], FILMS[3], FILMS[7]
    assert by_facts(heat, heat) == 1
    assert by_facts(heat, replace(seven, genres=heat.genres, directors=heat.directors)) == pytest.approx(1)
    assert by_facts(heat, seven) > by_facts(heat, amelie) == 0


def test_serendipity_leads_away_from_fame_and_from_the_history(crowd: Snapshot) -> None:
    """The more serendipity, the less liked by all and the less like the liked film is what comes."""
    liked = crowd.catalogue.get(0)
    scored = score(crowd, history(m0=1.0))

    def means(share: float) -> tuple[float, float]:
        picks = recommend(crowd, history(m0=1.0), Wish(k=10, serendipity=share)).picks
        alike = Likeness(scored, [pick.film for pick in picks]).to(liked)
        fame = crowd.catalogue.fame[[crowd.catalogue.position(pick.film.movie_id) for pick in picks]]
        return float(fame.mean()), float(alike.mean())

    (fame, alike), (little_fame, unlike) = means(0.0), means(1.0)
    assert little_fame < fame - 0.2
    assert unlike < alike - 0.2
    # At its end, what counts is nothing but how far a film is from fame and from the liked film, both alike.
    films = [crowd.catalogue.get(film) for film in range(1, 216)]
    fames = crowd.catalogue.fame[[crowd.catalogue.position(film.movie_id) for film in films]]
    expected = fames + Likeness(scored, films).to(liked)
    unexpected = [films[place].movie_id for place in np.argsort(expected, kind="stable")[:10]]
    assert ids(recommend(crowd, history(m0=1.0), Wish(k=10, serendipity=1.0))) == unexpected


def test_dials_work_without_a_model() -> None:
    """Where nothing is personal, films are compared by their facts, and what is popular can be avoided."""
    nothing = Snapshot(Catalogue(FILMS), None)
    assert ids(recommend(nothing, NOBODY, Wish(k=3))) == [260, 6, 50]
    mixed = recommend(nothing, NOBODY, Wish(k=3, diversity=0.9))
    assert mixed.source is Source.POPULAR
    assert ids(mixed)[0] == 260
    assert not {6, 50} <= set(ids(mixed))
    rare = recommend(nothing, NOBODY, Wish(k=3, serendipity=1.0))
    assert 99999 in ids(rare)


def test_a_dial_changes_the_order_and_no_score(crowd: Snapshot) -> None:
    """Scores stay those of the model, reasons are given as ever, and the same wish gives the same list."""
    wish = Wish(k=10, diversity=0.7, serendipity=0.3, pins=(215,))
    answer = recommend(crowd, history(m0=1.0), wish)
    scores = score(crowd, history(m0=1.0)).scores
    assert [pick.score for pick in answer.picks] == [float(scores[film]) for film in ids(answer)]
    assert all(pick.because for pick in answer.picks if pick.score > 0)
    assert answer == recommend(crowd, history(m0=1.0), wish)
    assert len(set(ids(answer))) == 10


def test_only_films_met_to_the_end_count_for_a_series() -> None:
    """A film that was only looked at is not seen."""
    met = History.of([(1, Kind.CLICK, None), (2, Kind.LIKE, None)], FeedbackConfig())
    films = Catalogue([replace(film, series="Toys") if film.movie_id in {1, 2} else film for film in FILMS])
    again = Wish(k=9, exclude_seen=False, exclude_finished_series=True)
    assert {1, 2} <= set(ids(recommend(Snapshot(films, None), met, again)))
