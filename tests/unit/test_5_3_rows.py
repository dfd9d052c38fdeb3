"""The rows of a visitor's page."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.core.nouns import Kind
from movie_mlops.features import FeedbackConfig, History
from movie_mlops.recommenders import create
from movie_mlops.release import read_bundle, write_bundle
from movie_mlops.serving import Catalogue, Film
from movie_mlops.serving.model import ServingModel, Snapshot
from movie_mlops.serving.recommend import Source, recommend
from movie_mlops.serving.rows import Row, RowKind, rows
from movie_mlops.serving.wishes import Wish
from tests.fixtures.stage_5.platform import FACTS, FILMS, Platform

FEEDBACK = FeedbackConfig()
COUNT = 120
NOBODY = History.of([], FEEDBACK)


def film(number: int) -> Film:
    """Return a film: the higher its number the newer it is, the fewer like it, and the better those rate it."""
    likes = 4000 // (number + 1)
    return Film(
        number, f"Film {number}", 1900 + number, likes=likes, recent_likes=likes, rating_mean=3 + number / COUNT
    )


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    platform = Platform(tmp_path_factory.mktemp("rows"))
    random = np.random.default_rng(5)
    model = create("ease", {"regularisation": 20.0})
    model.fit(sparse.csr_array((random.random((300, COUNT)) < 0.1).astype(np.float32)))
    signer = platform.keys.signer()
    made = write_bundle(platform.bundles, model=model, movie_ids=np.arange(COUNT), facts=FACTS, signer=signer)
    release = platform.promote(made.bundle_id)
    catalogue = Catalogue([film(number) for number in range(COUNT)])
    bundle = read_bundle(platform.bundles / made.bundle_id, trust=platform.keys.trust)
    yield Snapshot(catalogue, ServingModel.of(release, bundle, catalogue))
    platform.database.close()


def likes(*films: int) -> History:
    return History.of([(number, Kind.LIKE, None) for number in films], FEEDBACK)


def ids(row: Row) -> list[int]:
    return [pick.film.movie_id for pick in row.answer.picks]


def test_no_film_is_in_two_rows_nor_in_the_ten_nor_was_seen(snapshot: Snapshot) -> None:
    """Rows share no film with each other, with the ten recommendations beside them, or with what the visitor said."""
    history = History.of([(3, Kind.LIKE, None), (40, Kind.LIKE, None), (7, Kind.DISLIKE, None)], FEEDBACK)
    found = rows(snapshot, history, FEEDBACK, k=8)
    assert [row.kind.value for row in found] == ["because", "new", "because", "gems", "popular"]
    shown = [movie_id for row in found for movie_id in ids(row)]
    assert len(shown) == len(set(shown)) == 40
    ten = {pick.film.movie_id for pick in recommend(snapshot, history, Wish(k=10)).picks}
    assert not set(shown) & (ten | {3, 40, 7})


def test_because_goes_by_one_film_alone(snapshot: Snapshot) -> None:
    """The film that was liked last has the first row; its scores and reasons are those of that film and no other."""
    first = rows(snapshot, likes(3, 40), FEEDBACK, k=8)[0]
    assert (first.kind, first.film) == (RowKind.BECAUSE, film(40))
    assert first.request["history"] == [{"movie_id": 40, "kind": "like", "value": None}]
    alone = {pick.film.movie_id: pick for pick in recommend(snapshot, likes(40), Wish(k=COUNT)).picks}
    for pick in first.answer.picks:
        assert pick == alone[pick.film.movie_id]
        assert pick.because is None or [each.film.movie_id for each in pick.because] == [40]
    assert ids(first) == sorted(ids(first), key=lambda movie_id: -alone[movie_id].score)


def test_new_films_are_the_newest_and_gems_are_not_famous(snapshot: Snapshot) -> None:
    """New is from the years that the newest films have; gems are outside the head that four fifths of likes are in."""
    by_kind = {row.kind: row for row in rows(snapshot, likes(3, 40), FEEDBACK, k=8)}
    new, gems = by_kind[RowKind.NEW], by_kind[RowKind.GEMS]
    assert new.since == 1900 + COUNT - 40
    assert min(film(number).year or 0 for number in ids(new)) >= new.since
    assert new.request["years"] == f"{new.since}-"
    liked = np.array([film(number).likes for number in range(COUNT)])
    rated = np.array([film(number).rating_mean for number in range(COUNT)])
    famous = np.cumsum(liked) - liked < 0.8 * liked.sum()
    little_known = np.flatnonzero(~famous & (rated >= rated.mean()))
    assert np.flatnonzero(snapshot.catalogue.little_known).tolist() == little_known.tolist()
    assert set(ids(gems)) <= set(little_known.tolist())


def test_somebody_unknown_gets_rows_that_say_that_they_are_for_all(snapshot: Snapshot) -> None:
    """Without a like no row is personal, and none claims a film that was liked."""
    found = rows(snapshot, NOBODY, FEEDBACK, k=8)
    assert [row.kind for row in found] == [RowKind.NEW, RowKind.GEMS, RowKind.POPULAR]
    assert {row.answer.source for row in found} == {Source.POPULAR}
    assert ids(found[-1]) == list(range(8))


def test_too_few_films_are_no_row(snapshot: Snapshot) -> None:
    """Where the ten have most of a small catalogue there is no row of a film or two; without a model there are rows."""
    films = Catalogue(FILMS)
    assert rows(Snapshot(films, None), likes(6, 47, 50, 260, 1, 2, 1196), FEEDBACK, k=8) == []
    assert [row.kind for row in rows(Snapshot(films, None), NOBODY, FEEDBACK, k=18)] == [RowKind.NEW]
    assert snapshot.catalogue.new_since is not None
    assert Catalogue([Film(1, "Undated")]).new_since is None
