"""A history with a shift in it, lived again through the real API, log, triggers, gate and releases."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT
from movie_mlops.flows import PlatformConfig
from movie_mlops.flows.config import Recipe
from movie_mlops.flows.replay import ReplayConfig, read_history, replay
from movie_mlops.flows.replay.outcome import LOOP, RECENT, USER, WARM
from movie_mlops.ingest import IngestConfig, open_source
from movie_mlops.recommenders import PopularRecentParams
from tests.fixtures.stage_4.command_line import CommandLine, Done
from tests.fixtures.stage_9.shifting import AFTER, BEFORE, BEGINS, Like, liked, write_source


def live(folder: Path, history: list[Like], *words: str) -> Done:
    """Live a history through a server of its own."""
    place = CommandLine(folder, folder / "home").configured(
        recipes=[
            {"name": "popular", "model": "popular"},
            {"name": "ease", "model": "ease", "params": {"regularisation": 20}},
        ],
        baselines=["popular"],
        gate={
            "footprint": {"requests": 0},
            "robustness": {"attacks": []},
            # So small a history doubles: how much each user says is another thing at its end.
            "data": {"max_shift": {"users": 1.0, "films": 1.0, "kinds": 0.25, "values": 0.25}},
        },
    )
    return place("events", "replay", *write_source(folder, history), "--batch", "40", *words, "--json")


@pytest.mark.long
def test_a_history_with_a_shift_is_lived_again_and_the_loop_beats_what_never_learns(tmp_path: Path) -> None:
    """Promise P20: through HTTP, with gate and canaries in between, the loop is better than both rivals for certain."""
    before = liked(BEFORE, 200, 10, begins=BEGINS, prefix="p", seed=1)
    after = liked(AFTER, 200, 10, begins=BEGINS + timedelta(days=21), prefix="q", seed=2)
    done = live(tmp_path, before + after, "--begin", "0.45", "--turn", "400", "--grow", "0.2")
    assert done.code == 0, done.err
    found = done.document
    assert found["past"] + found["lived"] == len(before) + len(after)
    assert found["changes"], done.err
    assert {run["stage"] for run in found["runs"]} <= {"promoted", "refused", "canary", "taken back"}
    assert "promoted" in {run["stage"] for run in found["runs"]}
    assert found["lead"]["all"]["never retrained"]["low"] > 0
    assert found["lead"]["all"]["popular lately"]["low"] > 0
    # As long as the first model served, the API gave the very lists that it gives in a process of its own.
    assert found["same_as_first_model"] >= 0.95
    assert found["lists_without_a_model"] == 0
    page = Path(found["report"]).read_text()
    assert "The loop is better than never retrained" in page


@pytest.mark.long
def test_a_history_whose_first_model_is_refused_begins_with_what_is_popular(tmp_path: Path) -> None:
    """Too little is known at first: people get what is popular, until there is enough for a model to pass the gate."""
    done = live(
        tmp_path,
        liked(BEFORE, 200, 10, begins=BEGINS, prefix="p", seed=1),
        *("--begin", "0.1", "--turn", "100", "--grow", "1"),
    )
    assert done.code == 0, done.err
    found, said = done.document, done.err
    assert "The gate refused ease, and nothing serves" in said
    assert 0 < found["lists_without_a_model"] < found["lists"]
    first = found["changes"][0]
    assert first["lists"] == found["lists_without_a_model"]
    assert first["bundle_id"].startswith("ease-")
    assert found["same_as_first_model"] >= 0.95
    assert f"after {first['lists']:,} lists" in Path(found["report"]).read_text()


@pytest.mark.long
def test_what_is_popular_by_the_api_is_so_that_day(tmp_path: Path) -> None:
    """The worker takes turns as days of the history pass: without a model the API foresees what popularity does.

    Every day five people like a film first, and five others like it the day after. What nobody likes yet comes before
    it in the order of ids.
    """
    early, late = ([f"{kind}{number}" for number in range(5)] for kind in ("early", "late"))
    rows = []
    for day in range(30):
        likes = [*((user, 98 - day) for user in early), *((user, 99 - day) for user in late)]
        for number, (user, film) in enumerate(likes):
            rows.append(f"{user},{film},5,{(BEGINS + timedelta(days=day, minutes=number)).isoformat()}")
    (tmp_path / "told.csv").write_text("user_id,movie_id,value,event_time\n" + "\n".join(rows) + "\n")
    source = open_source(f"file:{tmp_path / 'told.csv'}", downloads=tmp_path)
    config = PlatformConfig(
        recipes=[Recipe(name=name, model=name) for name in ("popular", "ease")],
        baselines=("popular",),
        lately=PopularRecentParams(days=4, least=0),
    )
    history = read_history(source, IngestConfig(), config.feedback, begin=0.5, most=None, progress=SILENT)
    lived = ReplayConfig(batch=10, recent_days=4)
    found = replay(history, Workspace(tmp_path / "home", "told"), lived, config)
    assert found.waited == found.judgements.height
    judged = found.judgements.filter(pl.col(WARM) & pl.col(USER).str.starts_with("late"))
    assert judged.height == 15 * 5
    assert judged[LOOP].to_list() == judged[RECENT].to_list() == [1.0] * judged.height
