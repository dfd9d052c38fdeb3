"""What is popular lately, and what is liked first, known between two trainings."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from movie_mlops.core.columns import MOVIE_ID
from movie_mlops.features import FILM_FEATURES, feedback
from movie_mlops.flows import Platform, serve
from movie_mlops.flows.features import features
from movie_mlops.flows.serve import read_catalogue
from movie_mlops.flows.worker import Worker
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS
from movie_mlops.recommenders import LikedFirstParams, PopularRecentParams, create, liked_first
from movie_mlops.serving import Catalogue
from tests.fixtures.stage_2.interactions import did, table
from tests.fixtures.stage_9.shop import shop

NEWCOMERS = LikedFirstParams(days=25, fading=0.5, everybody=4)


def catalogue(platform: Platform, least: int = 0) -> Catalogue:
    chosen = {"newcomers": NEWCOMERS, "lately": PopularRecentParams(days=30, least=least)}
    return read_catalogue(platform.lake, platform.config.model_copy(update=chosen))


def first(platform: Platform) -> dict[int, float]:
    films = catalogue(platform).films
    return {film.movie_id: film.liked_first for film in films if film.liked_first}


def learned(platform: Platform, name: str, params: dict[str, float]) -> dict[int, float]:
    """Return what a model learns from the same lake."""
    likes = feedback(platform.lake.scan(INTERACTIONS), platform.config.feedback).filter(pl.col("weight") > 0)
    users, films = (likes[name].rank("dense").to_numpy().astype(int) - 1 for name in ("user_id", "movie_id"))
    model = create(name, params)
    matrix = sparse.csr_matrix((np.ones(len(likes), np.float32), (users, films)))
    model.fit(matrix, times=likes["event_time"].dt.epoch("s").fill_null(-1).to_numpy())
    scores = model.score_one([], []).tolist()
    return dict(zip(likes["movie_id"].unique().sort(), scores, strict=True))


def lately(platform: Platform, least: int = 0) -> dict[int, int]:
    films = catalogue(platform, least).films
    return {film.movie_id: film.recent_likes for film in films if film.recent_likes}


def test_what_is_liked_lately_waits_for_no_training(tmp_path: Path) -> None:
    """After a training it is what the features tell; what a worker brings into the lake counts before the next one."""
    with shop(tmp_path) as platform:
        films = pl.DataFrame({"movie_id": range(1, 9), "title": [f"Film {number}" for number in range(1, 9)]})
        empty = SCHEMAS[MOVIES].to_frame()
        platform.lake.overwrite(MOVIES, pl.concat([empty, films.cast({"movie_id": pl.Int64})], how="diagonal"))
        said = [
            did("a", 1, "like", at=0),
            did("b", 2, "rating", 5, at=40.5),
            did("c", 2, "rating", 1, at=41),
            did("d", 3, "like", at=60.5),
            did("d", 3, "withdraw", at=61),
            did("e", 4, "like", at=62),
            did("e", 7, "like", at=10),
            did("e", 8, "rating", 4.5, at=65),
            did("f", 3, "rating", 1, at=66),
            did("f", 4, "like", at=70),
            did("g", 5, "like", at=None),
        ]
        platform.lake.append(INTERACTIONS, table(said).collect())
        versions = {name: platform.lake.version(name) for name in (INTERACTIONS, MOVIES)}
        features(platform, {"versions": versions, "events_offset": 0})
        told = platform.lake.scan(FILM_FEATURES.name).filter(pl.col("likes_30d") > 0).collect()
        assert lately(platform) == dict(told.select(MOVIE_ID, "likes_30d").iter_rows()) == {2: 1, 4: 2, 8: 1}
        assert first(platform) == pytest.approx(learned(platform, "liked-first", asdict(NEWCOMERS)))
        platform.events.append([did(f"new{number}", 6, "like", at=80) for number in range(3)])
        Worker(platform, "tester").turn()
        assert lately(platform) == {4: 2, 6: 3, 8: 1}
        assert catalogue(platform).films[0].movie_id == 6
        # What came in counts first as well; how much is liked of all time is what the features tell.
        assert first(platform)[6] == 3


@pytest.mark.parametrize(
    ("least", "told"),
    [
        (3, {1: 1, 4: 1, 5: 1}),
        (4, {1: 1, 4: 1, 5: 1, 2: 1, 3: 1}),
        (5, {1: 1, 4: 1, 5: 1, 2: 1, 3: 1}),
        (6, {1: 2, 4: 1, 5: 1, 2: 1, 3: 1}),
        (9, {1: 2, 4: 1, 5: 1, 2: 1, 3: 1}),
    ],
)
def test_where_few_people_come_lately_reaches_further_back(tmp_path: Path, least: int, told: dict[int, int]) -> None:
    """The newest likes make it up, those of one moment all; looks, likes without a time and withdrawn ones are none.

    The model `popular-recent` learns the same.
    """
    with shop(tmp_path) as platform:
        films = pl.DataFrame({"movie_id": range(1, 7), "title": [f"Film {number}" for number in range(1, 7)]})
        empty = SCHEMAS[MOVIES].to_frame()
        platform.lake.overwrite(MOVIES, pl.concat([empty, films.cast({"movie_id": pl.Int64})], how="diagonal"))
        said = [
            did("a", 1, "like", at=0),
            did("b", 2, "like", at=100),
            did("c", 3, "like", at=100),
            did("d", 6, "like", at=150),
            did("d", 6, "withdraw", at=151),
            did("e", 4, "like", at=180),
            *(did(f"v{number}", 6, "view", at=190) for number in range(40)),
            did("f", 5, "like", at=200),
            did("f", 1, "like", at=200),
            did("g", 6, "like", at=None),
        ]
        platform.lake.overwrite(INTERACTIONS, table(said).collect())
        assert lately(platform, least) == told
        model = learned(platform, "popular-recent", {"days": 30, "least": least})
        assert {film: int(score) for film, score in model.items() if score >= 1} == told


def test_of_very_many_words_a_sample_of_people_tells_what_is_liked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held in memory is bounded, and a film's worth is the same but for chance."""
    held: list[int] = []

    def told(users: np.ndarray, *others: Any, **more: Any) -> np.ndarray:
        held.append(len(users))
        return liked_first(users, *others, **more)

    with shop(tmp_path) as platform:
        films = pl.DataFrame({"movie_id": [1, 2], "title": ["One", "Two"]})
        empty = SCHEMAS[MOVIES].to_frame()
        platform.lake.overwrite(MOVIES, pl.concat([empty, films.cast({"movie_id": pl.Int64})], how="diagonal"))
        # Two of three like the second film first.
        said = [did(f"user{number}", 1 + (number % 3 > 0), "like", at=1) for number in range(1200)]
        platform.lake.append(INTERACTIONS, table(said).collect())
        whole = first(platform)
        # One like is the shop's own.
        assert whole == {1: 401, 2: 800}
        monkeypatch.setattr(serve, "_MOST_WORDS", 300)
        monkeypatch.setattr(serve, "liked_first", told)
        sampled = first(platform)
    assert held[0] < 400
    assert sampled == pytest.approx(whole, rel=0.25)
    assert sum(sampled.values()) == 5 * held[0]
