"""The main job as a user types it: from the sample to a release, again, changed, refused, interrupted, offline."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from movie_mlops.cli.app import GROUPS, command
from movie_mlops.cli.main import main
from movie_mlops.flows import PlatformConfig
from tests.conftest import REPOSITORY
from tests.fixtures.stage_4.command_line import QUICK, SECOND, CommandLine, contents, copied

STEPS = ["ingest", "features", "evaluate", "train", "gate", "release", "track", "register"]
HEAVY = {"polars", "numpy", "scipy", "fastapi", "mlflow", "altair", "duckdb", "deltalake", "sqlalchemy", "pydantic"}


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in document["steps"]}


def leaves() -> list[tuple[tuple[str, ...], list[Any]]]:
    """Every command and subcommand with its parameters."""
    root = command()
    context = typer.Context(root)
    found: list[tuple[tuple[str, ...], list[Any]]] = []
    # The standard's command is not the platform's: its own tests type all of it.
    for group in GROUPS.keys() - {"standard"}:
        _, real, _ = root.resolve_command(context, [group])
        subcommands = getattr(real, "commands", {})
        found.append(((group,), [] if subcommands else real.params))
        found += [((group, name), sub.params) for name, sub in subcommands.items()]
    return sorted(found, key=lambda pair: pair[0])


def few_ratings(folder: Path) -> Path:
    rows = [f"u{user},{(user * 7 + step * 3) % 23},5" for user in range(40) for step in range(6)]
    (folder / "few.csv").write_text("\n".join(["user_id,movie_id,rating", *rows, ""]))
    return folder / "few.csv"


def test_the_main_job_tells_all_that_it_did_offline(finished: CommandLine) -> None:
    """Promise P34: with the network blocked the main job ends with 0; its document has rows, models with their
    metrics, the gate, the release, and time and memory of every step.
    """  # noqa: D205 - one promise
    document = json.loads((finished.folder / "first.json").read_text())
    assert document["rows"]["rows_good"] == document["rows"]["rows_read"] == 160_000
    assert set(document["models"]) == {recipe.name for recipe in PlatformConfig().recipes}
    for metrics in document["models"].values():
        ndcg = metrics["ndcg@10"]
        assert 0 < ndcg["low"] <= ndcg["estimate"] <= ndcg["high"] < 1
    assert document["gate"]["passed"] is True
    assert document["release"]["action"] == "promoted"
    assert document["release"]["serving"].startswith(document["candidate"])
    assert statuses(document) == dict.fromkeys(STEPS, "done")
    for step in document["steps"]:
        assert step["seconds"] >= 0
        assert step["peak_memory_mib"] > 0
    assert Path(document["report"]).is_file()


def test_all_state_is_in_the_home(finished: CommandLine) -> None:
    """The main job writes to ``--home`` and nowhere else: not beside where it was called, nor to the user's folder."""
    assert list((finished.folder / "user").iterdir()) == []
    assert sorted(path.name for path in finished.home.iterdir()) == ["data", "experiments", "models", "reports"]
    assert json.loads((finished.folder / "checkout.json").read_text()) == []


def test_a_second_run_skips_every_step_and_says_so(finished: CommandLine, tmp_path: Path) -> None:
    """Where nothing changed every step is skipped, each line says so, and no file changes."""
    home = copied(finished, tmp_path)
    before = contents(home.home)
    done = home("run")
    assert done.code == 0
    told = [line for line in done.err.splitlines() if line.split()[0] in STEPS]
    assert [line.split()[0] for line in told] == STEPS
    assert all(line.endswith("(unchanged, skipped)") for line in told)
    assert contents(home.home) == before


@pytest.mark.long
def test_a_changed_setting_runs_only_what_depends_on_it(second_release: CommandLine, tmp_path: Path) -> None:
    """Another gate judges anew and trains nothing; a spoilt file of scores is evaluated again, to the same release."""
    home = copied(second_release, tmp_path)
    # What serves now is judged beside the recipes from the next run on, for comparison.
    served = home("run", "--json").document["release"]["serving"]
    home = home.configured(**SECOND, gate={"max_drop": 0.04})
    judged = home("run", "--json").document
    assert [name for name, status in statuses(judged).items() if status == "done"] == ["gate"]
    (home.home / "reports" / "sample" / "evaluation-scores.parquet").write_text("spoilt")
    evaluated = home("run", "--json").document
    assert [name for name, status in statuses(evaluated).items() if status == "done"] == ["evaluate"]
    assert judged["release"]["serving"] == evaluated["release"]["serving"] == served


@pytest.mark.parametrize(("words", "parameters"), leaves(), ids=[" ".join(words) for words, _ in leaves()])
def test_every_command_answers_help(
    words: tuple[str, ...], parameters: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """``--help`` of every command ends with 0, says what it does and explains each option; what prints takes --json."""
    assert main([*words, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: movie-mlops {' '.join(words)}")
    assert re.search(r"\n {2}[A-Z](.|\n {2}){12,}?\.\n\n", out)
    assert "completion" not in out
    for parameter in parameters:
        assert getattr(parameter, "help", None), parameter.name
    if parameters and words != ("serve",):
        assert "--json" in out


def test_help_loads_no_heavy_library() -> None:
    """``movie-mlops --help`` names every command without loading what commands need."""
    code = (
        "import sys; from movie_mlops.cli.main import main; code = main(['--help']);"
        f"print(sorted({HEAVY!r} & set(sys.modules)), code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[] 0"
    assert all(f"\n  {name} " in done.stdout for name in GROUPS)


def test_a_command_that_is_done_ends_at_once() -> None:
    """At the end of its process nothing is searched for rubbish, which takes longer than many a command."""
    code = (
        "import atexit, gc, sys; from movie_mlops.cli.main import main; sys.argv[1:] = ['--help'];"
        "atexit.register(lambda: print(len(gc.get_objects()) < gc.get_freeze_count())); sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "True"


@pytest.mark.parametrize(
    "champion",
    [pytest.param(False, id="nothing serves"), pytest.param(True, id="with a champion", marks=pytest.mark.long)],
)
def test_a_refused_model_is_not_released(finished: CommandLine, tmp_path: Path, champion: bool) -> None:
    """A model that only equals popularity is refused: exit 1, a sentence with the figures, the ledger as it was, and
    what served goes on serving.
    """  # noqa: D205 - one promise
    recipes = [{"name": "popular", "model": "popular"}, {"name": "copy", "model": "popular"}]
    home = copied(finished, tmp_path) if champion else CommandLine(tmp_path, tmp_path / "home")
    home = home.configured(recipes=recipes, baselines=["popular"])
    before = home("release", "history", "--json").document if champion else None
    source = ("--source", f"file:{few_ratings(tmp_path)}") if not champion else ()
    done = home("run", "--json", *source)
    assert done.code == 1
    document = done.document
    assert document["release"]["action"] == "refused"
    assert document["error"]["code"] == "refused"
    assert "that it is better is not certain" in document["error"]["problem"]
    sentence = f"error: {document['error']['problem']} {document['error']['next_step']}"
    assert done.err.splitlines()[-1] == sentence
    if champion:
        assert home("release", "history", "--json").document == before
        with home.serving() as client:
            answer = client.post("/v1/recommendations", json={"history": [{"movie_id": 1}]}).json()
            assert answer["release"]["bundle_id"] == before[0]["bundle_id"] == document["release"]["serving"]
    else:
        again = home("run", *source)
        assert (again.code, again.err.splitlines()[-1]) == (1, sentence)
        assert again.err.count("(unchanged, skipped)") == len(STEPS)
        status = home("release", "status", "--dataset", "few")
        assert (status.code, status.err) == (1, "error: Nothing of few is released yet. Run 'movie-mlops run' first.\n")


@pytest.mark.long
def test_what_a_person_rolled_back_stays_back(second_release: CommandLine, tmp_path: Path) -> None:
    """The next run does not release again what somebody rolled back; it says why and how to, and then it is done."""
    home = copied(second_release, tmp_path)
    second, first = (release["bundle_id"] for release in home("release", "history", "--json").document)
    assert home("release", "rollback", "--reason", "odd lists").out.startswith(f"Release 3 serves {first}")
    again = home("run")
    assert again.code == 0
    assert "withheld, because operator rolled it back: odd lists" in again.err
    assert home("release", "status", "--json").document["bundle_id"] == first
    assert home("release", "promote", "ease-000000000000", "--reason", "x").code == 1
    assert home("release", "promote", second, "--reason", "they were not odd").code == 0
    assert home("run", "--json").document["release"]["serving"] == second


@pytest.mark.long
def test_a_recipe_list_of_baselines_releases_nothing(finished: CommandLine, tmp_path: Path) -> None:
    """Where only ``popular`` is listed there is no candidate, also while another model serves: it goes on serving."""
    home = copied(finished, tmp_path).configured(
        recipes=[{"name": "popular", "model": "popular"}], baselines=["popular"]
    )
    before = home("release", "history", "--json").document
    done = home("run", "--json")
    assert (done.code, done.document["error"]["code"]) == (1, "flow")
    assert "is a baseline, so that there is nothing to release" in done.err
    assert home("release", "history", "--json").document == before


def test_events_land_in_the_lake_once(finished: CommandLine, tmp_path: Path) -> None:
    """Events that a running server took are in the lake once ingest has run, exactly once, and stay one."""
    home = copied(finished, tmp_path)
    event = {"event_id": "e-1", "user_id": "김/철수 1", "movie_id": 1, "kind": "like"}
    more = [{"user_id": "u", "movie_id": film, "kind": "rating", "value": 4.5} for film in (1, 2)]
    with home.serving() as client:
        for _ in range(2):
            assert client.post("/v1/events", json=event).status_code == 201
        assert client.post("/v1/events", json={"events": more}).status_code == 201
        shown = client.get("/v1/users/%EA%B9%80%2F%EC%B2%A0%EC%88%98%201/recommendations").json()
        assert (shown["user_id"], shown["source"]) == ("김/철수 1", "personalised")
        nobody = client.get("/v1/users/nobody/recommendations").json()
        assert (nobody["source"], len(nobody["items"])) == ("popular", 10)
    ingest = ("run", "--only", "ingest", "--json")
    assert home(*ingest).document["step"]["result"]["events_new"] == 3
    query = "select user_id, movie_id, kind, count(*) from interactions where source = 'api' group by all order by 1, 2"
    for _ in range(2):
        assert [tuple(row.values()) for row in home("lake", "sql", query, "--json").document] == [
            ("u", 1, "rating", 1),
            ("u", 2, "rating", 1),
            ("김/철수 1", 1, "like", 1),
        ]
        assert home(*ingest).document["step"]["status"] == "skipped"


def test_a_second_run_waits_for_nobody_and_a_killed_one_harms_nothing(finished: CommandLine, tmp_path: Path) -> None:
    """Two runs at once: the second ends with one sentence. Killed in the middle, the next run completes the job."""
    home = copied(finished, tmp_path).configured(**SECOND)
    first = home.start("run")
    assert first.stderr is not None
    while not (line := first.stderr.readline()).startswith("Training and judging"):
        assert line, "the run ended before it was to be killed"
    first.send_signal(signal.SIGSTOP)
    second = home("run", "--json")
    assert (second.code, second.document["error"]["code"]) == (1, "busy")
    assert "Another process is already running a flow on this data set" in second.err
    first.send_signal(signal.SIGKILL)
    first.communicate()
    done = home("run", "--json")
    assert done.code == 0, done.err
    assert [name for name, status in statuses(done.document).items() if status == "skipped"] == ["ingest", "features"]
    assert [row["whole"] for row in home("models", "verify", "--json").document] == ["yes", "yes"]


@pytest.mark.parametrize("moment", [pytest.param(moment, marks=pytest.mark.long) for moment in ("ingest", "track")])
def test_killed_at_any_step_the_next_run_completes_it(finished: CommandLine, tmp_path: Path, moment: str) -> None:
    """Whenever the process is killed, the next run ends well, every row is there once, one release."""
    home = copied(finished, tmp_path).configured(**QUICK)
    if moment == "ingest":
        shutil.rmtree(home.home)
    doing = {"ingest": "Bringing", "track": "Recording"}[moment]
    process = home.start("run")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(doing):
            time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    done = home("run", "--json")
    assert done.code == 0, done.err
    counted = home("lake", "sql", "select count(*) n, count(distinct event_id) d from interactions", "--json").document
    assert counted == [{"n": 160_000, "d": 160_000}]
    assert home("models", "verify").code == 0
    assert home("release", "status", "--json").document["bundle_id"] == done.document["release"]["serving"]
