"""The report as a command, in a process of its own."""

import json
from pathlib import Path

from tests.fixtures.common.warm_python import WARM


def call(home: Path, *words: str) -> tuple[int, str, str]:
    done = WARM.run(["-m", "movie_mlops", "ingest", *words, "--home", str(home)], cwd=home)
    return done.returncode, done.stdout, done.stderr


def test_a_load_can_be_looked_at(tmp_path: Path) -> None:
    """After a load, the report is in the data set's folder of reports, with what was refused and why."""
    (tmp_path / "mine.csv").write_text("user,item,rating\nann,1,4.5\nann,2,9\nbob,1,3\n")
    call(tmp_path, "load", "--source", f"file:{tmp_path / 'mine.csv'}")
    code, told, _ = call(tmp_path, "report", "--dataset", "mine", "--json")
    facts = json.loads(told)
    assert (code, facts["interactions"], facts["users"], facts["refused"]) == (0, 2, 2, 1)
    page = (tmp_path / "reports" / "mine" / "ingest.html").read_text(encoding="utf-8")
    assert facts["report"] == str(tmp_path / "reports" / "mine" / "ingest.html")
    assert "value-out-of-range" in page
    assert "movie-mlops ingest report --dataset mine --json" in page
    code, told, _ = call(tmp_path, "report", "--dataset", "mine")
    assert (code, told.splitlines()[0]) == (0, "mine: 2 interactions of 2 users, 1 refused.")


def test_a_data_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Without a data set there is one sentence and no page."""
    code, _, problem = call(tmp_path, "report", "--dataset", "mine")
    assert (code, "No data set is here yet" in problem or "There is no data set 'mine'" in problem) == (1, True)
    assert not (tmp_path / "reports").exists()
