"""The online store of histories."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from movie_mlops.core.nouns import Kind
from movie_mlops.features import FeatureError, FeedbackConfig, Histories
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import day, did, table

CONFIG = FeedbackConfig()


@pytest.fixture
def database(state_url: str) -> Iterator[Database]:
    database = Database(StateConfig(state_url))
    yield database
    database.close()


def test_an_unknown_user_has_an_empty_history(database: Database) -> None:
    """Nobody is a user without films, not an error."""
    history = Histories(database).read("nobody")
    assert len(history) == 0
    assert (history.movie_ids.dtype, history.weights.dtype, history.times.dtype) == ("int64", "float32", "int64")


def test_a_history_is_in_order_of_time(database: Database) -> None:
    """The oldest film comes first, undated ones before it, and films of one moment by their number."""
    histories = Histories(database)
    words = [
        did("a", 5, "rating", 2.0, at=2),
        did("a", 7, "like", at=1),
        did("a", 3, "like"),
        did("a", 4, "view", at=2),
        did("b", 1, "like", at=1),
    ]
    assert histories.replace_all(table(words), CONFIG) == 2
    day_1 = int(day(1).timestamp())
    for _ in ("from the lake", "from events"):
        history = histories.read("a")
        assert history.movie_ids.tolist() == [3, 7, 4, 5]
        assert history.weights.tolist() == [1.0, 1.0, 0.0, 0.0]
        assert history.times.tolist() == [-1, day_1, day_1 + 86400, day_1 + 86400]
        with database.write() as connection:
            connection.execute(text("DELETE FROM online_rows"))
            histories.apply(connection, words, CONFIG)


def test_a_history_keeps_what_was_said(database: Database) -> None:
    """Each film has the kind and the value of the word that counts, from the lake and from events alike."""
    histories = Histories(database)
    words = [did("a", 1, "rating", 4.5, at=1), did("a", 2, "click", at=2), did("a", 3, "watch", 0.25, at=3)]
    histories.replace_all(table(words), CONFIG)
    for _ in ("from the lake", "from events"):
        history = histories.read("a")
        assert history.kinds == [Kind.RATING, Kind.CLICK, Kind.WATCH]
        assert str(history.values.tolist()) == "[4.5, nan, 0.25]"
        assert history.consumed.tolist() == [True, False, True]
        with database.write() as connection:
            connection.execute(text("DELETE FROM online_rows"))
            histories.apply(connection, words, CONFIG)


def test_an_event_counts_at_once(database: Database) -> None:
    """After its transaction, a word is in the history, at its place in time, and an older word changes nothing."""
    histories = Histories(database)
    histories.replace_all(table([did("a", 1, "like", at=1), did("a", 2, "like", at=2)]), CONFIG)
    with database.write() as connection:
        histories.apply(connection, [did("a", 1, "dislike", at=3), did("a", 2, "dislike", at=1)], CONFIG)
    history = histories.read("a")
    assert history.movie_ids.tolist() == [2, 1]
    assert history.weights.tolist() == [1.0, 0.0]


def test_what_was_withdrawn_is_in_no_history(database: Database) -> None:
    """From the lake and from events alike: it is gone at once, an older word that comes late does not bring it back."""
    histories = Histories(database)
    said = [did("a", 1, "like", at=1), did("a", 2, "rating", 5.0, at=1), did("a", 3, "like", at=1)]
    histories.replace_all(table(said), CONFIG)
    taken_back = [did("a", 1, "withdraw", at=3), did("a", 2, "withdraw", at=3)]
    with database.write() as connection:
        histories.apply(connection, taken_back, CONFIG)
    assert histories.read("a").movie_ids.tolist() == [3]
    with database.write() as connection:
        histories.apply(connection, [did("a", 1, "dislike", at=2)], CONFIG)
    assert histories.read("a").movie_ids.tolist() == [3]
    histories.replace_all(table([*said, *taken_back]), CONFIG)
    assert histories.read("a").movie_ids.tolist() == [3]
    with database.write() as connection:
        histories.apply(connection, [did("a", 1, "like", at=4)], CONFIG)
    assert histories.read("a").movie_ids.tolist() == [3, 1]


def test_a_rolled_back_event_leaves_nothing(database: Database) -> None:
    """A transaction that fails takes the history back with it."""
    histories = Histories(database)

    def fail() -> None:
        with database.write() as connection:
            histories.apply(connection, [did("a", 1, "like", at=1)], CONFIG)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert histories.count() == 0


def test_replacing_forgets_what_the_lake_no_longer_has(database: Database) -> None:
    """Users and films that left the lake leave the store; with another threshold the weights change."""
    histories = Histories(database)
    histories.replace_all(table([did("a", 1, "rating", 4.0, at=1), did("b", 1, "like", at=1)]), CONFIG)
    histories.replace_all(table([did("a", 1, "rating", 4.0, at=1)]), FeedbackConfig(positive_rating=4.5))
    assert histories.count() == 1
    assert histories.read("a").weights.tolist() == [0.0]
    assert histories.replace_all(table([]), CONFIG) == 0


def test_events_that_the_lake_has_not_got_survive_a_replacement(database: Database) -> None:
    """Later events are applied again in the transaction that replaces the histories."""
    histories = Histories(database)
    event = did("a", 1, "dislike", at=2)
    histories.replace_all(
        table([did("a", 1, "like", at=1)]),
        CONFIG,
        later=lambda _: [[event], [did("c", 1, "like", at=1)]],
    )
    assert histories.read("a").weights.tolist() == [0.0]
    assert histories.count() == 2


@pytest.mark.parametrize("packed", [b"", b"\x01" + bytes(39), b"\x02" + bytes(20)], ids=["empty", "version", "cut"])
def test_a_damaged_history_is_refused(database: Database, packed: bytes) -> None:
    """Bytes of another version or a wrong length are an error that names the user, never a made-up history."""
    with database.write() as connection:
        connection.execute(text("INSERT INTO online_rows VALUES ('histories', 'a', 1, 0, :packed)"), {"packed": packed})
    with pytest.raises(FeatureError, match="'a'"):
        Histories(database).read("a")
