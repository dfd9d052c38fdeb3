"""The benchmark of the lists' quality says what the evaluation says, beside what it is measured against."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.bench import BenchError, QualityBenchConfig, bench_quality
from movie_mlops.bench.quality_config import CHECKED
from movie_mlops.core.progress import Advance
from movie_mlops.evaluation import LearningCurveConfig, evaluate, given_folds, time_split
from movie_mlops.flows import Recipe
from movie_mlops.recommenders import create, extras

KNN = Recipe(name="knn", model="item-knn", params={"neighbours": 3})
MEMBERS = [
    {"model": "item-knn", "weight": 0.5, "params": {"neighbours": 3}},
    {"model": "ease", "params": {"regularisation": 5}},
]
BLEND = Recipe(name="mix", model="blend", params={"members": MEMBERS, "popularity": 0.2})
CALLED = {"ease": "EASE", "popular-recent": "popularity of the last days"}
RECENT = Recipe(name="recent", model="popular-recent", params={"days": 5})


class Told:
    """Adds up what it is told of the one task."""

    def __init__(self) -> None:
        self.total, self.done = 0.0, 0.0

    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = "") -> Iterator[Advance]:
        """Listen to the task; there is one."""
        assert not self.total
        self.total = total or 0.0

        def advance(amount: float) -> None:
            self.done += amount

        yield advance


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
    config = QualityBenchConfig(
        folds=folds,
        recipes=(KNN,),
        timed_recipes=(RECENT,),
        champion="knn",
        timed_champion="recent",
        folds_target=0.99,
        curves=False,
    )
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
    case = time_split(feedback())
    for name, made in (("ease", create("ease")), ("popular-recent", create("popular-recent", {"days": 30}))):
        made.fit(case.train, times=case.train_times)
        unbiased = by_what[f"made-up: ndcg_unbiased@10 over that of {CALLED[name]}"]
        assert in_time["models"][name]["unbiased"]["mean"] == round(evaluate(made, case).mean("ndcg_unbiased@10"), 4)
        assert unbiased["measured"] == row["unbiased"][f"times_{name}"]
        assert unbiased["difference"] == row["unbiased"][f"minus_{name}"]
        assert unbiased["met"] == (unbiased["measured"] >= unbiased["at_least"] and unbiased["difference"]["low"] > 0)


def test_each_like_and_each_member_has_its_figure_and_its_drawing(folds: Path, tmp_path: Path) -> None:
    """On the first fold and on each data set: figures after so many likes, and what a blend loses without a part."""
    config = QualityBenchConfig(
        folds=folds,
        recipes=(BLEND,),
        timed_recipes=(RECENT,),
        champion="mix",
        timed_champion=None,
        learning=(Recipe(name="popular", model="popular"), KNN),
        learning_curve=LearningCurveConfig(likes=(0, 2), least_held_out=2),
    )
    told = Told()
    found = bench_quality(config, {"made-up": feedback()}, tmp_path / "q.json", progress=told)
    assert told.done == told.total
    parts = found["folds"]["ablation"]
    case = given_folds(folds)[0]
    without = create("blend", {"members": MEMBERS[1:], "popularity": 0.2})
    without.fit(case.train)
    by_part = {row["part"]: row for row in parts["rows"]}
    assert set(by_part) == {"item-knn", "ease", "popularity"}
    assert by_part["item-knn"]["value"] == round(evaluate(without, case).mean("ndcg@10"), 4)
    assert by_part["item-knn"]["worth"]["estimate"] == pytest.approx(
        parts["value"] - by_part["item-knn"]["value"], abs=2e-4
    )
    for one in (found["folds"], found["in time"][0]):
        curve = one["learning curve"]
        assert curve["likes"] == [0, 2]
        first, second = (point["value"]["estimate"] for point in curve["models"]["knn"])
        assert first == curve["models"]["popular"][0]["value"]["estimate"] != second
        assert "ablation" not in one or one is found["folds"]
        assert (tmp_path / curve["drawing"]).read_text().startswith("<svg")
    assert (tmp_path / parts["drawing"]).read_text().startswith("<svg")


def test_recipes_are_chosen_by_name() -> None:
    """What is named is judged beside the baselines, the champion is held against targets where it is, and no other."""
    chosen = QualityBenchConfig().only(["slim", "blend-next"])
    assert [one.name for one in chosen.recipes] == ["slim"]
    assert [one.name for one in chosen.timed_recipes] == ["slim", "blend-next"]
    assert (chosen.champion, chosen.timed_champion, chosen.champions) == (None, "blend-next", {})
    with pytest.raises(BenchError, match="no recipe 'slom'"):
        QualityBenchConfig().only(["slom"])


def test_what_was_found_by_a_search_is_judged_where_it_was_found(tmp_path: Path) -> None:
    """Beside the others, and it is the champion there: of several the first, and where one was chosen that one."""
    tuned = {"made-up": [Recipe(name="found", model="ease", params={"regularisation": 7}), RECENT]}
    config = QualityBenchConfig(
        timed_recipes=(KNN,), timed_champion="knn", tuned=tuned, champions={"third": "ease"}, curves=False
    )
    found = bench_quality(config, dict.fromkeys(("made-up", "other", "third"), feedback()), tmp_path / "q.json")
    assert [list(one["models"])[2:] for one in found["in time"]] == [["knn", "found", "recent"], ["knn"], ["knn"]]
    assert [target["model"] for target in found["targets"]] == ["found"] * 4 + ["knn"] * 4 + ["ease"] * 4
    assert config.only(["found"]).tuned == {"made-up": tuned["made-up"][:1]}


def test_what_cannot_be_trained_is_left_out_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyTorch the others are judged, and the record says what is missing."""
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    timed = (RECENT, Recipe(name="sasrec", model="sasrec"))
    config = QualityBenchConfig(timed_recipes=timed, timed_champion="sasrec", curves=False)
    found = bench_quality(config, {"made-up": feedback()}, tmp_path / "q.json")
    assert found["in time"][0]["models"]["sasrec"]["left_out"] == "it is trained by torch"
    assert "mean" in found["in time"][0]["models"]["recent"]
    assert found["targets"] == []


def test_what_takes_too_long_is_left_out_by_its_seconds(folds: Path, tmp_path: Path) -> None:
    """A training that goes on for longer than one waits is ended, the progress line goes on to its end all the same."""
    told = Told()
    config = QualityBenchConfig(folds=folds, recipes=(KNN,), champion="knn", patience=1e-9, curves=False)
    found = bench_quality(config, {}, tmp_path / "q.json", progress=told)
    assert found["folds"]["models"]["knn"]["left_out"] == "its training was ended after 1e-09 seconds"
    assert found["targets"] == []
    assert told.done == told.total


def test_without_recipes_there_is_nothing_to_judge() -> None:
    """An empty list of recipes is refused."""
    with pytest.raises(BenchError):
        QualityBenchConfig(recipes=(), timed_recipes=())
