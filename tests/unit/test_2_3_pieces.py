"""Features of many interactions are computed piece by piece, and are the same as of all at once."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.features import VIEWS, Cut, FeedbackConfig, OnlineFeatures, snapshot
from movie_mlops.features import pieces as cutting
from movie_mlops.features.pieces import pieces, rows_that_fit
from movie_mlops.state import Database, StateConfig
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
    """Rows, states, histories and tables from pieces of three interactions are those of everything at once."""
    said = lake(seed)
    features = OnlineFeatures(Database(StateConfig("sqlite://")), VIEWS, CONFIG)
    tables = [view for view in VIEWS if len(view.entity.keys) == 1]

    def made() -> tuple[object, ...]:
        prepared = features.prepare(Cut(said, FILMS_TABLE, {"interactions": 1}))
        assert prepared is not None
        rows = {name: rows for name, rows in prepared.rows.items() if name in {"histories", "ratings"}}
        return (
            rows,
            [each.rows for each in prepared.views],
            [each.states.rows() for each in prepared.views],
            [snapshot(view, said, as_of=None, config=CONFIG, films=FILMS_TABLE).rows() for view in tables],
        )

    whole = made()
    calls: list[int] = []

    def few() -> int:
        calls.append(3)
        return 3

    monkeypatch.setattr(cutting, "rows_that_fit", few)
    assert repr(made()) == repr(whole)
    assert len(calls) > len(tables)


def test_a_small_machine_takes_fewer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fits goes by the memory that is left, and is never so little that nothing gets on."""
    monkeypatch.setattr(cutting, "available_memory_bytes", lambda: 24 * 2**30)
    assert rows_that_fit() == 24 * 2**30 // 8 // 600
    monkeypatch.setattr(cutting, "available_memory_bytes", lambda: 0)
    assert rows_that_fit() == 500_000
