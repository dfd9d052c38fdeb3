"""Films of the catalogue that nobody has met, from the lake's table to the scores."""

from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.core.progress import SILENT
from movie_mlops.evaluation import EvaluationConfig
from movie_mlops.features import FeedbackConfig
from movie_mlops.flows import PlatformConfig, Recipe
from movie_mlops.flows.evaluate import make_cases, with_content
from movie_mlops.flows.features import known_feedback, known_movies
from movie_mlops.flows.judging import judge_recipes
from movie_mlops.flows.train import fit
from movie_mlops.ingest import load_events
from movie_mlops.lake import MOVIES, SCHEMAS, Lake, LakeConfig
from tests.fixtures.stage_2.interactions import did

GENRES = ("Comedy", "Western")
MET, ALL = 20, 24


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Thirty users like films of one genre each; four of the 24 films of the catalogue nobody has met."""
    lake = Lake(LakeConfig(tmp_path / "lake"))
    random = np.random.default_rng(0)
    said = [
        did(f"u{user:02}", 100 + int(film), "like", at=float(when))
        for user in range(30)
        for when, film in enumerate(random.permutation(np.arange(user % 2, MET, 2))[:6])
    ]
    load_events(said, lake)
    films = pl.DataFrame(
        {"movie_id": [100 + film for film in range(ALL)], "genres": [[GENRES[film % 2]] for film in range(ALL)]}
    )
    schema = SCHEMAS[MOVIES]
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in films.columns]
    lake.overwrite(MOVIES, films.with_columns(missing).select(list(schema)))
    return lake


def test_a_model_by_facts_is_trained_on_the_whole_catalogue(lake: Lake) -> None:
    """Films without any like are items of the model, and those of the genre that somebody likes are on top."""
    known, movies = known_feedback(lake, FeedbackConfig()), partial(known_movies, lake)
    trained = fit(known, "edlae-content", {"regularisation": 5}, SILENT, movies=movies)
    assert trained.movie_ids.tolist() == list(range(100, 100 + ALL))
    assert trained.trained_on["films"] == ALL
    for taste in (0, 1):
        scores = trained.model.score_one([taste, taste + 2], [1, 1])
        assert scores[[20 + taste, 22 + taste]].min() > scores[[21 - taste, 23 - taste]].max()


def test_a_blend_with_such_a_member_is_trained_on_the_whole_catalogue(lake: Lake) -> None:
    """A blend takes all films as its items where a member scores by facts, and recommends those that nobody has met."""
    known, movies = known_feedback(lake, FeedbackConfig()), partial(known_movies, lake)
    members = [{"model": "ease"}, {"model": "edlae-content", "params": {"regularisation": 5}}]
    trained = fit(known, "blend", {"members": members}, SILENT, movies=movies)
    assert trained.trained_on["films"] == ALL
    for taste in (0, 1):
        scores = trained.model.score_one([taste, taste + 2], [1, 1])
        assert scores[[20 + taste, 22 + taste]].min() > scores[[21 - taste, 23 - taste]].max()


def test_other_models_keep_to_the_films_that_were_met(lake: Lake) -> None:
    """A model that reads no facts does not ask for the table of films, and learns what it did before."""
    known = known_feedback(lake, FeedbackConfig())

    def refused() -> pl.DataFrame:
        raise AssertionError

    assert len(fit(known, "edlae", {"regularisation": 5}, SILENT, movies=refused).movie_ids) == MET


def test_facts_count_for_what_a_model_was_trained_on(lake: Lake) -> None:
    """Other facts of the same films are another training, by its SHA-256."""
    known, movies = known_feedback(lake, FeedbackConfig()), known_movies(lake)
    turned = movies.with_columns(pl.col("genres").reverse())
    one, same, other = (
        fit(known, "edlae-content", {}, SILENT, movies=lambda table=table: table).trained_on["sha256"]
        for table in (movies, movies, turned.with_columns(pl.lit(1990, pl.Int32).alias("year")).head(9))
    )
    assert one == same != other


def test_models_are_judged_with_facts(lake: Lake) -> None:
    """The cases of an evaluation carry the films' facts in their own order, and a model is judged with them."""
    known, config = known_feedback(lake, FeedbackConfig()), PlatformConfig(evaluation=EvaluationConfig(resamples=20))
    cases = with_content(make_cases("user-folds", known, config), known_movies(lake))
    for case in cases:
        assert case.content is not None
        assert case.content.toarray().argmax(axis=1).tolist() == (case.movie_ids % 2).tolist()
    recipes = [Recipe(name="by-facts", model="edlae-content", params={"regularisation": 5})]
    [scores] = judge_recipes(recipes, cases, config, progress=SILENT)
    assert scores.mean("ndcg@10") > 0.3
