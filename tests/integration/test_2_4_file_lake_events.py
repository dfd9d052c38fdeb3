"""One truth in three stores: a file in the Delta lake, events in SQLite, both drained and built anew."""

from pathlib import Path

import polars as pl

from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig, Histories, feedback
from movie_mlops.ingest import SourceOptions, load, load_events, open_source
from movie_mlops.lake import INTERACTIONS, Lake, LakeConfig
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import did

CONFIG = FeedbackConfig()
RATINGS = """user_id,movie_id,rating,timestamp
ann,1,5.0,1704067200
ann,6,2.0,1704067201
bob,6,4.0,1704067202
"""
# ann changes her mind on 6 and on 1; bob only looks, which is no opinion; cho is new.
EVENTS = [
    did("ann", 6, "like", at=1, event_id="e1"),
    did("ann", 1, "dislike", at=2, event_id="e2"),
    did("bob", 6, "view", at=3, event_id="e3"),
    did("cho", 50, "watch", 0.9, at=4, event_id="e4"),
]
USERS = ("ann", "bob", "cho")
Words = dict[tuple[str, int], float]


def open_log(path: Path) -> tuple[EventLog, Histories]:
    database = Database(StateConfig(f"sqlite:///{path}"))
    histories = Histories(database)
    return EventLog(database, histories, CONFIG), histories


def online(histories: Histories) -> Words:
    read = {user: histories.read(user) for user in USERS}
    return {
        (user, film): weight
        for user, history in read.items()
        for film, weight in zip(history.movie_ids.tolist(), history.weights.tolist(), strict=True)
    }


def batch(lake: Lake) -> Words:
    rows = feedback(lake.scan(INTERACTIONS), CONFIG).select("user_id", "movie_id", "weight").rows()
    return {(user, film): weight for user, film, weight in rows}


def test_file_and_events_are_one_history_before_and_after_the_next_run(tmp_path: Path) -> None:
    """Promise P5: the histories after each event, after draining into the lake, and from the lake alone are equal."""
    path = tmp_path / "ratings.csv"
    path.write_text(RATINGS)
    lake = Lake(LakeConfig(tmp_path / "lake"))
    load(open_source(f"file:{path}", downloads=tmp_path, options=SourceOptions()), lake)
    log, histories = open_log(tmp_path / "state.db")
    log.materialise(lake.scan(INTERACTIONS))
    assert online(histories) == batch(lake) == {("ann", 1): 1.0, ("ann", 6): 0.0, ("bob", 6): 1.0}

    log.append(EVENTS)
    live = online(histories)
    assert live == {("ann", 1): 0.0, ("ann", 6): 1.0, ("bob", 6): 1.0, ("cho", 50): 1.0}
    assert batch(lake) != live

    # Another process drains what the log has, twice, as after a crash.
    again, drained = open_log(tmp_path / "state.db")
    words = [event.interaction for event in again.read(0, 100)]
    assert [load_events(words, lake), load_events(words, lake)] == [4, 0]
    assert batch(lake) == live
    again.materialise(lake.scan(INTERACTIONS))
    assert online(drained) == live

    # The state is lost altogether: the lake alone gives it back.
    fresh, rebuilt = open_log(tmp_path / "new.db")
    fresh.materialise(lake.scan(INTERACTIONS))
    assert online(rebuilt) == live
    assert lake.scan(INTERACTIONS).select(pl.len()).collect().item() == 3 + 4
