"""From a history to a list of films."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from movie_mlops.core.nouns import Kind
from movie_mlops.features import FeedbackConfig, History
from movie_mlops.recommenders import Recommender
from movie_mlops.recommenders.port import Best
from movie_mlops.release import read_bundle
from movie_mlops.serving import Catalogue, Rules
from movie_mlops.serving.model import ServingModel, Snapshot
from movie_mlops.serving.recommend import Source, explain_again, recommend
from movie_mlops.serving.recommend import answer as answer_the_long_way
from movie_mlops.serving.rows import RowKind, rows
from movie_mlops.serving.rules import FilmGroup, RuleBook
from movie_mlops.serving.scoring import score
from movie_mlops.serving.straight import straight
from movie_mlops.serving.wishes import Filters, Span, Wish
from tests.fixtures.stage_5.lists import NOBODY, history, ids, snapshot_of
from tests.fixtures.stage_5.platform import FILMS, Platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = Platform(tmp_path)
    yield platform
    platform.database.close()


@pytest.fixture
def snapshot(platform: Platform) -> Snapshot:
    return snapshot_of(platform, "ease")


def test_the_best_films_come_first_and_none_that_was_seen(snapshot: Snapshot) -> None:
    """The list is the model's order without what was seen, liked or not; the reason names what was liked."""
    answer = recommend(snapshot, history(m6=1.0, m47=0.0), Wish(k=2))
    assert answer.source is Source.PERSONALISED
    assert answer.note is None
    assert ids(answer) == [50, 260]
    assert answer.picks[0].document(1)["reason"] == {
        "text": "Because you liked Heat",
        "because": [{"movie_id": 6, "title": "Heat", "share": 1.0}],
    }


@pytest.mark.parametrize("seen", [history(m6=1.0), history(m6=1.0, m1=0.5, m47=0.0), history(m6=1.0, m50=-1.0)])
@pytest.mark.parametrize(
    "wish",
    [
        Wish(k=2),
        Wish(k=3, exclude=frozenset({260})),
        Wish(k=2, exclude_seen=False),
        Wish(k=2, explain=False),
        Wish(k=2, filters=Filters(genres=("Crime", "Sci-Fi"), years=Span(1977, 1995)), exclude=frozenset({260})),
        Wish(k=3, filters=Filters(available=frozenset({1, 6, 50, 260, 1196, 99999}))),
        Wish(k=5, filters=Filters(languages=("fr",))),
    ],
)
@pytest.mark.parametrize("rules", [Rules(), Rules(never=(FilmGroup(genres=("Crime",), movies=(47,)),))])
def test_the_straight_way_gives_the_list_of_the_long_one(
    snapshot: Snapshot, seen: History, wish: Wish, rules: Rules
) -> None:
    """Where only films are left out, the list does not depend on whether every film was scored for it."""
    assert wish.straight
    book = RuleBook(rules)
    long = answer_the_long_way(snapshot, score(snapshot, seen), seen, wish, rules=book)
    assert recommend(snapshot, seen, wish, rules=book) == long


def test_a_list_with_filters_or_a_rule_comes_straight_from_the_model(snapshot: Snapshot) -> None:
    """Neither asks for a score of every film; what arranges lists does."""
    seen, wish = history(m6=1.0), Wish(k=2, filters=Filters(genres=("Crime", "Sci-Fi")))
    found = straight(snapshot, seen, wish, RuleBook(Rules(never=(FilmGroup(movies=(50,)),))).of(snapshot.catalogue))
    assert found is not None
    assert {film.movie_id for film in found.films} <= {47, 260, 1196}
    assert straight(snapshot, seen, wish, RuleBook(Rules(most_per_genre=1)).of(snapshot.catalogue)) is None


def test_a_film_that_is_not_in_the_catalogue_is_not_recommended(platform: Platform) -> None:
    """What the model knows and the catalogue lacks is left out, also on the straight way."""
    whole = snapshot_of(platform, "ease")
    assert 50 in ids(recommend(whole, history(m6=1.0), Wish(k=2)))
    without = Catalogue(film for film in FILMS if film.movie_id != 50)
    assert whole.model is not None
    bundle = read_bundle(platform.bundles / whole.model.release.bundle_id, trust=platform.keys.trust)
    listed = Snapshot(without, ServingModel.of(whole.model.release, bundle, without))
    answered = recommend(listed, history(m6=1.0), Wish(k=2))
    assert 50 not in ids(answered)
    assert answered == answer_the_long_way(listed, score(listed, history(m6=1.0)), history(m6=1.0), Wish(k=2))


def test_scores_are_those_of_the_model(snapshot: Snapshot) -> None:
    """A score is the model's own, not a made-up scale."""
    model = snapshot.model
    assert model is not None
    scores = model.recommender.score_one(np.array([model.items[6]], np.int32), np.ones(1, np.float32))
    for pick in recommend(snapshot, history(m6=1.0), Wish(k=5)).picks:
        assert pick.score == scores[model.items[pick.film.movie_id]]


def test_a_film_that_speaks_against_takes_off_and_is_never_a_reason(snapshot: Snapshot) -> None:
    """A negative weight lowers what is like its film, is nobody's reason, and with nothing liked does nothing."""
    liked, mixed = history(m6=1.0, m1=1.0), history(m6=1.0, m1=1.0, m50=-1.0)
    model = snapshot.model
    assert model is not None
    items = np.array([model.items[film] for film in (6, 1, 50)], np.int32)
    expected = model.recommender.score_one(items, np.array([1, 1, -1], np.float32))
    answer = recommend(snapshot, mixed, Wish(k=5))
    assert [pick.score for pick in answer.picks] == [expected[model.items[film]] for film in ids(answer)]
    assert [pick.score for pick in answer.picks] != [pick.score for pick in recommend(snapshot, liked, Wish(k=5)).picks]
    reasons = [because.film.movie_id for pick in answer.picks for because in pick.because or ()]
    assert reasons
    assert 50 not in reasons
    assert recommend(snapshot, history(m50=-1.0), Wish(k=3)).source is Source.POPULAR


def test_a_reason_names_the_strongest_two(snapshot: Snapshot) -> None:
    """A reason names at most so many films, the strongest first, with their shares of all that speaks for the film."""
    [pick] = recommend(snapshot, history(m6=1.0, m47=1.0, m1=1.0), Wish(k=1)).picks
    assert pick.film.movie_id == 50
    assert pick.because is not None
    assert [because.film.title for because in pick.because] == ["Heat", "Seven"]
    assert pick.because[0].share > pick.because[1].share > 0.05
    assert pick.document(1)["reason"]["text"] == "Because you liked Heat and Seven"


def test_no_reason_is_given_where_none_is_asked_for(snapshot: Snapshot) -> None:
    """Reasons can be left out."""
    assert recommend(snapshot, history(m6=1.0), Wish(k=1, explain=False)).picks[0].document(1)["reason"] is None


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (NOBODY, "There is no history to go by"),
        (history(m6=0.0), "Nothing in the history was liked"),
        (history(m99999=1.0, m123456=1.0), "The released model knows none of the liked films"),
    ],
)
def test_nothing_to_go_by_gives_popular_films_and_says_so(snapshot: Snapshot, seen: History, why: str) -> None:
    """Promise P14: without a usable history come the films with the most recent likes, never called personal."""
    answer = recommend(snapshot, seen, Wish(k=3))
    assert answer.source is Source.POPULAR
    assert answer.note == f"{why}, so these are the films with the most likes lately."
    wanted = [movie_id for movie_id in (260, 6, 50, 47) if movie_id not in seen.movie_ids][:3]
    assert ids(answer) == wanted
    assert all(pick.document(1)["reason"] is None for pick in answer.picks)


def test_a_newcomer_gets_what_people_like_first_and_is_told_so(snapshot: Snapshot) -> None:
    """Whoever has liked nothing: in that order, without what was met, filtered or pinned; others go on as before."""
    first = {47: 3.5, 1: 2.25, 6: 1.0, 1196: 0.5, 2: 0.125, 99999: 0.25}
    newcomers = replace(
        snapshot, catalogue=Catalogue(replace(film, liked_first=first.get(film.movie_id, 0.0)) for film in FILMS)
    )
    for model in (newcomers.model, None):
        answer = recommend(replace(newcomers, model=model), history(m6=0.0), Wish(k=3))
        assert (answer.source, ids(answer)) == (Source.POPULAR, [47, 1, 1196])
        assert [pick.score for pick in answer.picks] == [3.5, 2.25, 0.5]
        assert answer.note is not None
        assert answer.note.endswith(", so these are the films that people like first.")
    years = recommend(newcomers, NOBODY, Wish(k=2, filters=Filters(years=Span(None, 1995)), pins=(260,)))
    assert ids(years) == [260, 47]
    unknown = recommend(newcomers, history(m123456=1.0), Wish(k=1))
    assert (ids(unknown), unknown.picks[0].score) == ([260], 6.0)
    assert "most likes lately" in (unknown.note or "")
    # The row of what everybody likes now is another thing.
    [popular] = [row for row in rows(newcomers, NOBODY, FeedbackConfig(), k=5) if row.kind is RowKind.POPULAR]
    assert [pick.film.movie_id for pick in popular.answer.picks] == [260, 50, 2, 4973]


def test_unknown_films_of_a_history_are_ignored(snapshot: Snapshot) -> None:
    """A film that the model does not know changes nothing as long as another one is left."""
    assert recommend(snapshot, history(m6=1.0, m123456=1.0), Wish()) == recommend(snapshot, history(m6=1.0), Wish())


def test_no_release_gives_popular_films_and_says_so() -> None:
    """Promise P14: while no release is loaded the answer is popular films."""
    answer = recommend(Snapshot(Catalogue(FILMS), None), history(m6=1.0), Wish(k=1))
    assert (answer.source, ids(answer)) == (Source.POPULAR, [260])
    assert answer.note == "No model is released yet, so these are the films with the most likes lately."


def test_a_model_that_does_not_personalise_is_not_called_personal(platform: Platform) -> None:
    """A released popularity model answers with its own order, and with the source popular."""
    answer = recommend(snapshot_of(platform, "popular"), history(m6=1.0), Wish(k=2))
    assert answer.source is Source.POPULAR
    assert answer.note == "The released model (popular) gives everybody the same films."
    assert ids(answer) == [260, 1]


def test_filters_and_exclusions_hold(snapshot: Snapshot) -> None:
    """Only films of the genres and years are answered, and none that is excluded."""
    crime = Wish(filters=Filters(genres=("crime",)), exclude=frozenset({50}))
    assert ids(recommend(snapshot, history(m6=1.0), crime)) == [47]
    nineties = Wish(filters=Filters(years=Span(1990, 1999)), exclude_seen=False)
    assert set(ids(recommend(snapshot, history(m6=1.0), nineties))) == {1, 2, 6, 47, 50}


@pytest.mark.parametrize("kind", list(Kind))
def test_only_what_was_consumed_is_left_out(snapshot: Snapshot, kind: Kind) -> None:
    """A film that was rated, liked, disliked, watched or skipped stays away; one only met, or withdrawn, may come."""
    value = 2.0 if kind is Kind.RATING else None
    met = History.of([(6, Kind.LIKE, None), (47, kind, value)], FeedbackConfig())
    answer = ids(recommend(snapshot, met, Wish(k=8)))
    assert 6 not in answer
    assert (47 in answer) == (kind in {Kind.CLICK, Kind.VIEW, Kind.WITHDRAW})


def test_a_liked_film_that_was_only_looked_at_may_come_the_short_way(snapshot: Snapshot) -> None:
    """Where looking counts as liking, what was looked at speaks for others and is not left out itself."""
    looking = FeedbackConfig(weights={Kind.LIKE: 1.0, Kind.VIEW: 1.0})
    met = History.of([(6, Kind.LIKE, None), (47, Kind.VIEW, None)], looking)
    assert met.weights.all()
    every = ids(recommend(snapshot, met, Wish(k=8)))
    place = every.index(47)
    assert 6 not in every
    assert ids(recommend(snapshot, met, Wish(k=place + 2))) == every[: place + 2]


def test_filters_that_leave_nothing_say_so(snapshot: Snapshot) -> None:
    """An empty list carries a note that says why it is empty."""
    for seen in (NOBODY, history(m6=1.0)):
        answer = recommend(snapshot, seen, Wish(filters=Filters(years=Span(1900, 1901))))
        assert answer.picks == ()
        assert answer.note == "No film came out in 1900 to 1901; ask for something else."
        answer = recommend(snapshot, seen, Wish(filters=Filters(genres=("Westen",))))
        assert answer.note == "No film has the genre 'Westen'; GET /v1/genres lists those that there are."
    answer = recommend(snapshot, history(m6=1.0), Wish(filters=Filters(genres=("Romance",))))
    assert answer.note == "Only 1 film is left after the filters and exclusions."


def test_a_film_outside_the_catalogue_is_never_answered(platform: Platform) -> None:
    """A film that the model knows and the catalogue does not is left out, not made up."""
    platform.films = [film for film in FILMS if film.movie_id != 50]
    answer = recommend(snapshot_of(platform, "ease"), history(m6=1.0), Wish(k=20))
    assert 50 not in ids(answer)
    assert len(ids(answer)) == 6


class Heard:
    """A model that remembers the times that it was asked with."""

    def __init__(self, model: Recommender) -> None:
        self._model, self.capabilities, self.told = model, model.capabilities, []

    def score_one(self, items: np.ndarray, weights: np.ndarray, *, times: np.ndarray, **more: object) -> np.ndarray:
        """Score one history."""
        self.told.append(times.tolist())
        return self._model.score_one(items, weights, times=times, **more)

    def best(self, items: np.ndarray, weights: np.ndarray, k: int, *, times: np.ndarray, **more: object) -> Best:
        """Find the best films."""
        self.told.append(times.tolist())
        return self._model.best(items, weights, k, times=times, **more)

    def explain_many(
        self, items: np.ndarray, weights: np.ndarray, targets: list, *, times: np.ndarray, **more: object
    ) -> np.ndarray:
        """Explain scores."""
        self.told.append(times.tolist())
        return self._model.explain_many(items, weights, targets, times=times, **more)


def test_the_model_is_told_when_the_films_were_liked(snapshot: Snapshot) -> None:
    """Scores and reasons, now and when they are asked for again, are made with the times of the liked films."""
    model = snapshot.model
    assert model is not None
    heard = Heard(model.recommender)
    listening = replace(snapshot, model=replace(model, recommender=heard))
    seen = replace(history(m6=1.0, m47=0.0, m1=1.0), times=np.array([30, 10, 20]))
    recommend(listening, seen, Wish(k=2))
    recommend(listening, seen, Wish(k=1))
    explain_again(listening.catalogue, listening.model, seen, [50], reasons=1)
    assert heard.told == [[30, 20]] * 5
