"""One step of the main job alone, batch scoring, and what the command line says of the flows."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from movie_mlops.cli.main import main
from movie_mlops.flows.definition import FLOWS, MAIN_JOB
from tests.fixtures.stage_4.command_line import CommandLine, contents, copied
from tests.fixtures.stage_4.visits import FILE, SETTINGS, USERS, write_visits


def source(folder: Path) -> tuple[str, str]:
    """What names the source to a command; it is written where it is not there yet."""
    if not (folder / FILE).exists():
        write_visits(folder / FILE)
    return "--source", f"file:{folder / FILE}"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A home after a quick main job. Never changed: copy it first."""
    folder = tmp_path_factory.mktemp("ran")
    home = CommandLine(folder, folder / "home").configured(**SETTINGS)
    done = home("run", "--json", *source(folder))
    assert done.code == 0, done.err
    assert [step["name"] for step in done.document["steps"]] == [step.name for step in MAIN_JOB]
    return home


def test_a_step_alone_needs_those_before_it(tmp_path: Path) -> None:
    """Without what it builds on a step ends with a sentence that names what has to be run first, and makes nothing."""
    home, visits = CommandLine(tmp_path, tmp_path / "home").configured(**SETTINGS), source(tmp_path)
    assert home("run", "--only", "ingest", *visits).code == 0
    before = {name for name in contents(home.home) if "lake" in name}
    done = home("run", "--only", "train", "--json", *visits)
    assert (done.code, done.document["error"]["code"]) == (1, "flow")
    assert "The step 'train' builds on 'features', which is not done" in done.err
    assert {name for name in contents(home.home) if "lake" in name} == before


def test_a_step_alone_goes_on_from_what_was_ingested(ran: CommandLine, tmp_path: Path) -> None:
    """Events that come in between two steps are for the next run: no step is refused, or done again, for them."""
    home, visits = copied(ran, tmp_path), source(ran.folder)
    with home.serving() as client:
        event = {"user_id": "u", "movie_id": 1, "kind": "like"}
        assert client.post("/v1/events", json=event).status_code == 201
    for step in ("features", "track"):
        done = home("run", "--only", step, "--json", *visits)
        assert done.code == 0, done.err
        assert (done.document["step"]["name"], done.document["step"]["status"]) == (step, "skipped")
    ingested = home("run", "--only", "ingest", "--json", *visits).document["step"]
    assert (ingested["status"], ingested["result"]["events_new"]) == ("done", 1)
    # Now the features are no longer those of what was ingested.
    assert "builds on 'features'" in home("run", "--only", "evaluate", *visits).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "trian"], "There is no step 'trian'; there are ingest, features,"),
        (["--only", "train", "--serve"], "One step alone does not serve"),
    ],
)
def test_a_step_that_does_not_exist_is_usage(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step that is none, or one that should serve, is exit code 2, and no home is begun."""
    assert main(["run", *words, "--home", str(tmp_path / "home")]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "home").exists()


def test_scoring_gives_everybody_what_the_api_gives(ran: CommandLine, tmp_path: Path) -> None:
    """The table holds for everybody, film by film and score by score, what the API answers, and so does the file."""
    home, file = copied(ran, tmp_path), tmp_path / "lists" / "all.parquet"
    done = home("score", "--k", "5", "--parquet", str(file), "--json")
    assert (done.code, done.document["skipped"], done.document["version"]) == (0, False, 0)
    everybody = home("lake", "sql", "select distinct user_id from interactions order by 1", "--json").document
    rows = home("lake", "sql", "select * from recommendations order by user_id, rank", "--json").document
    assert len(rows) == done.document["rows"] == 5 * done.document["users"]
    assert (done.document["users"], done.document["personal"]) == (len(everybody), USERS)
    assert pl.read_parquet(file).rows(named=True) == pl.DataFrame(rows).with_columns(
        pl.col("score").cast(pl.Float32)
    ).rows(named=True)
    lists: dict[str, list[dict[str, Any]]] = {user["user_id"]: [] for user in everybody}
    for row in rows:
        lists[row["user_id"]].append(row)
    popular = [user for user, films in lists.items() if films[0]["source"] == "popular"]
    assert len(popular) == 3
    with home.serving() as client:
        for user in [*list(lists)[::30], *popular]:
            answer = client.get(f"/v1/users/{user}/recommendations", params={"k": 5}).json()
            assert {answer["source"]} == {row["source"] for row in lists[user]}
            assert [item["movie_id"] for item in answer["items"]] == [row["movie_id"] for row in lists[user]]
            scores = [row["score"] for row in lists[user]]
            assert [item["score"] for item in answer["items"]] == pytest.approx(scores, rel=1e-4)


def test_scoring_keeps_the_rules_of_the_house(ran: CommandLine, tmp_path: Path) -> None:
    """By other rules everybody is scored again, and the table again holds what the API answers."""
    home = copied(ran, tmp_path)
    assert home("score", "--json").code == 0
    banned = home(
        "lake", "sql", "select movie_id from recommendations group by 1 order by count(*) desc", "--json"
    ).document[0]
    rules = {
        "never": [{"movies": [banned["movie_id"]]}],
        "quotas": [{"name": "first", "films": {"movies": [1, 2, 3]}, "share": 0.1}],
    }
    home = home.configured(**SETTINGS, rules=rules)
    done = home("score", "--k", "4", "--json").document
    assert (done["skipped"], done["version"]) == (False, 1)
    rows = home("lake", "sql", "select * from recommendations order by user_id, rank", "--json").document
    assert banned["movie_id"] not in {row["movie_id"] for row in rows}
    users = sorted({row["user_id"] for row in rows})[::40]
    with home.serving() as client:
        for user in users:
            answer = client.get(f"/v1/users/{user}/recommendations", params={"k": 4}).json()
            assert [item["movie_id"] for item in answer["items"]] == [
                row["movie_id"] for row in rows if row["user_id"] == user
            ]


def test_scoring_twice_is_scoring_once(ran: CommandLine, tmp_path: Path) -> None:
    """The same model and data are not scored again; other data, or another length, are, in one new version."""
    home = copied(ran, tmp_path)
    first = home("score", "--json").document
    before = contents(home.home)
    again = home("score", "--json").document
    assert again == {**first, "skipped": True}
    # The state database notes nothing of it either.
    assert contents(home.home) == before
    assert "were there already (version 0)" in home("score").out
    longer = home("score", "--k", "11", "--json").document
    assert (longer["skipped"], longer["version"], longer["rows"]) == (False, 1, 11 * first["users"])


def test_scoring_needs_a_release(tmp_path: Path) -> None:
    """Where nothing serves, scoring says so and what to do, and makes no table."""
    home = CommandLine(tmp_path, tmp_path / "home")
    assert home("ingest", "load", *source(tmp_path)).code == 0
    done = home("score", "--json")
    assert (done.code, done.document["error"]["code"]) == (1, "nothing-released")
    assert "recommendations" not in [row["table"] for row in home("lake", "tables", "--json").document]


def test_flows_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Every flow has its line, and its tasks with the command of each; a name that is none is told with the others."""
    assert main(["flow", "list"]) == 0
    listed = capsys.readouterr().out
    for flow in FLOWS:
        assert flow.name in listed
    assert main(["flow", "show", "backfill"]) == 0
    shown = capsys.readouterr().out
    assert "movie-mlops ingest load --source SOURCE --since SINCE --until UNTIL" in shown
    assert main(["flow", "show", "weekly_train", "--json"]) == 0
    assert [task["name"] for task in json.loads(capsys.readouterr().out)["tasks"]] == [step.name for step in MAIN_JOB]
    assert main(["flow", "show", "weekly"]) == 1
    assert "There is no flow 'weekly'; there are daily_ingest, weekly_train" in capsys.readouterr().err


def test_every_task_of_a_flow_comes_after_those_that_it_needs() -> None:
    """Tasks stand in an order in which they can be run; names are unique, and no need names a task of another flow."""
    assert len({flow.name for flow in FLOWS}) == len(FLOWS)
    for flow in FLOWS:
        seen: list[str] = []
        for task in flow.tasks:
            assert set(task.needs) <= set(seen)
            assert task.name not in seen
            seen.append(task.name)
