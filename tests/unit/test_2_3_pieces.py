"""Features of many interactions are computed piece by piece, and are the same as of all at once."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.core.nouns import Workspace
from movie_mlops.features import VIEWS, Cut, FeedbackConfig, OnlineFeatures, feedback, neighbourhoods, snapshot
from movie_mlops.features import pieces as cutting
from movie_mlops.features.pieces import pieces, rows_that_fit
from movie_mlops.flows import Platform
from movie_mlops.flows.features import features as compute
from movie_mlops.flows.features import training_feedback
from movie_mlops.settings import read_platform_config
from movie_mlops.state import Database, StateConfig, driver
from tests.fixtures.stage_2.computing import fill
from tests.fixtures.stage_2.worlds import FILMS_TABLE, arrivals, world

CONFIG = FeedbackConfig()


def lake(seed: int, worlds: int = 12) -> pl.LazyFrame:
    random = np.random.default_rng(seed)
    return arrivals([each for number in range(worlds) for each in world(random, f"u{number}")])


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(st.sampled_from("abcdefgh"), max_size=40), most=st.integers(1, 50))
def test_pieces_hold_whole_entities_in_order_and_leave_nothing_out(rows: list[str], most: int) -> None:
    """Each row is in one piece, nobody is in two, and a piece has no more rows than asked and those of its last."""
    frame = pl.LazyFrame({"user_id": rows, "row": range(len(rows))}, schema={"user_id": pl.String, "row": pl.Int64})
    cut = [piece.collect() for piece in pieces(frame, "user_id", most=most)]
    assert sorted(row for piece in cut for row in piece["row"]) == list(range(len(rows)))
    names = [sorted(set(piece["user_id"])) for piece in cut]
    assert [name for some in names for name in some] == sorted(set(rows))
    for piece in cut:
        largest = piece["user_id"].value_counts()["count"].max() if piece.height else 0
        assert piece.height <= most + largest
    assert len(cut) > 1 or len(rows) <= most + max((rows.count(name) for name in rows), default=0)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_stored_and_tabled_is_the_same_to_the_last_byte(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, states, histories, neighbourhoods and tables from pieces of three interactions are those of all at once."""
    said = lake(seed)
    features = OnlineFeatures(Database(StateConfig("sqlite://")), VIEWS, CONFIG)
    tables = [view for view in VIEWS if len(view.entity.keys) == 1]

    def made() -> tuple[object, ...]:
        prepared = features.prepare(Cut(said, FILMS_TABLE, {"interactions": 1}))
        assert prepared is not None
        return (
            {name: list(rows) for name, rows in prepared.rows.items()},
            [list(each.rows) for each in prepared.views],
            [list(each.states) for each in prepared.views],
            [snapshot(view, said, as_of=None, config=CONFIG, films=FILMS_TABLE).rows() for view in tables],
        )

    whole = made()
    calls: list[int] = []

    def few(memory: int | None = None) -> int:
        calls.append(3)
        return 3

    monkeypatch.setattr(cutting, "rows_that_fit", few)
    monkeypatch.setattr(neighbourhoods, "_PRODUCT", 5)
    assert repr(made()) == repr(whole)
    assert len(calls) > len(tables)


def test_a_small_machine_takes_fewer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fits goes by the memory that is left, and is never so little that nothing gets on."""
    monkeypatch.setattr(cutting, "available_memory_bytes", lambda: 24 * 2**30)
    assert rows_that_fit() == 24 * 2**30 // 8 // 600
    monkeypatch.setattr(cutting, "available_memory_bytes", lambda: 0)
    assert rows_that_fit() == 500_000
    assert rows_that_fit(6_000_000) == 10_000
    assert rows_that_fit(1) == 1


def test_the_memory_of_the_configuration_bounds_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, rows, states, neighbourhoods, histories and what models learn from all go by ``features.memory_mib``."""
    (tmp_path / "platform.yaml").write_text("features:\n  memory_mib: 64\n")
    config = read_platform_config(tmp_path / "platform.yaml")
    platform = Platform(Workspace(tmp_path, "small"), config)
    fill(platform.lake, 500)
    asked: list[int | None] = []

    def few(memory: int | None = None) -> int:
        asked.append(memory)
        return 150

    monkeypatch.setattr(cutting, "rows_that_fit", few)
    monkeypatch.setattr(driver, "_AT_ONCE", 2)
    ingested = {"versions": {"interactions": 0, "movies": 0}, "events_offset": 0}
    made, likes = compute(platform, ingested), training_feedback(platform, ingested)
    assert likes.equals(feedback(platform.lake.scan("interactions"), CONFIG))
    [(states,)] = platform.database.fetch("SELECT count(*) FROM fold_states", ())
    platform.close()
    assert (made["histories"], states) == (5, 272 + 5 + 5)
    views = [view for view in VIEWS if not view.follows_everybody]
    assert asked == [64 * 2**20] * (2 + len(views) + 1 + 1 + 1)
