"""The benchmark of evaluation says what was measured, and refuses figures that are not equal."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import BenchError, EvaluateBenchConfig, bench_evaluate

SMALL = {"users": 40, "films": 900, "known": 20, "held_out": 6, "cutoffs": (3, 10), "repeats": 1}


def test_the_file_says_who_was_measured_and_who_was_skipped(tmp_path: Path) -> None:
    """Without a Python that has the rivals, ours is measured and they are skipped with the reason."""
    out = tmp_path / "evaluate.json"
    result = bench_evaluate(EvaluateBenchConfig(**SMALL), out, command="here")
    assert json.loads(out.read_text(encoding="utf-8")) == result
    [ours] = result["runs"]
    assert ours["name"] == "movie-mlops"
    assert ours["median_seconds"] > 0
    assert [skipped["name"] for skipped in result["skipped"]] == ["rectools", "ranx"]
    assert all("There is no Python with RecTools and ranx." in skipped["reason"] for skipped in result["skipped"])
    assert result["targets"] == []


def rival(folder: Path, answer: str) -> Path:
    """Return a Python of which one knows what it will say: its lists are ours, made anew."""
    python = folder / "python"
    script = f"""#!/usr/bin/env bash
cd "$3"
{__import__("sys").executable} - <<'END'
import numpy as np, scipy.sparse as sp
scores, seen = np.load("scores.npy"), sp.load_npz("seen.npz").toarray() > 0
np.save("rival-lists.npy", np.argsort(-np.where(seen, -np.inf, scores), axis=1)[:, :10])
END
{answer}
"""
    python.write_text(script, encoding="utf-8")
    python.chmod(0o755)
    return python


def test_figures_that_are_not_ours_end_the_benchmark(tmp_path: Path) -> None:
    """A rival with another figure is no contender: the benchmark ends with both figures and writes nothing."""
    figures = {
        f"{name}@{k}": 0.123 for k in (3, 10) for name in ("ndcg", "recall", "map", "precision", "hit_rate", "mrr")
    }
    said = json.dumps({"version": "1", "ranking_seconds": [1.0], "judging_seconds": [1.0], "figures": figures})
    python = rival(tmp_path, f"echo '{said}'")
    with pytest.raises(BenchError, match=r"rectools says 0\.123 for"):
        bench_evaluate(EvaluateBenchConfig(**SMALL, rivals_python=python), tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


def test_a_rival_that_fails_is_skipped_with_its_own_words(tmp_path: Path) -> None:
    """What the other Python says last is the reason."""
    python = rival(tmp_path, "echo No module named ranx >&2; exit 1")
    result = bench_evaluate(EvaluateBenchConfig(**SMALL, rivals_python=python), tmp_path / "out.json")
    assert all("it said last: No module named ranx" in skipped["reason"] for skipped in result["skipped"])


@pytest.mark.parametrize("wrong", [{"users": 0}, {"cutoffs": ()}, {"cutoffs": (0,)}, {"cutoffs": (890,)}])
def test_a_size_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    """No users, no lists and lists longer than what is left of the films are refused."""
    with pytest.raises(BenchError, match="Give"):
        EvaluateBenchConfig(**{**SMALL, **wrong})
