"""Load as people make it: they come by chance at the rate of the profile, and ask for what people ask for."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from movie_mlops.bench import BenchError, LoadBenchConfig, Outcome, bench_load, percentile
from movie_mlops.bench.traffic import People, arrivals, histogram, over_time
from movie_mlops.bench.traffic.told import write_plot

FILMS = list(range(1000, 1100))
USERS = [str(user) for user in range(30)]


def config(**given: Any) -> LoadBenchConfig:
    return LoadBenchConfig(**{"users": 30, "films": 100, **given})


def test_people_come_by_chance_at_the_rate() -> None:
    """Ten thousand at 100 a second: as many as there should be, and as unevenly as a Poisson process is."""
    due = arrivals(config(rate=100.0, seconds=100.0))
    assert abs(len(due) - 10_000) < 400
    assert (np.diff(due) >= 0).all()
    assert 0 <= due[0] < due[-1] <= 100
    counts = np.histogram(due, bins=1000, range=(0, 100))[0]
    assert 0.85 < counts.var() / counts.mean() < 1.15
    assert np.array_equal(due, arrivals(config(rate=100.0, seconds=100.0)))
    assert not np.array_equal(due, arrivals(config(rate=100.0, seconds=100.0, seed=1)))


@pytest.mark.parametrize(
    ("given", "rates"),
    [
        ({"profile": "ramp"}, (25, 75, 125, 175)),
        ({"profile": "step", "steps": 4}, (1, 200 / 3, 400 / 3, 200)),
        ({"profile": "step", "steps": 1}, (1, 1, 1, 1)),
    ],
)
def test_ramps_and_steps_have_their_rates(given: dict[str, Any], rates: tuple[float, ...]) -> None:
    """From 1 to 200 a second: each quarter of the time has the requests of its rate, within chance."""
    due = arrivals(config(rate=1.0, to=200.0, seconds=80.0, **given))
    counts = np.histogram(due, bins=4, range=(0, 80))[0]
    for count, rate in zip(counts, rates, strict=True):
        assert abs(count - 20 * rate) < 5 * np.sqrt(20 * rate)


def parsed(line: bytes) -> tuple[str, str, Any]:
    head, _, body = line.partition(b"\r\n\r\n")
    method, path, version = head.split(b"\r\n")[0].decode().split(" ")
    assert version == "HTTP/1.1"
    lengths = [row for row in head.split(b"\r\n") if row.lower().startswith(b"content-length")]
    assert [int(row.split(b":")[1]) for row in lengths] == ([len(body)] if body else [])
    return method, path, json.loads(body) if body else None


def test_known_people_ask_and_say_what_the_simulation_says_they_would() -> None:
    """Lists of users, events of their own words about films of the server, no id twice, some people much oftener."""
    kinds, lines = People(config(), FILMS, USERS).requests(4_000, "host")
    assert len(kinds) == len(lines) == 4_000
    shares = {kind: count / 4_000 for kind, count in Counter(kinds).items()}
    assert shares == pytest.approx({"list": 0.55, "event": 0.25, "similar": 0.12, "search": 0.08}, abs=0.03)
    told = [body for method, path, body in map(parsed, lines) if path == "/v1/events"]
    assert {body["kind"] for body in told} >= {"watch", "rating", "like"}
    assert {body["movie_id"] for body in told} <= set(FILMS)
    assert len({body["event_id"] for body in told}) == len(told)
    assert all(("value" in body) == (body["kind"] in {"rating", "watch"}) for body in told)
    visits = Counter(path.split("/")[3] for _, path, _ in map(parsed, lines) if "/users/" in path)
    assert max(visits.values()) > 3 * sorted(visits.values())[len(visits) // 2]


def test_a_server_of_somebody_else_is_told_nothing() -> None:
    """Without people that it knows there is no event and no user: lists are asked for with liked films."""
    kinds, lines = People(config(), FILMS, ()).requests(500, "host")
    assert set(kinds) == {"list", "similar", "search"}
    for method, path, body in map(parsed, lines):
        assert "/users/" not in path
        assert path != "/v1/events"
        if method == "POST":
            assert path == "/v1/recommendations"
            assert 1 <= len(body["history"]) <= 12
            assert len({film["movie_id"] for film in body["history"]}) == len(body["history"])


def test_the_same_seed_asks_for_the_same() -> None:
    """A load can be repeated, byte for byte; another seed is another day."""
    first, again, other = (People(config(seed=seed), FILMS, USERS).requests(200, "host") for seed in (0, 0, 1))
    assert first == again
    assert first[1] != other[1]


def test_the_histogram_tells_the_percentiles_that_were_measured() -> None:
    """HdrHistogram's text, in microseconds: each line is within a thousandth of the sample at its rank."""
    samples = np.sort(np.random.default_rng(0).lognormal(1, 1, 5_000))
    text = histogram(samples)
    rows = [line.split() for line in text.splitlines() if line and line.lstrip()[0].isdigit()]
    assert len(rows) > 20
    for value, share, count, *_ in rows:
        if float(share) > 0:
            assert float(value) / 1000 == pytest.approx(percentile(samples, 100 * float(share)), rel=2e-3)
        assert int(count) <= 5_000
    assert int(rows[-1][2]) == 5_000
    mean = float(text.partition("#[Mean    =")[2].partition(",")[0])
    assert mean / 1000 == pytest.approx(samples.mean(), rel=2e-3)


def test_what_happened_is_told_by_second() -> None:
    """Each second has the requests that were due in it, refusals apart; the slow ones stand in theirs."""
    outcome = Outcome(
        latency_ms=np.array([1.0, 2.0, 900.0]),
        service_ms=np.array([1.0, 2.0, 3.0]),
        errors={},
        unanswered=0,
        seconds=3.0,
        refused_ms=np.array([0.5]),
        due_seconds=np.array([0.1, 0.9, 2.5]),
        refused_seconds=np.array([1.5]),
    )
    rows = over_time(outcome, 3.0)
    assert [row["due_a_second"] for row in rows] == [2, 1, 1]
    assert [row["refused"] for row in rows] == [0, 1, 0]
    assert [row["max_ms"] for row in rows] == [2, None, 900]
    assert [row["p50_ms"] for row in rows] == [1, None, 900]


def test_a_load_that_nobody_comes_to_and_one_that_is_refused_whole(tmp_path: Path) -> None:
    """Without a single request nothing is started; where all were refused there is still a drawing."""
    with pytest.raises(BenchError, match="Nobody comes"):
        bench_load(config(rate=0.001, seconds=1.0), tmp_path / "load.json")
    none = Outcome(np.empty(0), np.empty(0), {}, 0, 1.0, np.array([0.4]), np.empty(0), np.array([0.2]))
    rows = over_time(none, 2.0)
    assert [row["refused"] for row in rows] == [1, 0]
    write_plot(tmp_path / "load.svg", rows, none.latency_ms)
    assert (tmp_path / "load.svg").read_text().startswith("<svg")
    assert "TotalCount     =        0.000" in histogram(none.latency_ms)


@pytest.mark.parametrize(
    "given",
    [
        {"profile": "spike"},
        {"rate": 0.0},
        {"seconds": -1.0},
        {"freeze_seconds": 20.0},
        {"freeze_seconds": 1.0, "host": "127.0.0.1", "port": 1},
        {"steps": 0},
    ],
)
def test_a_load_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    """No such profile, no rate, no time, a freeze of half the time or of a server of somebody else."""
    with pytest.raises(BenchError) as refused:
        LoadBenchConfig(**given)
    assert refused.value.next_step
