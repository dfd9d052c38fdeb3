"""What is computed in batch and what is kept online are the same."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.features import FeedbackConfig, Histories, feedback
from movie_mlops.features.feedback import latest_words
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import START, did, table

CONFIG = FeedbackConfig(weights={Kind.LIKE: 1.0, Kind.RATING: 0.7, Kind.WATCH: 0.3})

words = st.builds(
    did,
    st.sampled_from(["a", "b", "ü"]),
    st.integers(1, 4),
    st.sampled_from([kind.value for kind in Kind]),
    st.sampled_from([None, 0.4, 0.5, 3.9, 4.0, 5.0]),
    at=st.none() | st.integers(-1, 3) | st.sampled_from([1 + 1e-9, 1 + 1e-10, 1.5]),
)


def online(histories: Histories, users: Sequence[str]) -> list[tuple[str, int, float, int, str, str]]:
    return sorted(
        (user, *entry)
        for user in users
        for entry in zip(*(array.tolist() for array in _arrays(histories, user)), strict=True)
    )


def _arrays(histories: Histories, user: str):
    history = histories.read(user)
    return history.movie_ids, history.weights, history.times, np.array(history.kinds), history.values.astype(str)


def batch(interactions: pl.LazyFrame) -> list[tuple[str, int, float, int, str, str]]:
    frame = latest_words(interactions, CONFIG).filter(pl.col("kind") != "withdraw")
    assert frame.select("user_id", "movie_id", "weight", "event_time").equals(feedback(interactions, CONFIG))
    frame = frame.with_columns((pl.col("event_time").to_physical() // 1_000_000).fill_null(-1))
    values = frame["value"].fill_null(float("nan")).to_numpy().astype(str)
    said = frame.with_columns(pl.Series("value", values.tolist(), pl.String))
    return sorted(said.select("user_id", "movie_id", "weight", "event_time", "kind", "value").rows())


def empty_store() -> tuple[Database, Histories]:
    database = Database(StateConfig("sqlite://"))
    return database, Histories(database)


@settings(deadline=None, max_examples=12)
@given(said=st.lists(words, max_size=25, unique_by=lambda word: word.event_id), data=st.data())
def test_replaying_in_any_order_and_grouping_gives_the_batch(said: list[Interaction], data: st.DataObject) -> None:
    """Words applied one by one or in groups, shuffled and some twice, leave the histories that the batch computes."""
    order = data.draw(st.permutations(said)) + (data.draw(st.lists(st.sampled_from(said))) if said else [])
    database, histories = empty_store()
    while order:
        size = data.draw(st.integers(1, len(order)))
        with database.write() as connection:
            histories.apply(connection, order[:size], CONFIG)
        order = order[size:]
    assert online(histories, ["a", "b", "ü"]) == batch(table(said))
    database.close()


@settings(deadline=None, max_examples=12)
@given(said=st.lists(words, max_size=25, unique_by=lambda word: word.event_id), data=st.data())
def test_the_lake_and_the_events_after_it_give_the_batch_of_both(said: list[Interaction], data: st.DataObject) -> None:
    """Histories made from the lake and then kept current by events are those of a lake that has it all."""
    cut = data.draw(st.integers(0, len(said)))
    first, rest = table(said[:cut], ingested_at=START), table(said[cut:], ingested_at=START + timedelta(days=1))
    database, histories = empty_store()
    histories.replace_all(first, CONFIG)
    for word in data.draw(st.permutations(said[cut:])):
        with database.write() as connection:
            histories.apply(connection, [word], CONFIG)
    assert online(histories, ["a", "b", "ü"]) == batch(pl.concat([first, rest]))
    database.close()


def test_an_undated_event_is_later_than_the_lake_online_and_in_batch() -> None:
    """Of two undated words of equal authority, the one that the lake gets later counts, in both forms."""
    first, second = did("a", 1, "dislike"), did("a", 1, "like")
    database, histories = empty_store()
    histories.replace_all(table([first], ingested_at=START), CONFIG)
    with database.write() as connection:
        histories.apply(connection, [second], CONFIG)
    both = pl.concat([table([first], ingested_at=START), table([second], ingested_at=START + timedelta(days=1))])
    assert online(histories, ["a"]) == batch(both) == [("a", 1, 1.0, -1, "like", "nan")]
    database.close()
