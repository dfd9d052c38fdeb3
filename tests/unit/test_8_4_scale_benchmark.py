"""The benchmark of growth measures what there is time and memory for, and says what it left out."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.sparse import csr_array

from movie_mlops.bench import BenchError, ScaleBenchConfig, bench_scale
from movie_mlops.bench.capacity import read_measurements
from movie_mlops.bench.scale import CURVES, JOBS, Form, bench, measuring
from movie_mlops.bench.scale.config import FILMS, LIKES, RATINGS
from movie_mlops.bench.scale.drawing import write_plot
from movie_mlops.bench.scale.growth import checks
from movie_mlops.bench.whole_process import Run
from movie_mlops.cli.main import main
from tests.fixtures.stage_8.growth import COEFFICIENTS

Cost = Callable[[str, float], float]
SIZES = (0.02, 0.04, 0.1)


class Clock:
    """Time that passes only where something says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Return it."""
        return self.now


def costs(job: str, size: float) -> dict[str, float]:
    """Return every cost of a job, each as large as its size."""
    return {curve.cost: 1.0 + size for curve in CURVES if curve.job == job}


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Nothing is run: each piece of work takes as long, and as much memory, as the test says."""
    clock = Clock()
    told: dict[str, Any] = {
        "clock": clock,
        "ran": [],
        "seconds": 1.0,
        "mib": 100,
        "code": 0,
        "slow": lambda _: 1.0,
        "least": 0.0,
    }

    def run(command: Sequence[str], *, env: Mapping[str, str]) -> Run:
        job, task = command[3], json.loads(command[5])
        told["ran"].append((job, task["amount"]))
        told["env"] = env
        clock.now += told["least"] + told["seconds"] * task["amount"] / _BASE[job]
        out = json.dumps({name: cost * told["slow"](told) for name, cost in costs(job, task["amount"]).items()})
        return Run(told["code"], 0.0, round(told["mib"] * task["amount"] / _BASE[job]), out, "it broke")

    monkeypatch.setattr(measuring, "time", clock)
    monkeypatch.setattr(measuring, "run_whole", run)
    # Drawing takes longer than all else here; one test does it.
    monkeypatch.setattr(bench, "write_plot", lambda path, _curves: path.write_text("drawn"))
    monkeypatch.setattr(measuring, "write_ratings", lambda _folder, _config: None)
    monkeypatch.setattr(measuring, "generated_likes", lambda users, films, _likes, _seed: csr_array((users, films)))
    monkeypatch.setattr(measuring, "serve", lambda _folder, films, _config: {"amount": films, **costs("serve", films)})
    return told


_BASE = {
    "ingest": RATINGS * 0.02,
    "features": RATINGS * 0.02,
    "events": 40.0,
    "train": LIKES * 0.02,
    "evaluate": LIKES * 0.02,
    "train-films": FILMS,
}


def test_every_job_is_measured_at_every_size_and_the_record_is_what_capacity_reads(
    tmp_path: Path, pretended: dict[str, Any]
) -> None:
    """Seven jobs, three sizes: laws, exponents, predictions, a drawing; and a plan can be made of it.

    All are done by one thread.
    """
    out = tmp_path / "scale.json"
    found = bench_scale(ScaleBenchConfig(sizes=SIZES, runs=1), out, command="movie-mlops bench scale")
    assert json.loads(out.read_text()) == found
    assert len(found["rows"]) == len(JOBS) * len(SIZES)
    assert [job for job, _ in pretended["ran"][:6]] == [
        "ingest",
        "features",
        "events",
        "train",
        "evaluate",
        "train-films",
    ]
    assert [amount for job, amount in pretended["ran"] if job == "ingest"] == [round(RATINGS * size) for size in SIZES]
    assert {pretended["env"][name] for name in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS")} == {"1"}
    assert (found["skipped"], found["warnings"]) == ([], [])
    assert {curve["name"] for curve in found["curves"]} == COEFFICIENTS.keys()
    straight = next(curve for curve in found["curves"] if curve["name"] == "ingest.bytes")
    assert straight["coefficients"] == pytest.approx([1, 1], rel=1e-3)
    assert straight["exponent"]["value"] == pytest.approx(1, abs=0.01)
    assert [check["within"] for check in straight["checks"]] == [True] * 3
    assert (tmp_path / found["plot"]).read_text() == "drawn"
    write_plot(tmp_path / found["plot"], found["curves"])
    assert (tmp_path / found["plot"]).read_text().startswith("<svg")
    assert read_measurements(out)["ingest.bytes"].largest == round(RATINGS * 0.1)


def test_what_would_take_too_long_is_left_out_and_named(tmp_path: Path, pretended: dict[str, Any]) -> None:
    """What the size before took says how long the next will; a job that works on a missing one is left out with it."""
    pretended["seconds"] = 60.0
    config = ScaleBenchConfig(jobs=("ingest", "features", "events"), sizes=(0.02, 0.04, 0.1), runs=1, minutes=8.0)
    found = bench_scale(config, tmp_path / "scale.json")
    # 3 and 3 times 2 minutes are more than 8: the third job at the second size has no time, and nothing after it.
    assert [(row["job"], row["size"]) for row in found["rows"]] == [
        ("ingest", 0.02),
        ("features", 0.02),
        ("events", 0.02),
        ("ingest", 0.04),
        ("features", 0.04),
    ]
    left_out = {(one["job"], one["size"]): one["reason"] for one in found["skipped"]}
    assert "would take about 2.0 minutes, and 1.0 are left" in left_out["events", 0.04]
    assert left_out["features", 0.1] == "it works on what ingest makes"
    assert left_out["events", 0.1] == "it works on what ingest makes"
    assert "events.bytes" not in {curve["name"] for curve in found["curves"]}


def test_what_is_least_certain_is_measured_again(tmp_path: Path, pretended: dict[str, Any]) -> None:
    """First every size once; then where a minute makes the most certain, until two agree; the record tells how near."""
    pretended["seconds"] = 60.0
    pretended["slow"] = lambda told: {2: 2.0, 5: 1.3}.get(len(told["ran"]), 1.0)
    config = ScaleBenchConfig(jobs=("train",), sizes=SIZES, minutes=60.0)
    found = bench_scale(config, tmp_path / "scale.json")
    # The second size takes two minutes and was slow at first, and less so then: it is certain when two agree.
    assert [row["size"] for row in found["rows"]] == [0.02, 0.04, 0.1, 0.02, 0.04, 0.04, 0.04, 0.1]
    law = next(curve for curve in found["curves"] if curve["name"] == "train.cpu_seconds")
    assert [(one["times"], one["apart"]) for one in law["counted"]] == [(2, 0), (4, 0), (2, 0)]
    assert [one["cost"] for one in law["counted"]] == [1.0 + round(LIKES * size) for size in SIZES]
    # 8 minutes are the first run of each: 5.5 more are enough for the two smaller ones, and no size is named for it.
    pretended["ran"].clear()
    found = bench_scale(ScaleBenchConfig(jobs=("train",), sizes=SIZES, minutes=16.5), tmp_path / "scale.json")
    assert [row["size"] for row in found["rows"]] == [0.02, 0.04, 0.1, 0.02, 0.04, 0.04, 0.04]
    assert found["skipped"] == []
    law = next(curve for curve in found["curves"] if curve["name"] == "train.cpu_seconds")
    assert (law["counted"][2]["times"], law["counted"][2]["apart"]) == (1, None)
    # Nothing is measured for ever.
    pretended["ran"].clear()
    pretended["slow"] = lambda told: 2.0 ** -len(told["ran"])
    found = bench_scale(ScaleBenchConfig(jobs=("train",), sizes=SIZES, runs=3, minutes=90.0), tmp_path / "scale.json")
    assert [sum(row["size"] == size for row in found["rows"]) for size in SIZES] == [3, 3, 3]


def test_what_a_job_works_on_is_made_again_with_it_and_not_the_other_way(
    tmp_path: Path, pretended: dict[str, Any]
) -> None:
    """Ingest is cheap to repeat alone; features come with a lake of their own. What may not run again is not asked."""
    config = ScaleBenchConfig(jobs=("ingest", "features"), sizes=(0.02, 0.04))
    found = bench_scale(config, tmp_path / "scale.json")
    assert [job for job, _ in pretended["ran"]] == ["ingest", "features"] * 2 + ["ingest"] * 2 + [
        "ingest",
        "features",
    ] * 2
    # What is left is enough for a lake, and not for features with one: then neither is made again.
    pretended["ran"].clear()
    pretended["seconds"] = 60.0
    bench_scale(replace(config, minutes=8.5), tmp_path / "scale.json")
    assert [job for job, _ in pretended["ran"]] == ["ingest", "features"] * 2 + ["ingest"]
    # It needed more than was expected of it: a first run is what there is.
    pretended["ran"].clear()
    pretended["mib"] = 0
    monstrous = Run(0, 0.0, 4096, json.dumps(costs("train", 1)), "")
    assert found["skipped"] == []
    config = ScaleBenchConfig(jobs=("train",), sizes=(0.02, 0.04), memory_gib=1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "run_whole", lambda _command, env: monstrous)
        found = bench_scale(config, tmp_path / "scale.json")
    assert [(row["job"], row["size"]) for row in found["rows"]] == [("train", 0.02)]
    assert [one["size"] for one in found["skipped"]] == [0.04]


def test_of_times_the_least_counts_and_of_all_else_the_median(tmp_path: Path, pretended: dict[str, Any]) -> None:
    """A bad minute, in which a job takes twice as much, changes neither a law of time nor a prediction."""
    config = ScaleBenchConfig(jobs=("ingest",), sizes=(*SIZES, 0.2))
    pretended["slow"] = lambda told: 2.0 if len(told["ran"]) == 2 else 1.0
    found = bench_scale(config, tmp_path / "scale.json")
    laws = {curve["name"]: curve for curve in found["curves"]}
    for name in ("ingest.cpu_seconds", "ingest.bytes"):
        assert [check["error"] for check in laws[name]["checks"]] == pytest.approx([0] * 4, abs=1e-4)
    # Two of four runs of one size: the median is bad, the least is not.
    pretended["ran"].clear()
    pretended["slow"] = lambda told: {2: 2.0, 6: 3.0}.get(len(told["ran"]), 1.0)
    found = bench_scale(config, tmp_path / "scale.json")
    laws = {curve["name"]: curve for curve in found["curves"]}
    assert [check["within"] for check in laws["ingest.cpu_seconds"]["checks"]] == [True] * 4
    assert [check["within"] for check in laws["ingest.bytes"]["checks"]] != [True] * 4


def test_what_a_start_costs_is_measured_far_below_the_sizes(tmp_path: Path, pretended: dict[str, Any]) -> None:
    """It bears on laws of time alone, is none of the sizes, and is not predicted."""
    pretended["mib"], pretended["slow"] = 1, lambda told: 1.3 if len(told["ran"]) == 3 else 1.0
    # So long a start is no reason to leave a size out: fifty times that would be more minutes than there are.
    pretended["seconds"], pretended["least"] = 0.0, 60.0
    found = bench_scale(ScaleBenchConfig(jobs=("train",), sizes=(1.0, 3.0, 10.0), runs=1), tmp_path / "scale.json")
    assert pretended["ran"][0] == ("train", round(LIKES * 0.02))
    laws = {curve["name"]: curve for curve in found["curves"]}
    assert found["setup"]["start"] == 0.02
    assert laws["train.cpu_seconds"]["start"] == {
        "size": round(LIKES * 0.02),
        "cost": 1.0 + round(LIKES * 0.02),
        "times": 1,
        "apart": None,
    }
    assert laws["train.peak_memory_bytes"]["start"] is None
    points = [(point["size"], point["cost"]) for point in laws["train.cpu_seconds"]["points"]]
    first = laws["train.cpu_seconds"]["start"]
    known = checks(Form.LINEAR, *zip(*points, strict=True), start=(first["size"], first["cost"]))
    assert [check["predicted"] for check in laws["train.cpu_seconds"]["checks"]] == [each.predicted for each in known]
    for curve in laws.values():
        assert len(curve["checks"]) == len(curve["points"]) == 3
        assert min(point["size"] for point in curve["points"]) == LIKES
    # Of memory only what is bounded begins there.
    config = ScaleBenchConfig(jobs=("ingest", "features"), sizes=(1.0, 3.0, 10.0), runs=1)
    found = bench_scale(config, tmp_path / "scale.json")
    memory = {curve["name"]: curve["start"] for curve in found["curves"] if "peak_memory" in curve["name"]}
    assert memory["ingest.peak_memory_bytes"] is None
    assert memory["features.peak_memory_bytes"]["size"] == round(RATINGS * 0.02)


def test_what_would_need_too_much_memory_is_left_out_and_named(tmp_path: Path, pretended: dict[str, Any]) -> None:
    """A size that may need more than it may have is not begun: nobody's machine is brought down by a benchmark."""
    pretended["mib"] = 600
    config = ScaleBenchConfig(jobs=("train",), sizes=SIZES, runs=2, memory_gib=1.5)
    found = bench_scale(config, tmp_path / "scale.json")
    assert {row["size"] for row in found["rows"]} == {0.02, 0.04}
    [left_out] = found["skipped"]
    assert left_out["reason"].startswith("it may need 2.9 GiB of memory, and may have 1.5")


def test_a_job_that_fails_ends_the_benchmark(tmp_path: Path, pretended: dict[str, Any]) -> None:
    """A figure of something that failed would be worth nothing: the job, the size and its last words are told."""
    pretended["code"] = 1
    with pytest.raises(BenchError, match=r"ingest at 0\.02 times .* failed: it broke"):
        bench_scale(ScaleBenchConfig(sizes=SIZES), tmp_path / "scale.json")
    assert not (tmp_path / "scale.json").exists()


def test_growth_that_need_not_be_is_warned_of(
    tmp_path: Path, pretended: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cost that grows as the square where the size itself is possible is named, and the target is missed."""
    assert pretended["code"] == 0
    monkeypatch.setattr(measuring, "serve", lambda _folder, films, _config: {
        "amount": films, **costs("serve", films), "cpu_seconds": films**2.0
    })  # fmt: skip
    found = bench_scale(ScaleBenchConfig(jobs=("serve",), sizes=SIZES), tmp_path / "scale.json")
    [warning] = found["warnings"]
    assert warning.startswith("The processor time of one answer grows as the 2.0")
    missed = [target["what"] for target in found["targets"] if not target["met"]]
    assert "costs that grow faster than they need" in missed


@pytest.mark.parametrize(
    "given",
    [
        {"sizes": (1.0,)},
        {"sizes": (0.0, 1.0)},
        {"sizes": (0.01, 1.0)},
        {"jobs": ()},
        {"jobs": ("features",)},
        {"jobs": ("ingest", "events")},
        {"minutes": 0.0},
        {"runs": 0},
    ],
)
def test_a_benchmark_of_nothing_is_refused(given: dict[str, Any]) -> None:
    """One size, no job, a job without what it works on, no time: refused with what to give."""
    with pytest.raises(BenchError) as refused:
        ScaleBenchConfig(**given)
    assert refused.value.next_step


def test_a_job_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt job is named beside those that there are; nothing is measured."""
    assert main(["bench", "scale", "--job", "sevre", "--home", str(tmp_path)]) == 1
    assert "'sevre'" in capsys.readouterr().err
