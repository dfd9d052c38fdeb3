"""One contract of the online store, kept by SQL and by Redis in front of it; and what becomes of outages."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from movie_mlops.core import clock
from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.nouns import Interaction
from movie_mlops.events import EventLog
from movie_mlops.features import (
    USER_FEATURES,
    VIEWS,
    Carrier,
    Cut,
    FeatureError,
    FeedbackConfig,
    Histories,
    OnlineFeatures,
    OnlineStore,
    Record,
    RedisConfig,
    UnknownFeatureError,
)
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import did, table
from tests.fixtures.stage_2.redis_server import RedisServer
from tests.fixtures.stage_2.worlds import FILMS_TABLE

CONFIG = FeedbackConfig()
LIFETIMES = {view.name: view.time_to_live.total_seconds() for view in VIEWS}
LAKE = [did("ann", 1, "rating", 5.0, at=1), did("ann", 2, "like", at=2), did("ben", 1, "rating", 2.0, at=3)]


class Online:
    """One process's view of an online store."""

    def __init__(self, url: str, redis: RedisConfig | None = None) -> None:
        self.database = Database(StateConfig(url))
        record = Record(self.database)
        self.store: OnlineStore = record if redis is None else Carrier(record, redis, LIFETIMES)
        self.histories = Histories(self.database, self.store)
        self.features = OnlineFeatures(self.database, VIEWS, CONFIG, self.store)
        self.log = EventLog(self.database, self.histories, CONFIG, features=self.features)

    def materialise(self, said: list[Interaction] = LAKE) -> None:
        """Make the store from a lake of ``said``."""
        prepared = self.features.prepare(Cut(table(said), FILMS_TABLE, {"interactions": 1}))
        assert prepared is not None
        self.log.write(prepared)

    def films(self, user: str) -> list[int]:
        """Return the films of a history."""
        return self.histories.read(user).movie_ids.tolist()

    def likes(self, film: int) -> object:
        """Return a film's likes; ``None`` without a row."""
        return self.features.read("film_features:likes_all", film).to_dict().get("likes_all")

    def close(self) -> None:
        """Close the database."""
        self.database.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(params=["alone", "redis"])
def online(request: pytest.FixtureRequest, state_url: str) -> Iterator[Online]:
    redis = request.getfixturevalue("server").config() if request.param == "redis" else None
    online = Online(state_url, redis)
    online.materialise()
    yield online
    online.close()


@pytest.fixture
def outage(tmp_path: Path, state_url: str) -> Iterator[tuple[RedisServer, Callable[[], Online]]]:
    """A Redis that may be killed, and processes that use it."""
    server = RedisServer(tmp_path / "redis")
    opened: list[Online] = []

    def process() -> Online:
        opened.append(Online(state_url, server.config()))
        return opened[-1]

    yield server, process
    for each in opened:
        each.close()
    server.kill()


def in_file(folder: Path) -> str:
    return f"sqlite:///{folder / 'state.db'}"


def until_back(online: Online) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        online.films("ann")
        if online.store.degraded is None:
            return
        time.sleep(0.01)
    pytest.fail("Redis is not used again")


def test_many_rows_are_read_at_once_in_the_order_asked_for(online: Online) -> None:
    """Each key gets its own row, unknown ones an empty history and a row without values, and keys may repeat."""
    users = ["ben", "nobody", "ann", "ben"]
    for _ in ("from the record", "from what is carried"):
        assert [h.movie_ids.tolist() for h in online.histories.read_many(users)] == [[1], [], [1, 2], [1]]
        rows = online.features.read_many("user_features", users)
        assert [row.condition for row in rows] == ["fresh", "unknown", "fresh", "fresh"]
        assert [row.to_dict().get("ratings") for row in rows] == [1, None, 1, 1]
        assert [row.key for row in rows] == users
        assert online.features.read_many("film_features", []) == []
        assert online.features.read("film_features", 1).to_dict()["rating_mean"] == 3.5


def test_an_event_is_in_every_row_when_it_is_acknowledged(online: Online) -> None:
    """History, user's row, film's row and the row of both have an event at once; a repetition changes nothing."""
    assert (online.films("ann"), online.likes(4)) == ([1, 2], None)
    event = did("ann", 4, "like", event_id="e1")
    for accepted in (1, 0):
        assert online.log.append([event]).accepted == accepted
        assert online.films("ann") == [1, 2, 4]
        assert online.likes(4) == 1
        row = online.features.read("user_features", "ann").to_dict()
        assert (row["interactions"], row["positives"], row["taste_comedy"]) == (3, 3, pytest.approx(2 / 3))
        assert online.features.read("match_features", ("ann", 4)).to_dict()["likes_before"] == 3
    assert online.films("ben") == [1]


def test_a_word_that_changes_is_taken_back_everywhere(online: Online) -> None:
    """Who rates again, likes, and rates once more is counted by the last word, and by the last rating."""
    online.log.append([did("ben", 1, "rating", 5.0, event_id="1")])
    assert online.features.read("film_features", 1).to_dict()["rating_mean"] == 5.0
    online.log.append([did("ben", 1, "dislike", event_id="2")])
    row = online.features.read("film_features", 1).to_dict()
    assert (row["likes_all"], row["rating_mean"], row["ratings"]) == (1, 5.0, 2)
    online.log.append([did("ben", 1, "rating", 1.0, event_id="3"), did("ben", 1, "like", event_id="4")])
    row = online.features.read("film_features", 1).to_dict()
    assert (row["likes_all"], row["rating_mean"], row["interactions"]) == (2, 3.0, 6)


def test_what_is_withdrawn_is_taken_back_everywhere(online: Online) -> None:
    """A like and a rating that are withdrawn count in no row any more, also a rating below a later like."""
    before = online.features.read("film_features", 1).to_dict()
    online.log.append([did("dan", 1, "rating", 1.0, event_id="1"), did("dan", 1, "like", event_id="2")])
    row = online.features.read("film_features", 1).to_dict()
    assert (row["likes_all"], row["ratings"]) == (before["likes_all"] + 1, before["ratings"] + 1)
    for number in (3, 5):
        online.log.append([did("dan", 1, "withdraw", event_id=f"{number}")])
        row = online.features.read("film_features", 1).to_dict()
        for name in ("likes_all", "ratings", "rating_mean"):
            assert row[name] == before[name], name
        assert online.films("dan") == []
        # Who speaks again is counted once, as if nothing had been.
        online.log.append([did("dan", 1, "rating", 4.0, event_id=f"{number + 1}")])
        row = online.features.read("film_features", 1).to_dict()
        assert (row["likes_all"], row["ratings"]) == (before["likes_all"] + 1, before["ratings"] + 1)
        assert online.films("dan") == [1]


def test_words_of_one_batch_are_withdrawn_in_order(online: Online) -> None:
    """Of a rating, its withdrawal and another rating in one batch the last counts, once."""
    before = online.features.read("film_features", 1).to_dict()["ratings"]
    words = [("rating", 1.0), ("withdraw", None), ("rating", 4.0), ("like", None), ("withdraw", None)]
    events = [did("eve", 1, kind, value, event_id=f"{place}") for place, (kind, value) in enumerate(words)]
    online.log.append(events[:3])
    assert online.features.read("film_features", 1).to_dict()["ratings"] == before + 1
    online.log.append(events[3:])
    assert online.features.read("film_features", 1).to_dict()["ratings"] == before
    online.log.append([did("eve", 1, "rating", 5.0, event_id="again")])
    assert online.features.read("film_features", 1).to_dict()["ratings"] == before + 1


def test_a_row_that_is_too_old_is_not_served(online: Online, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its view's time-to-live a row is stale and has no values; histories do not grow old."""
    assert online.features.read("user_features", "ann").condition == "fresh"
    later = clock.now() + USER_FEATURES.time_to_live + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    row = online.features.read("user_features", "ann")
    assert (row.condition, row.values) == ("stale", None)
    assert online.store.counts.of("stale") == 1
    assert online.films("ann") == [1, 2]


def test_a_damaged_row_is_not_served(online: Online) -> None:
    """Bytes that were changed are corrupt, never other values, and leave the rows beside them alone."""
    with online.database.write() as connection:
        row = connection.execute(text("SELECT packed FROM online_rows WHERE view = 'film_features' AND key = '1'"))
        packed = bytearray(row.scalar_one())
        packed[40] ^= 1
        connection.execute(
            text("UPDATE online_rows SET packed = :packed WHERE view = 'film_features' AND key = '1'"),
            {"packed": bytes(packed)},
        )
    first, second = online.features.read_many("film_features", [1, 2])
    assert (first.condition, first.values, second.condition) == ("corrupt", None, "fresh")


def test_materialising_again_forgets_what_the_lake_no_longer_has(online: Online) -> None:
    """Users and films that left the lake are unknown at once, whoever read them before."""
    assert online.films("ben") == [1]
    online.materialise(LAKE[:2])
    deadline = time.monotonic() + 20
    while online.films("ben") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert online.films("ben") == []
    assert online.features.read("user_features", "ben").condition == "unknown"
    assert online.features.read("film_features", 1).to_dict()["ratings"] == 1


def test_what_is_not_there_is_said(online: Online) -> None:
    """An unknown view or feature names the nearest, and a key of another entity says what the view is about."""
    with pytest.raises(UnknownFeatureError, match="Did you mean 'user_features'"):
        online.features.read("user_feature", "ann")
    with pytest.raises(UnknownFeatureError, match="Did you mean 'streak_days'"):
        online.features.read("user_features:streak", "ann")
    with pytest.raises(FeatureError, match=r"'film_features' is about a film; 'ann' is none\. Give a film's number"):
        online.features.read("film_features", "ann")
    with pytest.raises(FeatureError, match="Give a user id as text and a film's number"):
        online.features.read("match_features", "ann")


def test_events_during_an_outage_are_right_after_it(outage: tuple[RedisServer, Callable[[], Online]]) -> None:
    """Promise P14: what Redis missed while it was away is never served when it comes back with its old state."""
    server, process = outage
    writer, reader = process(), process()
    writer.materialise()
    assert [each.films("ann") for each in (writer, reader, reader)] == [[1, 2]] * 3
    assert reader.store.counts.of("hit") > 0
    server.save()
    server.kill()
    assert writer.log.append([did("ann", 3, "like", event_id="e1")]).accepted == 1
    # The reader was not told of anything; it asks the record within its lease, before the event is acknowledged.
    server.start()
    assert reader.films("ann") == [1, 2, 3]
    assert reader.likes(3) == 1
    until_back(reader)
    until_back(writer)
    for each in (reader, writer, process()):
        assert each.films("ann") == [1, 2, 3]
        assert each.films("ben") == [1]
    assert reader.store.counts.of("outdated") + writer.store.counts.of("outdated") > 0
    hits = reader.store.counts.of("hit")
    assert reader.films("ann") == [1, 2, 3]
    assert reader.store.counts.of("hit") == hits + 1


def test_an_outage_is_seen_and_ends_by_itself(outage: tuple[RedisServer, Callable[[], Online]]) -> None:
    """Promise P14: while Redis is away reads come from the record, are counted and say so; then it is used again."""
    server, process = outage
    online = process()
    online.materialise()
    online.films("ann")
    assert online.store.degraded is None
    server.kill()
    assert online.films("ann") == [1, 2]
    assert online.features.read("film_features", 1).condition == "fresh"
    assert "Redis cannot be used" in str(online.store.degraded)
    assert online.store.counts.of("fallback") == 2
    server.start()
    until_back(online)
    online.films("ann")
    fallbacks = online.store.counts.of("fallback")
    assert online.films("ann") == [1, 2]
    assert online.store.counts.of("fallback") == fallbacks


def test_what_redis_gives_is_believed_only_for_its_own_key(server: RedisServer, tmp_path: Path) -> None:
    """Promise P14: another user's row, a cut one and noise under a key are counted, and the record's row is served."""
    online = Online(in_file(tmp_path), server.config())
    online.materialise()
    assert (online.films("ann"), online.films("ben")) == ([1, 2], [1])
    client = server.client()
    names = {name.rsplit(b":", 1)[1]: name for name in client.keys("*:histories:*")}
    namespace = online.database.fetch("SELECT namespace FROM online_trust")[0][0]
    ann, ben = (f"movie-mlops:{namespace}:histories:{user}" for user in ("ann", "ben"))
    assert names
    for wrong in (client.get(ben), client.get(ann)[:-1], b"M1" + b"\xff" * 60, b""):
        client.set(ann, wrong)
        assert online.films("ann") == [1, 2]
        assert online.films("ann") == [1, 2]
    assert online.store.counts.of("corrupt") == 4
    online.close()


def test_two_records_share_a_redis_without_sharing_rows(server: RedisServer, tmp_path: Path) -> None:
    """The same user of two homes has two histories, whatever Redis holds."""
    first, second = Online(in_file(tmp_path / "a"), server.config()), Online(in_file(tmp_path / "b"), server.config())
    first.materialise()
    second.materialise([did("ann", 4, "like", at=1)])
    assert [first.films("ann"), second.films("ann"), first.films("ann")] == [[1, 2], [4], [1, 2]]
    first.close()
    second.close()


def test_a_slow_reader_does_not_bring_an_old_row_back(server: RedisServer, tmp_path: Path) -> None:
    """A row that was read from the record before an event does not take the place of the newer one in Redis."""
    online = Online(in_file(tmp_path), server.config())
    online.materialise()
    record = Record(online.database)
    old = record.read_many("histories", ["ann"])
    online.log.append([did("ann", 3, "like", event_id="e1")])
    store = online.store
    assert isinstance(store, Carrier)
    store._fill("histories", store._believed(), {"ann": old[0]})
    assert online.films("ann") == [1, 2, 3]
    online.close()


def test_a_redis_that_refuses_writes_is_not_believed(outage: tuple[RedisServer, Callable[[], Online]]) -> None:
    """A Redis that answers reads but takes no writes, as a full one does, is left until it takes them again."""
    server, process = outage
    online = process()
    online.materialise()
    assert online.films("ann") == [1, 2]
    server.client().config_set("maxmemory", "1")
    online.log.append([did("ann", 3, "like", event_id="e1")])
    assert online.films("ann") == [1, 2, 3]
    assert "Redis cannot be used" in str(online.store.degraded)
    server.client().config_set("maxmemory", "0")
    until_back(online)
    assert online.films("ann") == [1, 2, 3]


def test_a_wrong_password_is_seen_and_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With a password that Redis refuses, reads come from the record and say so; the password is nowhere to be read."""
    server = RedisServer(tmp_path / "redis", password="right")
    config = server.config()
    wrong = RedisConfig(SecretStr(config.url.get_secret_value().replace("right", "a-canary")))
    online = Online(in_file(tmp_path), wrong)
    online.materialise()
    assert online.films("ann") == [1, 2]
    told = f"{online.store.degraded} {caplog.text} {wrong}"
    assert "Redis cannot be used" in told
    assert "a-canary" not in told
    online.close()
    server.kill()


@pytest.mark.parametrize("url", ["http://localhost:1", "localhost:6379", "redis://localhost:many"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    """What is no address of a Redis is said at once, with an example of one."""
    with pytest.raises(ConfigurationError, match="MOVIE_MLOPS_REDIS_URL is no address"):
        Online(in_file(tmp_path), RedisConfig(SecretStr(url)))
