"""A plan of capacity is worked out from what was measured, and says of every line what it stands on."""

import json
from pathlib import Path
from typing import Any

import pytest

from movie_mlops.bench import BenchError
from movie_mlops.bench.capacity import CapacityConfig, Demand, Line, Machine, described, plan, read_measurements
from movie_mlops.cli.main import main
from movie_mlops.settings import read_capacity
from tests.conftest import REPOSITORY
from tests.fixtures.stage_8.growth import COEFFICIENTS, GIB, record

DEMAND = Demand(users=1e6, films=1e4, rps=1000, events_per_day=8.64e6, retention_days=100)
CONFIG = CapacityConfig(
    machines=(
        Machine(name="small", cores=4, memory_gib=16, price_per_hour=0.2),
        Machine(name="large", cores=64, memory_gib=512, price_per_hour=5),
    ),
    interactions_per_user=100,
    likes_share=0.5,
    peak_to_mean=2,
    judged_users=1000,
)


def written(folder: Path, **changes: tuple[float, ...]) -> Path:
    path = folder / "scale.json"
    path.write_text(json.dumps(record(**changes)))
    return path


def lines(folder: Path, demand: Demand = DEMAND, config: CapacityConfig = CONFIG, **changes: Any) -> dict[str, Line]:
    found = plan(demand, read_measurements(written(folder, **changes)), config)
    assert len({(line.part, line.what) for line in found}) == len(found)
    return {line.what: line for line in found}


def test_serving_by_hand(tmp_path: Path) -> None:
    """1,000 answers of 2 ms are 2 cores; at 60 % busy, with one of three zones lost, 1 small machine in each zone."""
    found = lines(tmp_path)
    assert found["processor time of one answer"].amount == pytest.approx(2)
    assert found["busy cores at the peak"].amount == pytest.approx(2)
    machines = found["API machines"]
    assert (machines.amount, machines.unit) == (3, "of small")
    assert machines.month == pytest.approx(3 * 0.2 * 730)
    assert found["network to people at the peak"].amount == pytest.approx(0.04)
    # 10^8 interactions of 100 bytes, three times.
    assert found["online store in memory"].amount == pytest.approx(3e10 / GIB)
    assert found["answers that are kept"].amount == pytest.approx(500 * 86400 * 30 * 600 * 3 / GIB)


def test_events_by_hand(tmp_path: Path) -> None:
    """100 events a second, 200 at the peak, of 1 ms: a fifth of a core, one shard; what is kept is kept three times."""
    found = lines(tmp_path)
    assert found["events a second at the peak"].amount == pytest.approx(200)
    assert found["busy cores that record and apply them"].amount == pytest.approx(0.2)
    assert found["shards of the state, by user"].amount == 1
    assert found["event log and what events add to the state"].amount == pytest.approx(8.64e8 * 400 * 3 / GIB)
    assert found["events in the lake"].amount == pytest.approx(8.64e8 * 30 / GIB)
    assert found["Kafka brokers"].amount == 3
    busier = lines(tmp_path, Demand(1e6, 1e4, 1000, 8.64e8, 100))
    assert busier["shards of the state, by user"].amount == 34
    # 20,000 events of 350 bytes a second are 6.7 MiB; one partition carries 5.
    assert busier["partitions of the topic"].amount == 3


def test_training_by_hand(tmp_path: Path) -> None:
    """Core-hours of each step, the memory of one process, and machines that have both within the time."""
    found = lines(tmp_path, **{"train.peak_memory_bytes": (200.0 * 2**20, 400.0)})
    assert found["bring everything in again: processor time"].amount == pytest.approx(101 / 3600)
    assert found["compute all features: processor time"].amount == pytest.approx(1001 / 3600)
    assert found["train iALS: processor time"].amount == pytest.approx(100.5 / 3600)
    assert found["judge it on 1,000 users: processor time"].amount == pytest.approx(0.3 / 3600)
    # What is bounded needs no more for a hundred times the interactions.
    bounded = found["compute all features: memory"]
    assert bounded.amount == pytest.approx(2300 / 1024, rel=0.02)
    assert bounded.grows == "as the interactions, up to a bound"
    # 5 · 10^7 likes of 400 bytes need 19 GiB: two small machines cost less than a large one.
    machines = found["machines for a training"]
    assert (machines.amount, machines.unit) == (2, "of small")
    assert machines.month == pytest.approx(2 * 0.2 * 8 * 30)
    assert found["lake"].amount == pytest.approx(2e9 / GIB)


def test_what_has_no_room_does_not_fit_and_says_what_would(tmp_path: Path) -> None:
    """EASE for a million films needs 5,588 GiB: it does not fit, and the line says for how many films there is room."""
    found = lines(tmp_path, Demand(1e6, 1e6, 1000, 1e6, 100))
    ease = found["EASE instead: memory"]
    assert not ease.fits
    assert ease.amount == pytest.approx(6e12 / GIB, rel=0.01)
    room = int(ease.how.split("room for ")[1].split()[0].replace(",", ""))
    assert 6 * room**2 == pytest.approx(512 * GIB * 0.8, rel=0.01)
    large = lines(tmp_path, Demand(1e9, 1e4, 1000, 1e6, 100))
    assert large["compute all features: memory"].fits
    assert not large["train iALS: memory"].fits
    assert large["machines for a training"].amount > 1
    assert "must be divided" in large["machines for a training"].how
    hungry = lines(tmp_path, **{"serve.private_bytes": (600.0 * GIB, 0.0)})
    assert (hungry["API machines"].fits, hungry["API machines"].month) == (False, None)


@pytest.mark.parametrize("what", ["users", "films", "rps", "events_per_day", "retention_days"])
def test_more_never_costs_less(tmp_path: Path, what: str) -> None:
    """Ten times of anything that is asked for costs at least as much, in every line."""
    measured = read_measurements(written(tmp_path))
    given = vars(DEMAND)
    for one, other in zip(
        plan(DEMAND, measured, CONFIG), plan(Demand(**{**given, what: 10 * given[what]}), measured, CONFIG), strict=True
    ):
        assert other.month is None or one.month is None or other.month >= one.month * 0.999, one.what


def test_every_line_says_what_it_stands_on_and_how_far_it_reaches(tmp_path: Path) -> None:
    """Coefficients, their sizes, growth in words; one whose predictions failed is marked on every line of it."""
    document = record()
    for curve in document["curves"]:
        if curve["name"] == "serve.cpu_seconds":
            curve["checks"][1]["within"] = False
    path = tmp_path / "scale.json"
    path.write_text(json.dumps(document))
    found = described(DEMAND, read_measurements(path), CONFIG)
    for line in found["lines"]:
        assert line["how"]
        assert line["grows"].startswith("as the ")
        assert set(line["from"]) <= found["coefficients"].keys()
        assert (line["predictions_came_true"] is False) == ("serve.cpu_seconds" in line["from"]), line["what"]
    bound = next(line for line in found["lines"] if line["what"] == "lake")
    assert bound["times_beyond_measured"] == pytest.approx(1e8 / 1e5)
    assert found["coefficients"].keys() == COEFFICIENTS.keys()
    assert found["month"]["all"] == pytest.approx(sum(line["month"] or 0 for line in found["lines"]), rel=1e-3)
    assert found["limits"]
    shares = [driver["share"] for driver in found["drivers"]]
    assert shares == sorted(shares, reverse=True)
    assert 0.95 <= sum(shares) <= 1.001
    assert sum(shares[:-1]) < 0.95


def test_a_small_plan_meets_what_was_measured(tmp_path: Path) -> None:
    """At a size that was measured the plan gives the measured cost back: it has no figure of its own."""
    measured = read_measurements(written(tmp_path))
    demand = Demand(users=1000, films=1e5, rps=1, events_per_day=1000, retention_days=1)
    found = {line.what: line for line in plan(demand, measured, CONFIG)}
    points = {curve["name"]: curve["points"][-1]["cost"] for curve in record()["curves"]}
    assert found["processor time of one answer"].amount == pytest.approx(1000 * points["serve.cpu_seconds"])
    assert found["memory of one server process"].amount == pytest.approx(points["serve.private_bytes"] / GIB)
    assert found["compute all features: processor time"].amount == pytest.approx(points["features.cpu_seconds"] / 3600)
    assert found["lake"].amount == pytest.approx(points["ingest.bytes"] / GIB)


def test_the_file_of_prices_is_the_default(tmp_path: Path) -> None:
    """config/capacity.yaml holds every value, as it is where there is no file, and another price moves the bill."""
    assert read_capacity(REPOSITORY / "config" / "capacity.yaml") == CapacityConfig()
    written_keys = {
        line.split(":")[0]
        for line in (REPOSITORY / "config" / "capacity.yaml").read_text().splitlines()
        if line and line[0] not in " #"
    }
    assert written_keys == set(CapacityConfig.model_fields)
    measured = read_measurements(written(tmp_path))
    dearer = CONFIG.model_copy(update={"network_gib": 2 * CONFIG.network_gib})
    bills = [described(DEMAND, measured, config)["month"]["serving"] for config in (CONFIG, dearer)]
    assert bills[1] > bills[0]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "\x00",
        '{"at": "x", "machine": {}, "curves": 3}',
        "not json",
        json.dumps({**record(), "curves": []}),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, content: str) -> None:
    """One sentence and the command that makes one; a coefficient that is missing, endless or below 0 is none."""
    path = tmp_path / "scale.json"
    path.write_text(content)
    with pytest.raises(BenchError) as refused:
        read_measurements(path)
    assert "bench scale" in refused.value.next_step
    for coefficients in ([-1.0, 2.0], [1.0], [float("nan"), 1.0], [1.0, float("inf")]):
        document = record()
        document["curves"][0]["coefficients"] = coefficients
        path.write_text(json.dumps(document))
        with pytest.raises(BenchError):
            read_measurements(path)
    with pytest.raises(BenchError, match="There is no record"):
        read_measurements(tmp_path / "nowhere.json")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["capacity", *words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_command_tells_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People get a table with every coefficient, programs a document; both from the same record."""
    words = [
        "--users",
        "200M",
        "--films",
        "1M",
        "--rps",
        "500k",
        "--record",
        str(written(tmp_path)),
        "--home",
        str(tmp_path),
    ]
    code, told, _ = run(capsys, *words)
    assert code == 0
    assert "200,000,000 users, 1,000,000 films, 500,000 answers a second" in told
    assert "serve.cpu_seconds" in told
    assert "does not fit" in told
    assert "What this does not know:" in told
    code, told, _ = run(capsys, *words, "--events-per-day", "1.5B", "--retention", "2y", "--json")
    document = json.loads(told)
    assert document["demand"] == {
        "users": 2e8,
        "films": 1e6,
        "rps": 5e5,
        "events_per_day": 1.5e9,
        "retention_days": pytest.approx(730.5),
    }
    assert document["month"]["all"] > 0


def test_a_plan_is_written_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--out writes Markdown with every line, every coefficient and every limit; a folder that is not there is told."""
    given = [
        "--users",
        "1M",
        "--films",
        "20k",
        "--rps",
        "1k",
        "--record",
        str(written(tmp_path)),
        "--home",
        str(tmp_path),
    ]
    out = tmp_path / "plan.md"
    code, told, _ = run(capsys, *given, "--out", str(out), "--json")
    assert code == 0
    document, text = json.loads(told), out.read_text()
    assert all(f"| {line['what']} |" in text for line in document["lines"])
    assert all(f"| `{name}` |" in text for name in document["coefficients"])
    assert all(f"- {limit}" in text for limit in document["limits"])
    code, _, error = run(capsys, *given, "--out", str(tmp_path / "nowhere" / "plan.md"))
    assert code == 1
    assert "There is no folder" in error


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("--users", "many"),
        ("--users", "-5"),
        ("--films", "0"),
        ("--rps", "5x"),
        ("--rps", "1e99"),
        ("--retention", "9q"),
    ],
)
def test_what_is_no_amount_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, word: str
) -> None:
    """Exit code 2, and the option is named with what it takes; absurdly many are still a number."""
    given = {"--users": "1k", "--films": "1k", "--rps": "1", option: word}
    words = [f"{name}={value}" for name, value in given.items()]
    code, _, error = run(capsys, *words, "--record", str(written(tmp_path)), "--home", str(tmp_path))
    assert (code == 2 and option in error) or (word == "1e99" and code == 0)


def test_without_a_record_the_command_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, one sentence, and the benchmark to run."""
    code, _, error = run(capsys, "--users", "1k", "--films", "1k", "--rps", "1", "--home", str(tmp_path))
    assert code == 1
    assert "movie-mlops bench scale" in error
