"""The online store against real data and a busy log."""

import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig, Histories, feedback
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import SCHEMA, START, did, table

CONFIG = FeedbackConfig()


def test_materialising_while_events_arrive_loses_none(state_url: str) -> None:
    """Histories that are rebuilt again and again while another thread appends still have every event."""
    database = Database(StateConfig(state_url))
    histories = Histories(database)
    log = EventLog(database, histories, CONFIG)
    lake = table([did(f"u{n % 20}", n, "like", at=1) for n in range(10_000, 10_400)])
    log.materialise(lake)

    stop = threading.Event()
    visible: list[bool] = []

    def append() -> None:
        # The pause leaves the other thread a moment in which nobody holds the lock.
        while not stop.wait(0.002):
            film = len(visible)
            log.append([did("u1", film, "like", at=2), did("u2", film, "like", at=2)])
            visible.append(film in histories.read("u1").movie_ids)

    writer = threading.Thread(target=append)
    writer.start()
    for _ in range(20):
        log.materialise(lake)
    stop.set()
    writer.join()
    assert visible
    assert all(visible)
    appended = range(len(visible))
    assert set(histories.read("u2").movie_ids.tolist()) == {*appended, *range(10_002, 10_400, 20)}


@pytest.mark.data
def test_the_store_holds_the_feedback_of_real_ratings(state_url: str, shared_data: Path) -> None:
    """Every user of MovieLens latest-small reads online exactly the feedback that was computed in batch."""
    raw = pl.read_csv(shared_data / "ml-latest-small" / "ratings.csv")
    rows = raw.select(
        event_id=pl.format("r{}", pl.int_range(pl.len())),
        user_id=pl.col("userId").cast(pl.String),
        movie_id=pl.col("movieId"),
        kind=pl.lit("rating"),
        value=pl.col("rating"),
        event_time=pl.from_epoch("timestamp").dt.replace_time_zone("UTC"),
        ingested_at=pl.lit(START),
        source=pl.lit("ml-latest-small"),
    ).cast(SCHEMA)
    database = Database(StateConfig(state_url))
    histories = Histories(database)
    assert histories.replace_all(rows.lazy(), CONFIG) == 610
    words = feedback(rows.lazy(), CONFIG).sort("user_id", "event_time", "movie_id")
    assert words.height == 100_836
    for (user,), expected in words.group_by("user_id", maintain_order=True):
        history = histories.read(str(user))
        np.testing.assert_array_equal(history.movie_ids, expected["movie_id"].to_numpy())
        np.testing.assert_array_equal(history.weights, expected["weight"].to_numpy())
        np.testing.assert_array_equal(history.times, expected["event_time"].dt.epoch("s").to_numpy())
