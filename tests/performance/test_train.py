"""The benchmark of training, on a few likes: what it times learns as well as its rivals; what is left out is told."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from movie_mlops.bench import BenchError, TrainBenchConfig, bench_train
from movie_mlops.bench import train_contenders as contenders
from movie_mlops.bench.generated_likes import generated_likes
from movie_mlops.bench.train import targets_of


@pytest.mark.long
def test_the_benchmark_of_training_judges_what_it_times(tmp_path: Path) -> None:
    """Every contender has its figures; iALS finds hidden likes; the file says what was measured on what."""
    config = TrainBenchConfig(
        users=600, films=150, likes=12_000, judged_users=50, factors=8, regularisation=5, iterations=4, runs=1
    )
    result = bench_train(config, tmp_path / "train.json", command="movie-mlops bench train")
    assert json.loads((tmp_path / "train.json").read_text()) == result
    rows = result["made up"]
    assert list(rows) == ["ease", "lapack", "ials", "implicit"]
    assert result["setup"]["likes"] == 12_000
    assert rows["ials"]["ndcg@10"] > 0.05
    assert all("skipped" in row or (row["seconds"] > 0 and row["peak_memory_mib"] > 0) for row in rows.values())
    assert ("skipped" in rows["implicit"]) == (find_spec("implicit") is None)
    assert len(result["targets"]) == (2 if "skipped" in rows["implicit"] else 5)
    if "skipped" not in rows["implicit"]:
        assert rows["ials"]["loss_per_user"] == pytest.approx(rows["implicit"]["loss_per_user"], rel=0.02)
    assert result["on the fold"] == {}


def test_a_figure_of_nothing_is_held_against_nothing() -> None:
    """Where a rival found nothing at all, the sentence says what to do, and no ratio is made up."""
    found = {"seconds": 1.0, "peak_memory_mib": 10, "loss_per_user": 2.0, "ndcg@10": 0.1}
    rows = {**dict.fromkeys(("ease", "lapack", "ials"), found), "implicit": {**found, "ndcg@10": 0.0}}
    with pytest.raises(BenchError, match="ndcg@10 is 0"):
        targets_of(rows, TrainBenchConfig())


def test_without_the_rival_it_is_left_out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where implicit is not installed, its process says so instead of failing."""
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.setattr(contenders, "find_spec", lambda _: None)
    contenders.main("implicit", "{}", Path("nowhere"))
    assert "extra bench" in json.loads(capsys.readouterr().out)["skipped"]


def test_made_up_likes_are_as_many_as_asked_for_and_skewed() -> None:
    """The likes are exactly so many, each once, the same for a seed; the busiest tenth of users has a quarter."""
    likes = generated_likes(1_000, 300, 30_000, seed=3)
    assert (likes.nnz, likes.shape) == (30_000, (1_000, 300))
    assert likes.data.max() == 1
    assert np.array_equal(likes.indices, generated_likes(1_000, 300, 30_000, seed=3).indices)
    assert not np.array_equal(likes.indices, generated_likes(1_000, 300, 30_000, seed=4).indices)
    counts = np.sort(np.diff(likes.indptr))[::-1]
    assert counts[:100].sum() > 0.25 * likes.nnz
    films = np.sort(np.bincount(likes.indices, minlength=300))[::-1]
    assert films[:30].sum() > 0.2 * likes.nnz


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    """More likes than the pairs of users and films allow, and no run at all, are refused with what to give."""
    with pytest.raises(BenchError, match="too many"):
        generated_likes(10, 10, 99, seed=0)
    with pytest.raises(BenchError, match="runs is 0"):
        TrainBenchConfig(runs=0)
    with pytest.raises(BenchError, match="judge fewer users"):
        bench_train(TrainBenchConfig(users=100, films=100, likes=400, judged_users=90), tmp_path / "train.json")
