"""The search for settings: what it sees, that it repeats, how it ends, and where what it found is kept."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.progress import SILENT, Advance
from movie_mlops.evaluation import (
    EvaluationCase,
    EvaluationConfig,
    FoldsInvalidError,
    SplitImpossibleError,
    evaluate,
    known_before,
    known_of_fold,
    user_folds,
)
from movie_mlops.flows import BusyError, FlowError, PlatformConfig
from movie_mlops.flows import trial as trials_module
from movie_mlops.flows import tune as tune_module
from movie_mlops.flows.errors import NothingFoundError, StudyChangedError
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.flows.trial import FIRST_BLOCK, Deadline, Panel
from movie_mlops.flows.tune import Plan, Tuning, Wanted, tune
from movie_mlops.flows.tuned import write_tuned
from movie_mlops.flows.validation import TuningProtocol, case_sha256, cases_sha256, validation_cases
from movie_mlops.recommenders import create
from movie_mlops.recommenders.inputs import Training
from movie_mlops.recommenders.linear import EdlaeRecommender
from movie_mlops.recommenders.stored import Arrays
from movie_mlops.settings import read_platform_config, read_tuned
from tests.fixtures.stage_5.small_folds import small_feedback, write_folds

CONFIG = PlatformConfig()
PLAN = Plan(
    data="small",
    metric="ndcg@20",
    seed=0,
    minutes=5,
    trials=12,
    study=None,
    memory_limit=1 << 30,
    command="movie-mlops tune",
)
Pairs = set[tuple[str, int]]


def small_case() -> EvaluationCase:
    return validation_cases(small_feedback(), CONFIG, protocol="user-folds", seed=0)[0]


def search(
    home: Path,
    model: str = "item-knn",
    case: EvaluationCase | None = None,
    fixed: dict[str, Any] | None = None,
    *,
    searched: bool = False,
    **plan: Any,
) -> Tuning:
    return tune(
        [Wanted(model, model, fixed or {}, frozenset() if searched else frozenset(fixed or {}))],
        [case or small_case()],
        CONFIG,
        replace(PLAN, **plan),
        studies=home / "experiments" / "tuning",
        reports=home / "reports" / "small",
        progress=SILENT,
    )[0]


def trials(tuning: Tuning) -> list[tuple[str, dict[str, Any], float | None]]:
    """Return how each setting that ended by itself went."""
    return [
        (one["state"], one["params"], one["value"])
        for one in tuning.document["trials"]
        if one["state"] != "interrupted"
    ]


def pairs_of(case: EvaluationCase, *names: str) -> Pairs:
    """Return the pairs of judged user and film in some of the case's matrices."""
    found: Pairs = set()
    for name in names:
        places = getattr(case, name).tocoo()
        found |= {(case.user_ids[row], int(case.movie_ids[column])) for row, column in zip(*places.coords, strict=True)}
    return found


def pairs(frame: pl.DataFrame) -> Pairs:
    return set(frame.select("user_id", "movie_id").iter_rows())


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch, twelve: tuple[Path, Tuning]) -> None:
    """One page is drawn and looked at; the other searches do without."""
    monkeypatch.setattr(tune_module, "write_tuning_report", lambda path, _found: path.touch())


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tuning]:
    """A search of twelve settings that ran through."""
    home = tmp_path_factory.mktemp("twelve")
    return home, search(home)


def by_time(feedback: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the training part of the time split, its window, and another window with the same times."""
    moment = feedback["event_time"].sort()[-round(feedback.height * CONFIG.time_split.test_share)]
    known, window = feedback.filter(pl.col("event_time") < moment), feedback.filter(pl.col("event_time") >= moment)
    other = window.with_columns(
        pl.lit("somebody new").alias("user_id"), (1000 + pl.int_range(pl.len())).alias("movie_id")
    )
    return known, window, other


@pytest.mark.parametrize("protocol", ["time", "folds", "user-folds"])
def test_the_test_part_is_never_read(tmp_path: Path, protocol: TuningProtocol) -> None:
    """Whatever is put in the place of what is held out, the search sees the same, and only the training part."""
    feedback = small_feedback()
    if protocol == "time":
        known, held_out, other = by_time(feedback)
        cases = [
            validation_cases(pl.concat([known, part]), CONFIG, protocol=protocol, seed=0)[0]
            for part in (held_out, other)
        ]
    elif protocol == "folds":
        known, held_out = feedback[::2], feedback[1::2]
        other = held_out.with_columns(pl.col("movie_id") + 1000)
        folders = [write_folds(tmp_path / name, known, part) for name, part in (("a", held_out), ("b", other))]
        cases = [validation_cases(None, CONFIG, protocol=protocol, folds=folder, seed=0)[0] for folder in folders]
    else:
        known = known_of_fold(feedback, 0, CONFIG.user_folds)
        held_out = feedback.join(known, on=["user_id", "movie_id"], how="anti")
        judged = user_folds(feedback, CONFIG.user_folds)[0]
        assert pairs(held_out) == pairs_of(judged, "held_out")
        other = held_out.with_columns(pl.lit(0.0, dtype=pl.Float32).alias("weight"))
        cases = [
            validation_cases(pl.concat([known, part]), CONFIG, protocol=protocol, seed=0)[0]
            for part in (held_out, other)
        ]
    first, second = cases
    assert pairs_of(first, "histories", "seen", "held_out") <= pairs(known)
    assert set(first.movie_ids.tolist()) <= set(known["movie_id"].to_list())
    for name in ("train", "histories", "seen", "held_out"):
        one, two = getattr(first, name), getattr(second, name)
        np.testing.assert_array_equal(one.toarray(), two.toarray())
    assert case_sha256(first) == case_sha256(second)
    if protocol == "folds":
        found = [search(tmp_path / str(number), case=case, trials=3) for number, case in enumerate(cases)]
        assert trials(found[0]) == trials(found[1])


def test_a_fold_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A number behind the last fold is an error, for given folds and for those that are dealt."""
    feedback = small_feedback()
    folder = write_folds(tmp_path / "folds", feedback[::2], feedback[1::2])
    with pytest.raises(FoldsInvalidError, match="has no fold 1"):
        validation_cases(None, CONFIG, protocol="folds", folds=folder, fold=1, seed=0)
    with pytest.raises(SplitImpossibleError, match="There is no fold 5"):
        validation_cases(feedback, CONFIG, protocol="user-folds", fold=5, seed=0)


def test_the_same_seed_tries_the_same_settings_also_where_it_was_stopped(
    tmp_path: Path, twelve: tuple[Path, Tuning]
) -> None:
    """Five settings, and the rest by a second run, are the twelve of a search that ran through; no more are tried."""
    assert len(trials(search(tmp_path, trials=5))) == 5
    again = search(tmp_path)
    assert trials(again) == trials(twelve[1])
    assert len({json.dumps(params) for _, params, _ in trials(again)}) == 12
    assert again.settings.params == twelve[1].settings.params
    assert len(search(tmp_path).document["trials"]) == 12


def test_another_seed_tries_other_settings(tmp_path: Path, twelve: tuple[Path, Tuning]) -> None:
    """Behind the default, which comes first whatever the seed, nothing is the same; the study is another one too."""
    other = search(tmp_path, seed=1, trials=3)
    tried = [[params for _, params, _ in trials(one)[:3]] for one in (other, twelve[1])]
    assert tried[0][0] == tried[1][0]
    assert tried[0][1:] != tried[1][1:]
    assert other.settings.found.study != twelve[1].settings.found.study


def test_the_default_is_tried_first_and_the_best_is_held_against_it(twelve: tuple[Path, Tuning]) -> None:
    """The recommender's own parameters come first; the best is at least as good, and the difference has an interval."""
    document = twelve[1].document
    assert trials(twelve[1])[0][1] == {"neighbours": 100, "shrinkage": 20.0}
    values = [value for state, _, value in trials(twelve[1]) if state == "complete"]
    assert document["best"]["estimate"] == pytest.approx(max(value or 0 for value in values), abs=1e-6)
    gap = document["difference"]
    assert gap["low"] <= gap["estimate"] <= gap["high"]
    assert gap["estimate"] == pytest.approx(document["best"]["estimate"] - document["before"]["estimate"], abs=2e-6)


def test_only_the_users_scores_of_best_and_default_are_kept(twelve: tuple[Path, Tuning]) -> None:
    """What each user got is on disk for two settings, whatever was tried."""
    kept = {int(file.stem) for file in (twelve[0] / "experiments" / "tuning").rglob("*.parquet")}
    assert kept == {0, twelve[1].document["best"]["number"]}


def test_a_bad_setting_is_given_up_before_everybody_is_asked(tmp_path: Path) -> None:
    """Settings that are worse for certain end early, some in the middle of their training, without a value."""
    found = search(tmp_path, "ials", fixed={"factors": 8, "regularisation": 1, "iterations": 9}, trials=5)
    steps = {state: [one["steps"] for one in found.document["trials"] if one["state"] == state] for state in STATES}
    assert steps["pruned"]
    whole = len(steps["complete"][0])
    assert all(len(taken) == whole for taken in steps["complete"])
    assert all(len(taken) < whole for taken in steps["pruned"])
    assert min(map(int, steps["complete"][0])) < FIRST_BLOCK <= max(map(int, steps["complete"][0]))
    assert found.document["counts"] == {state: len(taken) for state, taken in steps.items()}


STATES = ("complete", "pruned", "failed")


class Clock:
    """A clock that goes on only while somebody is judged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        real: Callable[..., Any] = trials_module.evaluate

        def evaluate(*given: Any, **named: Any) -> Any:
            self.now += 1.0
            return real(*given, **named)

        monkeypatch.setattr(trials_module, "evaluate", evaluate)
        monkeypatch.setattr(trials_module, "time", SimpleNamespace(monotonic=lambda: self.now))


def test_the_time_is_kept_within_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time is over the setting at hand is cut off; the next run tries it anew, nothing lost or doubled."""
    clock = Clock(monkeypatch)
    first = search(tmp_path / "cut", trials=None, minutes=37 / 60)
    assert clock.now == 37.0
    assert [one["state"] for one in first.document["trials"]].count("interrupted") == 1
    done = len(trials(first))
    second = search(tmp_path / "cut", trials=done + 2)
    assert trials(second) == trials(search(tmp_path / "through", trials=done + 2))


def test_several_recommenders_share_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets an equal part of what is left, and the whole is kept."""
    clock = Clock(monkeypatch)
    wanted = [Wanted("ease", "ease", {}), Wanted("item-knn", "item-knn", {})]
    found = tune(
        wanted,
        [small_case()],
        CONFIG,
        replace(PLAN, trials=None, minutes=0.5),
        studies=tmp_path / "studies",
        reports=tmp_path / "reports",
        progress=SILENT,
    )
    assert [one.settings.model for one in found] == ["ease", "item-knn"]
    assert clock.now == 30.0
    for one in found:
        asked = sum(len(trial["steps"]) for trial in one.document["trials"])
        assert 13 <= asked <= 17


def test_too_little_time_for_one_setting_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even one setting was judged, there is an error with the way on, and no report."""
    Clock(monkeypatch)
    with pytest.raises(NothingFoundError, match=r"the time was over first\. Give more time with --minutes"):
        search(tmp_path, minutes=3 / 60)
    assert not (tmp_path / "reports").exists()


def test_a_setting_that_needs_too_much_memory_fails_with_the_reason(tmp_path: Path) -> None:
    """It is refused before anything is allocated, the figures are on record, and the others are judged."""
    fixed = {"regularisation": 1, "alpha": 3, "iterations": 3}
    found = search(tmp_path, "ials", fixed=fixed, trials=8, memory_limit=550_000)
    by_state = {state: [one for one in found.document["trials"] if one["state"] == state] for state in STATES}
    assert by_state["failed"]
    assert by_state["complete"]
    assert all("MiB are allowed" in one["reason"] for one in by_state["failed"])
    assert min(one["memory_bytes"] for one in by_state["failed"]) > 550_000
    assert max(one["memory_bytes"] for one in by_state["complete"]) <= 550_000


def test_where_every_setting_breaks_down_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the arithmetic is a failed setting; where there is nothing else, the last reason is the error's."""

    def broken(*_given: Any, **_named: Any) -> None:
        raise FloatingPointError("the numbers broke down")

    monkeypatch.setattr(trials_module, "evaluate", broken)
    with pytest.raises(NothingFoundError, match="judged to the end: the numbers broke down"):
        search(tmp_path, trials=2)


def test_a_blend_is_tuned_by_what_its_members_count(tmp_path: Path) -> None:
    """The weights are searched from those that there are, also from outside the usual bounds; the members stay."""
    members = [{"model": "item-knn", "weight": 5.0, "params": {"neighbours": 9}}, {"model": "ease", "weight": 0.5}]
    found = tune(
        [Wanted("mix", "blend", {"members": members})],
        [small_case()],
        CONFIG,
        replace(PLAN, trials=2),
        studies=tmp_path / "studies",
        reports=tmp_path / "reports",
        progress=SILENT,
    )[0]
    first, second = (params for _, params, _ in trials(found))
    assert first == {"members.0.weight": 5.0, "members.1.weight": 0.5, "popularity": 0.0}
    assert second["members.0.weight"] != 5.0
    best = found.document["trials"][found.document["best"]["number"]]["params"]
    kept_members = found.settings.params["members"]
    assert [one["weight"] for one in kept_members] == [best["members.0.weight"], best["members.1.weight"]]
    assert kept_members[0]["params"] == {"neighbours": 9}
    assert set(found.settings.params) == {"members", "popularity"}
    assert found.report.name == "tuning-mix.html"


def test_the_members_of_a_blend_are_trained_once_for_all_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One training for each way in which a member is bent, and each setting is worth what it is worth by itself."""
    params = {"regularisation": 5, "bend": 0.5}
    members = [{"model": "edlae", "params": params}, {"model": "item-knn", "weight": 0.5}]
    trained: list[float] = []
    fit = EdlaeRecommender._fit

    def counted(self: EdlaeRecommender, training: Training, advance: Advance) -> Arrays:
        trained.append(self.params.bend)
        return fit(self, training, advance)

    monkeypatch.setattr(EdlaeRecommender, "_fit", counted)
    found = search(tmp_path, "blend", fixed={"members": members}, trials=12, searched=True)
    bends = {params["members.0.params.bend"] for _, params, _ in trials(found)}
    assert len(bends) > 1
    assert sorted(trained) == sorted(bends)
    case = small_case()
    blend = create("blend", found.settings.params)
    blend.fit(case.train, times=case.train_times)
    alone = evaluate(blend, case, EvaluationConfig(cutoffs=(20,)))
    assert found.document["best"]["estimate"] == pytest.approx(alone.mean("ndcg@20"), abs=1e-6)


def test_several_windows_are_judged_together() -> None:
    """Each window ends where the one before it begins; nothing that comes later is learned from or shown."""
    feedback = small_feedback()
    one, two, three = validation_cases(feedback, CONFIG, protocol="time", windows=3, seed=0)
    starts = [case.facts["T"] for case in (one, two, three)]
    assert starts == sorted(starts, reverse=True)
    assert pairs_of(two, "held_out", "histories") <= pairs(known_before(known_before(feedback)))
    assert one.train.nnz > two.train.nnz > three.train.nnz
    panel = Panel([one, two, three], "ndcg@10", EvaluationConfig(), 0)
    deadline = Deadline.within(60)
    steps: list[int] = []
    scores = panel.judge(
        "item-knn", {}, report=lambda step, _value: steps.append(step), deadline=deadline, memory_limit=None
    )
    assert steps == list(range(FIRST_BLOCK, panel.last_step + 1))
    assert set(scores.user_ids) == {*one.user_ids, *two.user_ids, *three.user_ids}
    assert cases_sha256([one, two]) != cases_sha256([one])
    with pytest.raises(FlowError, match="Only a split by time"):
        validation_cases(feedback, CONFIG, protocol="user-folds", windows=2, seed=0)


def test_a_study_is_about_one_thing(tmp_path: Path) -> None:
    """A study of the same name on another seed and other data is refused with what changed."""
    search(tmp_path, study="mine", trials=1)
    [other] = validation_cases(small_feedback(), CONFIG, protocol="user-folds", seed=1)
    with pytest.raises(StudyChangedError, match="begun with something else: data, seed changed"):
        search(tmp_path, study="mine", trials=1, seed=1, case=other)


def test_two_processes_are_not_at_one_study(tmp_path: Path) -> None:
    """While another process holds the study, the search is refused."""
    with (
        one_at_a_time(tmp_path / "experiments" / "tuning" / "mine-item-knn.lock"),
        pytest.raises(BusyError, match="already running the study mine-item-knn"),
    ):
        search(tmp_path, study="mine")


@pytest.mark.parametrize(
    ("model", "fixed", "metric", "told"),
    [
        ("popular", {}, "ndcg@10", "popular has no parameter to be tuned"),
        (
            "ease",
            dict.fromkeys(("regularisation", "history_power", "target_power", "popularity_power"), 0.5),
            "ndcg@10",
            "that is not given",
        ),
        ("ease", {}, "ndgc@10", "There is no metric 'ndgc@10'. Use one of ndcg@K"),
        ("popular-recent", {}, "ndcg@10", "needs times"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_anything_is_tried(
    tmp_path: Path, model: str, fixed: dict[str, Any], metric: str, told: str
) -> None:
    """Nothing to search, no such metric or no times: one sentence, and no study."""
    case = replace(small_case(), train_times=None, history_times=None)
    with pytest.raises(FlowError, match=told):
        search(tmp_path, model, case, fixed, metric=metric)
    assert not (tmp_path / "experiments").exists()


def test_every_setting_is_in_the_reports(twelve: tuple[Path, Tuning]) -> None:
    """The JSON file holds every setting that was tried; the page shows them, and needs nothing beside it."""
    home, tuning = twelve
    document = json.loads((home / "reports" / "small" / "tuning-item-knn.json").read_text())
    assert [one["params"] for one in document["trials"]] == [params for _, params, _ in trials(tuning)]
    assert document["params"] == tuning.settings.params
    page = tuning.report.read_text()
    assert page.count("<svg") == 1 + len(document["space"]) + bool(document["importance"])
    assert f"{document['best']['estimate']:.4f}" in page
    assert page.count("<tr>") == 1 + len(document["trials"])
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org/", "")


def kept(tmp_path: Path, tuning: Tuning, recipes: str) -> Path:
    write_tuned(tmp_path / "tuned.yaml", {"item-knn": tuning.settings, "other": tuning.settings})
    popular = "{name: popular, model: popular}, {name: popular-recent, model: popular-recent}"
    (tmp_path / "platform.yaml").write_text(f"recipes: [{popular}, {recipes}]")
    return tmp_path / "platform.yaml"


def test_a_recipe_takes_what_was_found(tmp_path: Path, twelve: tuple[Path, Tuning]) -> None:
    """``params: tuned`` is the setting of the recipe's name, ``{tuned: NAME}`` that of the name; the rest goes over."""
    recipes = (
        "{name: item-knn, model: item-knn, params: tuned}",
        "{name: b, model: item-knn, params: {tuned: other, neighbours: 7}}",
    )
    config = read_platform_config(kept(tmp_path, twelve[1], ", ".join(recipes)))
    by_name = {recipe.name: recipe.params for recipe in config.recipes}
    assert by_name["item-knn"] == twelve[1].settings.params
    assert by_name["b"] == {**twelve[1].settings.params, "neighbours": 7}
    assert read_tuned(tmp_path / "tuned.yaml")["other"] == twelve[1].settings


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (
            "{name: a, model: ease, params: tuned}",
            "the recipe 'a': config/tuned.yaml has no settings 'a' (there are item-knn, other)",
        ),
        ("{name: a, model: ease, params: {tuned: other}}", "those of item-knn, not of ease"),
        ("{name: a, model: ease, params: tuend}", "params"),
    ],
)
def test_a_recipe_that_takes_what_is_not_there_is_refused(
    tmp_path: Path, twelve: tuple[Path, Tuning], recipe: str, told: str
) -> None:
    """Settings that are absent, or another model's, are named with the command that finds some."""
    with pytest.raises(ConfigurationError) as refused:
        read_platform_config(kept(tmp_path, twelve[1], recipe))
    assert told in str(refused.value)


def test_a_recipe_without_the_file_is_refused(tmp_path: Path) -> None:
    """Where nothing was ever tuned, a recipe that wants it is refused with the command; that itself can start."""
    recipes = "{name: popular, model: popular}, {name: best, model: ease, params: {tuned: best, threads: 2}}"
    (tmp_path / "platform.yaml").write_text(f"baselines: [popular], recipes: [{recipes}]".replace("], ", "]\n"))
    with pytest.raises(ConfigurationError, match=r"there are none\); find some: movie-mlops tune best"):
        read_platform_config(tmp_path / "platform.yaml")
    config = read_platform_config(tmp_path / "platform.yaml", tuned_needed=False)
    assert config.recipes[1].params == {"threads": 2}


def test_a_broken_file_of_settings_is_refused(tmp_path: Path, twelve: tuple[Path, Tuning]) -> None:
    """A parameter that the model does not have is named with the file."""
    write_tuned(tmp_path / "tuned.yaml", {"item-knn": twelve[1].settings})
    text = (tmp_path / "tuned.yaml").read_text().replace("neighbours", "neighbors")
    (tmp_path / "tuned.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"tuned.yaml cannot be used: item-knn: .*no parameter 'neighbors'"):
        read_tuned(tmp_path / "tuned.yaml")
