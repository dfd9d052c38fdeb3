"""Events go into the feature rows of the online store by the views' folds."""

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.core import clock
from movie_mlops.events import EventLog, log
from movie_mlops.features import (
    VIEWS,
    Cut,
    FeatureView,
    FeedbackConfig,
    Histories,
    OnlineFeatures,
    features_at,
)
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import START, did, table
from tests.fixtures.stage_2.worlds import FILMS_TABLE, Arrived, arrivals, world

CONFIG = FeedbackConfig()
NOW = START + timedelta(days=30)


class Store:
    """An online store over a lake, in a folder of its own."""

    def __init__(self, url: str) -> None:
        self.database = Database(StateConfig(url))
        self.histories = Histories(self.database)
        self.features = OnlineFeatures(self.database, VIEWS, CONFIG)
        self.log = EventLog(self.database, self.histories, CONFIG, features=self.features)

    def materialise(self, lake: pl.LazyFrame, *, position: int = 0) -> None:
        """Make the store from a lake."""
        prepared = self.features.prepare(Cut(lake, FILMS_TABLE, {"interactions": 1}, position))
        assert prepared is not None
        assert self.log.write(prepared) is not None


@pytest.fixture
def store(state_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    store = Store(state_url)
    yield store
    store.database.close()


def expected(view: FeatureView, said: list[Arrived], key: dict[str, object], at: datetime) -> dict[str, object]:
    row = pl.DataFrame({**key, "at": [at]}).with_columns(pl.col("at").dt.cast_time_unit("us"))
    frame = features_at(view, row, arrivals(said), config=CONFIG, films=FILMS_TABLE, knowledge=None)
    return frame.select(view.names).row(0, named=True)


def same(batch: object, online: object) -> bool:
    if isinstance(batch, float) and isinstance(online, float):
        return batch == pytest.approx(online, rel=1e-9, abs=1e-9)
    return type(batch) is type(online) and batch == online


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32))
@pytest.mark.long
def test_a_store_that_events_went_through_is_the_batch_of_everything(seed: int) -> None:
    """Promise P5: what the lake had, materialised, and later events in any order and grouping give the batch of all."""
    random = np.random.default_rng(seed)
    said = [arrived for number in range(4) for arrived in world(random, f"w{number}")]
    cut = int(random.integers(0, len(said) + 1))
    lake, rest = said[:cut], [Arrived(i, NOW) for i, _ in said[cut:]]
    if not lake:
        return
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: NOW)
        # The folds do not rely on what the door refuses.
        patch.setattr(log, "check", lambda *_args, **_options: None)
        store = Store(f"sqlite:///{Path(folder) / 'state.db'}")
        store.materialise(arrivals(lake))
        order = [rest[place].interaction for place in random.permutation(len(rest))]
        start = 0
        while start < len(order):
            end = start + int(random.integers(1, 4))
            store.log.append(order[start:end])
            start = end
        dated = [Arrived(stored.interaction, NOW) for stored in store.log.read(0, 10_000)]
        everything = [*lake, *dated]
        patch.setattr(clock, "now", lambda: NOW + timedelta(seconds=1))
        films = sorted({i.movie_id for i, _ in everything})
        users = sorted({i.user_id for i, _ in everything})
        # What everybody did is in the store as of its making: test_2_2_co_watch.py looks at that.
        for view in (view for view in VIEWS if not view.follows_everybody):
            keys = {"film": films, "user": users}.get(
                view.entity.name, [(user, film) for user in users for film in films]
            )
            for row in store.features.read_many(view.name, keys):
                key = row.key if isinstance(row.key, tuple) else (row.key,)
                wanted = expected(view, everything, dict(zip(view.entity.key_names, key, strict=True)), row.at)
                wrong = {n: (wanted[n], v) for n, v in row.to_dict().items() if not same(wanted[n], v)}
                assert row.condition == "fresh"
                assert not wrong, (row.key, wrong)
        store.database.close()


def test_a_view_that_is_not_materialised_is_left_alone(store: Store) -> None:
    """Events before the first materialising make no rows: half a fold would look like a whole one."""
    store.log.append([did("ann", 1, "like", event_id="1")])
    assert store.features.read("user_features", "ann").condition == "unknown"
    assert store.histories.read("ann").movie_ids.tolist() == [1]
    store.materialise(table([did("ben", 1, "like", at=1)]))
    assert store.features.read("user_features:positives", "ann").values == (1,)
    assert store.features.read("film_features:likes_all", 1).values == (2,)


def test_an_event_that_the_lake_has_already_counts_once(store: Store) -> None:
    """An event that the lake has is not folded in again, whatever place in the log the lake is said to have."""
    store.log.append([did("ann", 1, "like", at=1, event_id="1"), did("ann", 2, "view", at=2, event_id="2")])
    store.materialise(table([did("ann", 1, "like", at=1, event_id="1")]), position=0)
    row = store.features.read("user_features", "ann")
    assert (row.to_dict()["interactions"], row.stamp) == (2, 2)
    assert store.histories.read("ann").stamp == 2


def test_what_was_touched_is_made_anew_and_the_rest_is_left(store: Store) -> None:
    """Making only some users and films anew leaves the store that making all of it would."""
    before = [did("ann", 1, "rating", 4.0, at=1), did("ben", 2, "like", at=2), did("cat", 3, "like", at=3)]
    store.materialise(table(before))
    store.log.append([did("ann", 2, "like", at=5, event_id="e1"), did("new", 3, "like", at=5, event_id="e2")])
    new = [did("ben", 1, "rating", 1.0, at=4, event_id="late")]
    cut = Cut(table([*before, *new]), FILMS_TABLE, {"interactions": 2})
    prepared = store.features.prepare(cut, touched=({"ann", "ben", "new"}, {1, 2, 3}))
    assert prepared is not None
    assert store.log.write(prepared, last=1) is None
    assert store.log.write(prepared, last=2) == 4
    kept = {
        view: [(row.key, row.to_dict()) for row in store.features.read_many(view, keys)] for view, keys in KEYS.items()
    }
    words = [history.movie_ids.tolist() for history in store.histories.read_many(KEYS["user_features"])]
    store.materialise(table([*before, *new]))
    for view, keys in KEYS.items():
        for row, (key, values) in zip(store.features.read_many(view, keys), kept[view], strict=True):
            same_time = {"days_since_last", "likes_recent"} if key == "cat" else set()
            assert {n: v for n, v in row.to_dict().items() if n not in same_time} == {
                n: v for n, v in values.items() if n not in same_time
            }
    assert words == [[1, 2], [2, 1], [3], [3]]


KEYS = {"user_features": ["ann", "ben", "cat", "new"], "film_features": [1, 2, 3]}
