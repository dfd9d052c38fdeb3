"""``movie-mlops monitor drift`` on audiences that live on as they were, or change; as somebody types it."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from movie_mlops.cli.main import main
from movie_mlops.core import clock
from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT, USER_ID
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.flows.reproduce import reproduce
from movie_mlops.flows.windows import last_window, popularity
from movie_mlops.lake import LakeConfig
from movie_mlops.monitoring import newest_readings, note
from movie_mlops.monitoring.drift import Reference
from movie_mlops.release import read_bundle
from tests.fixtures.common.made_once import made_once
from tests.fixtures.stage_6.audience import goes_on, lived, opened, released

TRAINED_ON = 20  # weeks; the last four of them are what the bundle remembers


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose model was trained on twenty weeks of an audience. Never changed: copy it first."""

    def make(folder: Path) -> None:
        rows, films = lived(seed=11)
        released(folder / "home", rows.filter(pl.col(EVENT_TIME) < cut(rows)), films)

    return made_once(tmp_path_factory, "audience", make) / "home"


@pytest.fixture
def home(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(trained, tmp_path / "home"))


def cut(rows: pl.DataFrame) -> Any:
    return rows[EVENT_TIME].unique().sort()[TRAINED_ON]


def later(*, turned: bool) -> pl.DataFrame:
    rows, _ = lived(seed=11, fashion_turns_in=TRAINED_ON if turned else None)
    return rows.filter(pl.col(EVENT_TIME) >= cut(rows))


def typed(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> Any:
    """Return what the command prints as JSON."""
    assert main(["monitor", "drift", "--home", str(home), *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def readings(home: Path) -> dict[str, float]:
    with opened(home) as platform:
        return {one.name: one.value for one in newest_readings(platform.database)}


def test_an_audience_that_lives_on_is_no_drift_and_one_whose_fashion_turns_is(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Promise P18: the same people four weeks later are no drift; when other films are talked about, the films are."""
    changed = Path(shutil.copytree(home, tmp_path / "changed"))
    goes_on(home, later(turned=False))
    found = typed(capsys, home)
    assert (found["verdict"], found["features"]) == ("none", 0)
    judged = {(each["group"], each["column"]) for each in found["findings"] if each["status"] == "steady"}
    assert {("users", "actions_on_an_active_day"), ("words", "kind"), ("films", "decade"), ("genres", "genre")} < judged
    assert ("features", "rating_mean") in judged
    assert readings(home) == {
        "movie_mlops_drift_features": 0.0,
        "movie_mlops_drift_rows": float(found["facts"]["Live"]["rows"]),
        "movie_mlops_drift_verdict": 0.0,
    }
    goes_on(changed, later(turned=True))
    found = typed(capsys, changed)
    assert found["verdict"] == "drift"
    drifting = [each for each in found["findings"] if each["status"] == "drift"]
    assert (drifting[0]["group"], drifting[0]["column"]) == ("films", "popularity")
    assert drifting[0]["low"] > 0.5
    assert not [each for each in drifting if each["group"] in {"users", "words"}]
    assert readings(changed)["movie_mlops_drift_verdict"] == 1.0
    assert readings(changed)["movie_mlops_drift_features"] == found["features"]
    page = Path(found["report"]).read_text()
    assert page.index("differ by more than matters") < page.index("<svg")
    assert main(["monitor", "drift", "--home", str(changed), "--report", "mine.html"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Drift: ")
    assert "films: popularity" in shown
    assert Path("mine.html").exists()


def test_a_part_of_the_window_and_no_window_at_all(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Few rows, another length, none since the training: what cannot be judged says why, and notes no verdict."""
    assert main(["monitor", "drift", "--home", str(home)]) == 0
    assert capsys.readouterr().out.startswith("Drift cannot be judged: there are no rows.")
    assert readings(home) == {"movie_mlops_drift_rows": 0.0}
    rows = later(turned=False)
    goes_on(home, rows)
    with opened(home) as platform:
        note(platform.database, "movie_mlops_drift_verdict", 1.0)
    few = typed(capsys, home, "--rows", "30")
    assert few["verdict"] == "cannot be judged"
    assert few["facts"]["Live"]["rows"] == 30
    shorter = typed(capsys, home, "--days", "10")
    reasons = {each["reason"] for each in shorter["findings"] if each["group"] in {"users", "features"}}
    assert reasons == {"the window has 10 days, and the reference had 28"}
    assert shorter["verdict"] == "none"
    # A part takes no alarm back that the whole has raised.
    assert readings(home) == {"movie_mlops_drift_rows": 0.0, "movie_mlops_drift_verdict": 1.0}


def test_events_count_before_the_lake_has_them_and_a_clock_that_is_ahead_does_not(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was acknowledged is looked at; rows from the next century are left out, and told."""
    rows = later(turned=False)
    ahead = rows.head(40).with_columns(
        pl.lit(clock.now() + timedelta(days=40_000)).dt.cast_time_unit("us").alias(EVENT_TIME),
        pl.format("ahead-{}", "event_id").alias("event_id"),
    )
    goes_on(home, pl.concat([rows, ahead]))
    newest = rows[EVENT_TIME].max()
    said = [
        Interaction(f"live-{number}", f"p{number:06d}", int(rows["movie_id"][number]), Kind.LIKE, None, newest, "api")
        for number in range(25)
    ]
    with opened(home) as platform:
        platform.events.append(said)
    found = typed(capsys, home)["facts"]["Live"]
    assert found["rows"] == rows.height + 25
    assert found["rows with a clock that is ahead, left out"] == 40


def test_a_bundle_remembers_the_same_bytes_and_one_that_does_not_is_served_and_told(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise P7: trained twice on the same rows the bundle is the same; without a reference it loads as before."""
    rows, films = lived(seed=11)
    rows = rows.filter(pl.col(EVENT_TIME) < cut(rows))
    again = released(tmp_path / "again", rows, films)
    with opened(home) as platform:
        champion = platform.ledger.champion()
        assert champion is not None
        assert champion.bundle_id == again
        kept = read_bundle(platform.workspace.models / again, trust=platform.keys.trust)
        assert kept.reference is not None
        assert set(Reference.from_bytes(kept.reference).groups) == {"users", "words", "films", "genres", "features"}
        # Of nobody anything is kept that names them.
        assert not any(f'"{user}"'.encode() in kept.reference for user in rows[USER_ID].unique().to_list())
        lake = LakeConfig(platform.workspace.lakes).of(platform.workspace.dataset)
        made = reproduce(kept.path, lake, trust=platform.keys.trust)
    assert made.equal, made.sentences()
    assert "reference.npy" in {file.file for file in made.files}
    old = released(tmp_path / "old", rows, films, remembers=False)
    assert old != again
    with opened(tmp_path / "old") as platform:
        loaded = read_bundle(platform.workspace.models / old, trust=platform.keys.trust)
        assert loaded.reference is None
        assert loaded.recommender.arrays().keys() == kept.recommender.arrays().keys()
    assert main(["monitor", "drift", "--home", str(tmp_path / "old")]) == 1
    told = capsys.readouterr().err
    assert "does not say what its training data looked like" in told
    assert "movie-mlops run" in told


def test_rows_of_which_nobody_knows_when_they_were_are_in_no_window() -> None:
    """Where some rows have a time, those without are known but in no window; where none has, they came in then."""
    rows, _ = lived(seed=12)
    place = pl.int_range(pl.len())
    some = rows.with_columns(pl.when(place % 4 > 0).then(EVENT_TIME), pl.lit(clock.now()).alias(INGESTED_AT))
    window = last_window(some.lazy())
    assert window is not None
    assert window.ended == rows[EVENT_TIME].max()
    assert window.days == 28
    assert window.rows[EVENT_TIME].null_count() == 0
    popular = popularity(some.lazy(), window.began)["popularity"]
    assert (2**popular - 1).sum() == pytest.approx(some.height - window.rows.height)
    none = last_window(some.with_columns(pl.lit(None).cast(some[EVENT_TIME].dtype).alias(EVENT_TIME)).lazy())
    assert none is not None
    assert none.rows.height == rows.height
