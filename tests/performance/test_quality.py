"""The benchmark of the lists' quality says what the evaluation says, beside what it is measured against."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.bench import BenchError, QualityBenchConfig, bench_quality
from movie_mlops.bench.quality import CHECKED
from movie_mlops.evaluation import evaluate, given_folds
from movie_mlops.flows import Recipe
from movie_mlops.recommenders import create

KNN = Recipe(name="knn", model="item-knn", params={"neighbours": 3})
RECENT = Recipe(name="recent", model="popular-recent", params={"days": 5})


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 users and 20 films in two camps; two folds of a fifth each."""
    folder = tmp_path_factory.mktemp("folds")
    rng = np.random.default_rng(2)
    rows = [(u, m) for u in range(40) for m in range(20) if rng.random() < (0.7 if u % 2 == m % 2 else 0.1)]
    part = rng.integers(0, 5, len(rows))
    whole = pl.DataFrame(rows, schema={"user_id": pl.Int64, "movie_id": pl.Int64}, orient="row")
    whole.write_parquet(folder / "dataset.parquet")
    for fold in (0, 1):
        whole.filter(part == fold).write_parquet(folder / f"test_{fold}.parquet")
    return folder


def feedback() -> pl.DataFrame:
    """30 users who meet 20 films one after another, one an hour."""
    rng = np.random.default_rng(3)
    first = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        (str(user), int(film), 1.0, first + timedelta(hours=8 * user + place))
        for user in range(30)
        for place, film in enumerate(rng.permutation(20)[:10])
    ]
    schema = {"user_id": pl.String, "movie_id": pl.Int64, "weight": pl.Float32, "event_time": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_the_figures_are_those_of_the_evaluation(folds: Path, tmp_path: Path) -> None:
    """Each recipe's figure on each fold is what evaluating it by hand gives; targets are judged by the best recipe."""
    out = tmp_path / "quality.json"
    config = QualityBenchConfig(folds=folds, recipes=(KNN,), timed_recipes=(RECENT,), folds_target=0.99)
    result = bench_quality(config, {"made-up": feedback()}, out, command="the command")
    assert json.loads(out.read_text()) == result
    models = result["folds"]["models"]
    assert list(models) == [*(recipe.name for recipe in CHECKED), "knn"]
    for number, case in enumerate(given_folds(folds)):
        by_hand = create("item-knn", {"neighbours": 3})
        by_hand.fit(case.train)
        assert models["knn"]["folds"][number] == round(evaluate(by_hand, case).mean("ndcg@10"), 4)
    assert models["popular"]["mean"] < models["knn"]["mean"]
    assert models["knn"]["minus_ease"]["low"] <= models["knn"]["minus_ease"]["estimate"]
    in_time = result["in time"][0]
    assert in_time["dataset"] == "made-up"
    assert set(in_time["models"]) == {"popular-recent", "ease", "recent"}
    by_what = {target["what"]: target for target in result["targets"]}
    assert not by_what[f"{folds.name}: ndcg@10"]["met"]
    assert by_what["seconds of training"]["met"]
    of_ease = by_what["made-up: ndcg@10 over that of EASE"]
    row = in_time["models"]["recent"]
    assert of_ease["met"] == (row["times_ease"] >= 1.1 and row["minus_ease"]["low"] > 0)


def test_without_recipes_there_is_nothing_to_judge() -> None:
    """An empty list of recipes is refused."""
    with pytest.raises(BenchError):
        QualityBenchConfig(recipes=())
