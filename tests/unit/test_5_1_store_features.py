"""What the trees of a rerank know of a feature store: of each moment only what came before it, and the same when it
answers.
"""  # noqa: D205 - one sentence

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.core.progress import SILENT
from movie_mlops.evaluation import EvaluationCase, time_split, user_folds
from movie_mlops.features import (
    FILM_FEATURES,
    MATCH_FEATURES,
    USER_FEATURES,
    VIEWS,
    FeatureError,
    FeedbackConfig,
    History,
    OnlineFeatures,
    Views,
)
from movie_mlops.features.online import Cut
from movie_mlops.flows.likes_features import (
    Informed,
    LikesFeatures,
    OfHistories,
    as_it_answers,
    case_features,
    informed,
    views_of,
)
from movie_mlops.flows.train import fit
from movie_mlops.recommenders import MatrixError, Recommender, create, rerank, restore
from movie_mlops.recommenders.config import RerankParams
from movie_mlops.release import passport, read_bundle, write_bundle
from movie_mlops.serving import Catalogue, Film
from movie_mlops.serving.looking_up import OfOne
from movie_mlops.serving.looking_up import informed as informed_snapshot
from movie_mlops.serving.model import ServingModel, Snapshot
from movie_mlops.serving.recommend import recommend
from movie_mlops.serving.wishes import Wish
from movie_mlops.state import Database, StateConfig, StateError
from tests.fixtures.stage_2.interactions import START, table
from tests.fixtures.stage_5.lists import snapshot_of
from tests.fixtures.stage_5.platform import FACTS, Platform

DAY = 86_400
N_USERS, N_ITEMS = 50, 14
NAMES = RerankParams().store_features
PARAMS: dict[str, Any] = {
    "members": [{"model": "popular"}, {"model": "item-knn", "weight": 0.1}],
    "trees": 10,
    "leaves": 5,
    "least": 3,
    "candidates": 10,
    "hidden": 0.4,
    "strength": 4.0,
    "learning_rate": 0.2,
    "store_features": ["film_features:likes_7d", "user_features:positives"],
}
MOVIE_IDS = np.arange(100, 100 + N_ITEMS)
MOVIES = pl.DataFrame(
    {
        "movie_id": MOVIE_IDS,
        "year": [1990 + place % 20 for place in range(N_ITEMS)],
        "genres": [["Drama", "Comedy"] if place % 2 else ["Drama"] for place in range(N_ITEMS)],
    },
    schema_overrides={"year": pl.Int32},
)


def world(seed: int = 0) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Likes of every film by somebody, each at a second of its own, over a hundred days."""
    rng = np.random.default_rng(seed)
    likes = sparse.csr_matrix((rng.random((N_USERS, N_ITEMS)) < 0.45).astype(np.float32))
    times = int(START.timestamp()) + rng.permutation(100 * DAY)[: likes.nnz]
    return likes, times.astype(np.int64)


@dataclass
class Spy:
    """Hands out a feature of its own, and remembers what it was asked for."""

    tell: Any
    names: tuple[str, ...] = ("film_features:likes_7d", "user_features:positives")
    asked: list[tuple[np.ndarray, np.ndarray | None, Any]] = field(default_factory=list)

    def at(self, users: np.ndarray, films: np.ndarray, moments: np.ndarray | None, shown: Any) -> np.ndarray:
        """Look up in training."""
        self.asked.append((users, moments, shown))
        return np.stack([self.tell(users, films)] * 2, axis=2).astype(np.float32)

    def of(self, people: np.ndarray, films: np.ndarray) -> np.ndarray:
        """Look up in answers."""
        return np.stack([self.tell(people, films)] * 2, axis=2).astype(np.float32)


@pytest.mark.parametrize("says", [1.0, np.nan])
def test_what_a_store_tells_counts_in_training_and_in_answers(says: float) -> None:
    """A feature that says what each user will like moves that to the top once the store is asked, and not before; so it
    does where it says it by not knowing anything.
    """  # noqa: D205 - one promise
    likes, times = world()
    rows = np.repeat(np.arange(N_USERS), np.diff(likes.indptr))
    good = np.random.default_rng(7).random(likes.shape) < 0.4
    # Each user likes what is good to them late: only the store says which films these are.
    times = np.where(good[rows, likes.indices], times + 200 * DAY, times)
    spy = Spy(lambda users, films: np.where(good[users[:, np.newaxis], films], says, 0.0))
    recommender = create("rerank", PARAMS)
    recommender.fit(likes, times=times, features=spy)
    assert recommender.store_features == spy.names
    nothing = Fixed(np.zeros((N_USERS, N_ITEMS, 2), np.float32), names=spy.names)
    gained = recommender.asked_with(spy).score(likes) - recommender.asked_with(nothing).score(likes)
    unseen = likes.toarray() == 0
    assert gained[good & unseen].mean() > gained[~good & unseen].mean() + 1


def test_no_user_is_asked_about_later_than_their_hidden_part_begins() -> None:
    """Promise P4: the moment of each user is that of the first like that is hidden; nothing of what is hidden, and no
    later like of anybody, is in what the feature store is asked for. One is planted: a film that the future makes
    popular.
    """  # noqa: D205 - one promise
    likes, times = world()
    spy = Spy(lambda _users, films: np.zeros(films.shape))
    create("rerank", PARAMS).fit(likes, times=times, features=spy)
    users, moments, shown = (np.concatenate([one[0] for one in spy.asked]), spy.asked[0][1], spy.asked[0][2])
    hidden = likes - sparse.csr_matrix((shown.data, shown.indices, shown.indptr), shape=likes.shape)
    rows = np.repeat(np.arange(N_USERS), np.diff(likes.indptr))
    out = np.asarray(hidden[rows, likes.indices]).ravel() > 0
    first = np.full(N_USERS, np.iinfo(np.int64).max)
    np.minimum.at(first, rows[out], times[out])
    assert moments is not None
    np.testing.assert_array_equal(moments, first[users])
    names = ("film_features:likes_all", "film_features:likes_7d", "match_features:likes_before")
    films = np.tile(np.arange(N_ITEMS, dtype=np.int32), (len(users), 1))
    told = LikesFeatures(names, MOVIE_IDS, MOVIES).in_training(likes, times).at(users, films, moments, shown)
    for row, (user, moment) in enumerate(zip(users, moments, strict=True)):
        before = times < moment
        counted = np.bincount(likes.indices[before], minlength=N_ITEMS)
        np.testing.assert_array_equal(told[row, :, 0], counted)
        lately = before & (times > moment - 7 * DAY - 1)
        assert (told[row, :, 1] <= np.bincount(likes.indices[lately], minlength=N_ITEMS)).all()
        assert (told[row, :, 2] == (before & (rows == user)).sum()).all()
    # The future: a thousand likes of the last film, a second after the latest moment, and the same a second before it.
    for shift, seen in ((1, 0), (-1, 1000)):
        crowd = sparse.csr_matrix(np.eye(1, N_ITEMS, N_ITEMS - 1, dtype=np.float32)[[0] * 1000])
        both = sparse.csr_matrix(sparse.vstack([likes, crowd]))
        when = np.concatenate([times, np.full(1000, moments.max() + shift)])
        latest = np.array([int(np.argmax(moments))])
        asked = LikesFeatures(names[:1], MOVIE_IDS, MOVIES).in_training(both, when)
        found = asked.at(users[latest], films[latest], moments[latest], both)
        without = told[latest[0], N_ITEMS - 1, 0]
        assert found[0, N_ITEMS - 1, 0] == without + seen


def test_without_times_features_are_of_what_is_shown() -> None:
    """Where no time is known there is no moment, and nothing but the shown part is counted; so where one is unknown."""
    likes, times = world()
    times = times.copy()
    for known in (None, np.where(np.arange(likes.nnz) == 3, -1, times)):
        spy = Spy(lambda _users, films: np.zeros(films.shape))
        create("rerank", PARAMS).fit(likes, times=known, features=spy)
        users, moments, shown = spy.asked[0]
        assert moments is None
        assert 0 < shown.nnz < likes.nnz
        films = np.tile(np.arange(N_ITEMS, dtype=np.int32), (len(users), 1))
        asked = LikesFeatures(("film_features:likes_all", "user_features:positives"), MOVIE_IDS, None)
        told = asked.in_training(likes, known).at(users, films, moments, shown)
        np.testing.assert_array_equal(told[0, :, 0], np.bincount(shown.indices, minlength=N_ITEMS))
        np.testing.assert_array_equal(told[:, 0, 1], np.diff(shown.indptr)[users])


@cache
def learned() -> tuple[Recommender, sparse.csr_matrix, np.ndarray]:
    likes, times = world()
    recommender = create("rerank", {**PARAMS, "store_features": list(NAMES)})
    features = LikesFeatures(recommender.store_features, MOVIE_IDS, MOVIES).in_training(likes, times)
    recommender.fit(likes, times=times, features=features)
    return recommender, likes, times


@dataclass
class Fixed:
    """Features by row and film."""

    table: np.ndarray
    names: tuple[str, ...] = NAMES

    def of(self, people: np.ndarray, films: np.ndarray) -> np.ndarray:
        """Look up in answers."""
        return self.table[people[:, np.newaxis], films]


def test_one_person_scores_as_in_a_batch_and_after_restoring(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what a store knows `score_one`, `best` and `explain_many` agree with `score`, as does what was restored."""
    monkeypatch.setattr(rerank, "_USERS_AT_ONCE", 4)
    recommender, likes, times = learned()
    assert recommender.store_features == NAMES
    table = np.random.default_rng(2).normal(0, 3, (N_USERS, N_ITEMS, len(NAMES))).astype(np.float32)
    table[:, ::5, 1] = np.nan
    scores = recommender.asked_with(Fixed(table)).score(likes, times=times)
    assert (scores != recommender.score(likes, times=times)).any()
    arrays = {name: array.copy() for name, array in recommender.arrays().items()}
    again = restore("rerank", {**PARAMS, "store_features": list(NAMES)}, arrays)
    np.testing.assert_array_equal(again.asked_with(Fixed(table)).score(likes, times=times), scores)
    for user in range(6):
        part = slice(likes.indptr[user], likes.indptr[user + 1])
        items, weights, stamps = likes.indices[part], likes.data[part], times[part]
        asked = recommender.asked_with(Fixed(table[user : user + 1]), alone=True)
        np.testing.assert_allclose(asked.score_one(items, weights, times=stamps), scores[user], rtol=1e-5, atol=1e-5)
        best = asked.best(items, weights, 3, without=items.astype(np.int64), times=stamps, explain=True)
        np.testing.assert_allclose(best.scores, scores[user][best.items], rtol=1e-5, atol=1e-5)
        explained = asked.explain_many(items, weights, best.items.tolist(), times=stamps)
        np.testing.assert_allclose(best.contributions, explained, rtol=1e-5, atol=1e-5)


def test_what_is_not_known_is_not_made_up() -> None:
    """Without a store, and where a store knows nothing, scores are finite and the same; other features are refused."""
    recommender, likes, times = learned()
    unknown = Fixed(np.full((N_USERS, N_ITEMS, len(NAMES)), np.nan, np.float32))
    plain = recommender.score(likes, times=times)
    assert np.isfinite(plain).all()
    np.testing.assert_array_equal(recommender.asked_with(unknown).score(likes, times=times), plain)
    with pytest.raises(MatrixError, match="recommender reads film_features:likes_30d"):
        recommender.asked_with(Spy(None))
    with pytest.raises(MatrixError, match="The features are"):
        create("rerank", PARAMS).fit(likes, features=Spy(None, names=("film_features:likes_30d",)))


def test_without_a_store_the_model_is_the_one_that_it_was() -> None:
    """Trained without a store, a rerank has the bytes of one that names no features, and asks for none."""
    likes, times = world()
    with_names, without = create("rerank", PARAMS), create("rerank", {**PARAMS, "store_features": []})
    for one in (with_names, without):
        one.fit(likes, times=times)
    assert with_names.store_features == without.store_features == ()
    for name, array in with_names.arrays().items():
        np.testing.assert_array_equal(array, without.arrays()[name])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("film_features:rating_mean", "made of something else"),
        ("user_features:last_time", "made of something else"),
        ("user_features:interactions_7d", "made of something else"),
        ("film_features", "is not one feature"),
        ("film_features:likes_31d", "no feature 'likes_31d'"),
    ],
)
def test_a_feature_that_no_model_can_read_is_refused(name: str, why: str) -> None:
    """What is not made of likes, no number, or not there is refused by name before anything is trained."""
    with pytest.raises(FeatureError, match=why):
        LikesFeatures((name,), MOVIE_IDS, MOVIES)


def feedback() -> pl.DataFrame:
    likes, times = world()
    rows = np.repeat(np.arange(N_USERS), np.diff(likes.indptr))
    return pl.DataFrame(
        {
            "user_id": [f"u{row}" for row in rows],
            "movie_id": MOVIE_IDS[likes.indices],
            "weight": np.ones(likes.nnz, np.float32),
            "event_time": [datetime.fromtimestamp(int(time), UTC) for time in times],
        }
    )


def test_a_case_is_judged_with_features_of_its_training_alone() -> None:
    """Judging by time and by folds hands features over; what is held out has no part in them."""
    for case in (time_split(feedback()), user_folds(feedback())[0]):
        recommender = create(
            "rerank", {**PARAMS, "store_features": ["film_features:likes_30d", "match_features:genre_match"]}
        )
        recommender.fit(case.train, times=case.train_times, features=case_features(recommender, case))
        scorer = as_it_answers(recommender, case)
        assert scorer is not recommender
        np.testing.assert_array_equal(
            as_it_answers(recommender, with_others_held_out(case)).score(case.histories, times=case.history_times),
            scorer.score(case.histories, times=case.history_times),
        )


def with_others_held_out(case: EvaluationCase) -> EvaluationCase:
    """Return a case with another film in the place of what is held out."""
    other = np.zeros(case.held_out.shape, np.float32)
    other[np.arange(len(other)), np.argmin(case.seen.toarray() > 0, axis=1)] = 1
    return replace(case, held_out=sparse.csr_matrix(other))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OnlineFeatures, sparse.csr_matrix, np.ndarray]]:
    """An online store of some likes, the latest of them a moment ago, and these as a matrix."""
    likes, _ = world(3)
    likes = likes[:20]
    now = int(clock.now().timestamp())
    times = now - np.random.default_rng(1).permutation(60 * DAY)[: likes.nnz]
    rows = np.repeat(np.arange(likes.shape[0]), np.diff(likes.indptr))
    said = [
        Interaction(str(n), str(user), int(MOVIE_IDS[item]), Kind.LIKE, None, clock.from_unix(int(time)), "test")
        for n, (user, item, time) in enumerate(zip(rows, likes.indices, times, strict=True))
    ]
    database = Database(StateConfig(f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"))
    features = OnlineFeatures(database, Views(FILM_FEATURES, USER_FEATURES, MATCH_FEATURES), FeedbackConfig())
    prepared = features.prepare(Cut(table(said), MOVIES.lazy(), {"interactions": 1}))
    assert prepared is not None
    with database.write() as connection:
        features.write(connection, prepared)
    yield features, likes, times
    database.close()


def test_the_online_store_tells_what_training_was_told(
    store: tuple[OnlineFeatures, sparse.csr_matrix, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise P6: for the same likes, what is looked up in the rows of the online store is what a model was trained and
    judged with, feature by feature; of somebody whom it does not know only the films are known, and nothing while the
    store is away.
    """  # noqa: D205 - one promise
    features, likes, times = store
    recommender = learned()[0]
    computed = informed(recommender, likes, times, MOVIE_IDS, MOVIES)
    assert isinstance(computed, Informed)
    known = OfHistories(computed.features, computed.films, computed.now, likes, times)
    films = np.arange(N_ITEMS, dtype=np.int32)[np.newaxis]
    people = np.arange(0, likes.shape[0], 4)
    expected = known.of(people, np.tile(films, (len(people), 1)))
    for row, user in enumerate(people):
        told = OfOne(features, str(user), MOVIE_IDS, NAMES).of(np.zeros(1, np.int64), films)
        assert np.isfinite(told).all()
        np.testing.assert_allclose(told[0], expected[row], rtol=1e-5, atol=1e-5)
    for nobody in (None, "somebody else"):
        told = OfOne(features, nobody, MOVIE_IDS, NAMES).of(np.zeros(1, np.int64), films)
        of_films = [name.startswith("film_features") for name in NAMES]
        assert np.isfinite(told[..., of_films]).all()
        assert np.isnan(told[..., np.logical_not(of_films)]).all()

    def away(_view: str, _keys: object) -> None:
        raise StateError("The record is away.", next_step="Wait.")

    monkeypatch.setattr(features, "read_many", away)
    told = OfOne(features, "1", MOVIE_IDS, NAMES).of(np.zeros(1, np.int64), films)
    assert np.isnan(told).all()


def test_a_list_is_made_with_what_the_store_knows(
    store: tuple[OnlineFeatures, sparse.csr_matrix, np.ndarray], tmp_path: Path
) -> None:
    """A request's list has the scores of the model told by the store; a model that reads nothing is left as it is."""
    features, likes, _ = store
    recommender = learned()[0]
    platform = Platform(tmp_path, [Film(int(film), f"Film {film}", 1990, ("Drama",), (), "en") for film in MOVIE_IDS])
    bundle = write_bundle(
        platform.bundles,
        model=recommender,
        movie_ids=MOVIE_IDS,
        facts={**FACTS, "views_read": views_of(recommender.store_features)},
        signer=platform.keys.signer(),
    )
    release = platform.promote(bundle.bundle_id)
    catalogue = Catalogue(platform.films)
    read = read_bundle(platform.bundles / bundle.bundle_id, trust=platform.keys.trust)
    snapshot = Snapshot(catalogue, ServingModel.of(release, read, catalogue))
    seen = History.of([(int(film), Kind.LIKE, None) for film in MOVIE_IDS[likes[2].indices]], FeedbackConfig())
    told = informed_snapshot(features, snapshot, "2")
    assert told.model is not None
    given = recommend(told, seen, Wish(k=5))
    known = OfOne(features, "2", MOVIE_IDS, NAMES)
    items = likes[2].indices
    expected = recommender.asked_with(known, alone=True).score_one(items, np.ones(len(items), np.float32))
    for pick in given.picks:
        assert pick.score == pytest.approx(expected[pick.film.movie_id - 100], rel=1e-5)
    assert given != recommend(snapshot, seen, Wish(k=5))
    page = passport(release, read.manifest, recommendation={})
    assert page["features"]["read_by_the_model"] == views_of(NAMES)
    assert {name: view["version"] for name, view in views_of(NAMES).items()} == {
        name: VIEWS[name].version for name in ("film_features", "user_features", "match_features")
    }
    assert informed_snapshot(None, snapshot, "2") is snapshot
    plain = snapshot_of(platform_of_old(tmp_path), "ease")
    assert informed_snapshot(features, plain, "2") is plain
    platform.database.close()


def platform_of_old(folder: Path) -> Platform:
    (folder / "old").mkdir()
    return Platform(folder / "old")


def test_a_training_writes_which_views_its_model_reads() -> None:
    """`fit` of the flows looks features up, and says of which views; of one without a store it says none."""
    trained = fit(feedback(), "rerank", {**PARAMS, "store_features": list(NAMES)}, SILENT, movies=lambda: MOVIES)
    assert trained.model.store_features == NAMES
    assert trained.views == views_of(NAMES)
    assert fit(feedback(), "popular", {}, SILENT, movies=lambda: MOVIES).views == {}
