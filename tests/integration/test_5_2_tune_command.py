"""``movie-mlops tune`` as a user has it, in processes that may be killed."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from movie_mlops.cli.app import run
from movie_mlops.settings import read_platform_config
from tests.fixtures.stage_4.command_line import CommandLine
from tests.fixtures.stage_5.small_folds import small_feedback, write_folds

ENDED = "('COMPLETE', 'PRUNED')"


@pytest.fixture
def folds(tmp_path: Path) -> Path:
    feedback = small_feedback()
    return write_folds(tmp_path / "given", feedback[::2], feedback[1::2])


def command(folds: Path, home: Path, *more: str) -> list[str]:
    words = ["tune", "item-knn", "--protocol", "folds", "--path", str(folds), "--home", str(home), "--study", "killed"]
    return [*words, "--memory-mib", "1000", *more]


def tried(home: Path) -> list[tuple[str, Any, Any]]:
    document = json.loads((home / "reports" / "folds" / "tuning-item-knn.json").read_text())
    return [(one["state"], one["params"], one["value"]) for one in document["trials"] if one["state"] != "interrupted"]


def ended(study: Path) -> int:
    """Return how many settings have ended; none where there is no study yet."""
    if not study.exists():
        return 0
    with closing(sqlite3.connect(f"file:{study}?mode=ro", uri=True)) as connection:
        try:
            (number,) = connection.execute(f"select count(*) from trials where state in {ENDED}").fetchone()
        except sqlite3.OperationalError:  # its tables are being made
            return 0
    return int(number)


def test_a_search_that_was_killed_goes_on(
    tmp_path: Path, folds: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed and started again, it tries what a search that ran through tries; ``--save`` keeps the best."""
    home, through = tmp_path / "home", tmp_path / "through"
    study = home / "experiments" / "tuning" / "killed-item-knn.db"
    process = CommandLine(tmp_path, home).start(*command(folds, home, "--trials", "500"), home=home)
    begun = time.monotonic()
    while ended(study) < 3:
        assert process.poll() is None
        assert time.monotonic() - begun < 60
        time.sleep(0.01)
    process.kill()
    process.communicate()
    done = ended(study)
    assert done < 500
    assert not (home / "reports").exists()
    monkeypatch.chdir(tmp_path)
    enough = str(done + 2)
    assert run(command(folds, home, "--trials", enough, "--save", "--json")) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert run(command(folds, through, "--trials", enough)) == 0
    assert len(tried(home)) == done + 2
    assert tried(home) == tried(through)
    assert "movie-mlops evaluate --protocol folds" in capsys.readouterr().out

    settings = yaml.safe_load((tmp_path / "config" / "tuned.yaml").read_text())["item-knn"]
    assert settings["params"] == found["params"]
    assert settings["found"]["study"] == "killed-item-knn"
    kept = json.loads((tmp_path / "config" / settings["found"]["run"]).read_text())
    assert [one["params"] for one in kept["trials"] if one["state"] != "interrupted"] == [
        params for _, params, _ in tried(home)
    ]
    assert kept["params"] == found["params"]
    recipes = [
        {"name": "popular", "model": "popular"},
        {"name": "item-knn", "model": "item-knn", "params": "tuned"},
    ]
    config = tmp_path / "config" / "platform.yaml"
    config.write_text(yaml.safe_dump({"baselines": ["popular"], "recipes": recipes}))
    assert read_platform_config(config).recipes[1].params == found["params"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ease", "--protocol", "folds"), "--protocol folds and --path belong together"),
        (("ease", "--minutes", "0"), "--minutes is 0"),
        (("ease", "--study", "../mine"), "'../mine' is no name"),
        (("ease", "ease"), "named twice"),
        (("ease", "edlae", "--save-as", "best"), "--save-as is for one model"),
        (("eese", "--protocol", "folds", "--path", "FOLDS"), "no recommender named 'eese'"),
        (("ease:regularisation=much",), "'regularisation=much' is not PARAM=NUMBER"),
    ],
)
def test_wrong_wishes_are_refused(
    tmp_path: Path, folds: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    """One sentence and the next step, and nothing is written."""
    given = [str(folds) if word == "FOLDS" else word for word in words]
    assert run(["tune", *given, "--home", str(tmp_path / "home")]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "home").exists()
