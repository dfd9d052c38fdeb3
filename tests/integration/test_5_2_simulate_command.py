"""``movie-mlops simulate`` and ``movie-mlops evaluate off-policy``, as somebody types them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from movie_mlops.cli.main import main

QUICK = ("simulate", "--users", "150", "--films", "40", "--generations", "6", "--k", "5", "--home", "home")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands are typed: an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Return what a command prints as JSON."""
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_simulation_tells_and_draws_what_became_of_the_loop(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command writes one page that needs nothing beside it, and prints every generation of both loops as JSON."""
    monkeypatch.setattr(sys, "argv", ["movie-mlops", *QUICK])
    told = typed(capsys, *QUICK)
    assert list(told["loops"]) == ["as configured", "without a guard"]
    for loop in told["loops"].values():
        assert [each["generation"] for each in loop["generations"]] == list(range(6))
        assert loop["coverage"]["first"] == loop["generations"][0]["coverage"]
    page = Path("home/reports/simulation/simulation.html").read_text()
    assert page.count("<svg") == 4
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "movie-mlops simulate --users 150" in page
    alone = typed(capsys, *QUICK, "--alone", "--report", "mine.html")
    assert list(alone["loops"]) == ["as configured"]
    assert alone["loops"]["as configured"] == told["loops"]["as configured"]
    assert (folder / "mine.html").exists()


def test_a_log_tells_what_a_rival_is_worth(capsys: pytest.CaptureFixture[str]) -> None:
    """From the log of a simulation, 'evaluate off-policy' tells the rival's worth; the simulation knows the truth."""
    rival = ("--exploration", "0.6", "--alone", "--rival", "item-knn", "--log", "log.parquet")
    truth = typed(capsys, *QUICK, *rival)["log"]["rival_worth"]
    found = typed(capsys, "evaluate", "off-policy", "log.parquet")["estimates"]
    told = {each["method"]: each for each in found}
    assert set(told) == {"ips", "snips", "dr"}
    assert told["dr"]["value"]["low"] < truth < told["dr"]["value"]["high"]
    assert 30 < told["dr"]["effective"] < told["dr"]["requests"] == 900
    assert main(["evaluate", "off-policy", "log.parquet", "--clip", "20"]) == 0
    shown = capsys.readouterr().out
    assert "of 900" in shown
    assert "Note: Weights were clipped" in shown


def test_what_feedback_weighs_is_what_the_configuration_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another config/platform.yaml gives the same people another recommender."""
    plain = typed(capsys, *QUICK, "--alone")
    (folder / "config").mkdir()
    (folder / "config" / "platform.yaml").write_text("feedback: {graded_watch: true, against: {skip: 0.2}}\n")
    weighed = typed(capsys, *QUICK, "--alone")
    assert weighed["loop"]["feedback"]["against"] == {"skip": 0.2}
    assert weighed["people"] == plain["people"]
    assert weighed["loops"] != plain["loops"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("simulate", "--rival", "ease"), "--rival and --log belong together"),
        (("simulate", "--model", "eese"), "Did you mean 'ease'?"),
        (("simulate", "--films", "100000"), "the catalogue has"),
        (("simulate", "--model", "ease:regularisation=much"), "is not PARAM=NUMBER"),
        (("evaluate", "off-policy", "nothing.parquet"), "cannot be read"),
        (("evaluate", "off-policy", "nothing.parquet", "--reach", "far"), "Use one of place, prefix, list"),
    ],
)
def test_wrong_words_are_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    """What cannot be simulated or read ends with exit code 1 and a sentence with the next step."""
    assert main(list(words)) == 1
    assert sentence in capsys.readouterr().err
