"""Real transports: Redis Streams with a real Redis and real kill -9, Kafka with the cluster that librdkafka brings."""

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from movie_mlops.core.cloud_events import SPEC_VERSION
from movie_mlops.core.nouns import Interaction, Workspace
from movie_mlops.events import EventConfig, EventLog
from movie_mlops.events.consumers import Consumer, Consuming, OnlineEffect, positions
from movie_mlops.events.transports import Message, Relay, TransportError
from movie_mlops.events.transports.redis_streams import GROUP, RedisSource, RedisStream, key_of
from movie_mlops.features import FeedbackConfig, Histories, open_redis
from movie_mlops.features.online.materialise import STATES
from movie_mlops.flows import EventsConfig, Platform, PlatformConfig
from movie_mlops.flows.carrying import dead_letters
from movie_mlops.flows.materialise import materialise
from movie_mlops.state import Database, StateConfig
from tests.fixtures.common.warm_python import WARM, WarmProcess
from tests.fixtures.stage_2.interactions import did
from tests.fixtures.stage_2.redis_server import RedisServer
from tests.fixtures.stage_9.shop import shop

WITHIN_S = 90
BY_WORKERS = EventConfig(effects="by-workers")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    yield database
    database.close()


@pytest.fixture
def log(database: Database) -> EventLog:
    return EventLog(database, Histories(database), FeedbackConfig(), BY_WORKERS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


def said(first: int, count: int) -> list[Interaction]:
    return [did(f"u{number % 5}", 1 + number % 9, "like", at=number % 400) for number in range(first, first + count)]


def consuming(log: EventLog, database: Database, source: object, most: int = 100) -> Consuming:
    return Consuming(database, log, [Consumer(database, OnlineEffect(log))], source, most=most)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come so far in time"
        time.sleep(0.05)


def test_a_stream_has_each_event_once_whoever_sends(log: EventLog, server: RedisServer) -> None:
    """A relay adds behind what it took to be last and nowhere else; what was erased goes, and what is old."""
    client = open_redis(server.config(), patience_seconds=5.0)
    one, other = RedisStream(client, log.name), RedisStream(client, log.name)
    log.append(said(0, 40))
    messages = [Message.of(event) for event in log.read(0, 99)]
    assert one.last() == 0
    assert one.send(messages[:20], after=0)
    assert not other.send(messages[:20], after=0)
    assert not other.send(messages[30:], after=30)
    assert other.send(messages[20:], after=20)
    assert (one.last(), client.xlen(one.key)) == (40, 40)
    [(entry, fields)] = client.xrange(one.key, count=1)
    envelope = orjson.loads(fields[b"event"])
    assert (entry, envelope["specversion"], envelope["subject"]) == (b"1-0", SPEC_VERSION, "u0")
    assert (one.forget([3, 4, 99]), client.xlen(one.key)) == (2, 38)


def test_what_a_dead_consumer_took_is_taken_over(log: EventLog, database: Database, server: RedisServer) -> None:
    """Entries that somebody took and never finished come to the next one, and in the end none is pending."""
    client = open_redis(server.config(), patience_seconds=5.0)
    stream = RedisStream(client, log.name)
    relay = Relay(log, stream, lambda: positions(database)["online"])
    log.append(said(0, 30))
    dead = RedisSource(client, log.name, "dead")
    living = RedisSource(client, log.name, "living", take_over_seconds=0.01)
    assert dead.take(10, 0.0) == []
    assert (relay.turn(), len(dead.take(10, 0.0)), stream.waiting()) == (30, 10, 10)
    time.sleep(0.05)
    work = consuming(log, database, living)
    while work.turn().deliveries or stream.waiting():
        time.sleep(0.02)
    assert (positions(database), stream.waiting()) == ({"online": 30}, 0)
    client.xadd(stream.key, {"event": b"no envelope"}, id="31-0")
    client.xadd(stream.key, {"other": b"thing"}, id="32-0")
    assert (work.turn().strange, stream.waiting()) == (2, 0)


def test_a_redis_that_is_away_is_told(log: EventLog, tmp_path: Path) -> None:
    """Each end says so in a sentence, and nothing else happens."""
    server = RedisServer(tmp_path / "away")
    config = server.config()
    server.kill()
    client = open_redis(config, patience_seconds=5.0)
    with pytest.raises(TransportError, match="Redis cannot be used"):
        RedisStream(client, log.name).last()
    with pytest.raises(TransportError, match="Redis cannot be used"):
        RedisSource(client, log.name, "a").take(1, 0.0)


def test_workers_and_redis_are_killed_and_every_effect_is_made_once(tmp_path: Path) -> None:
    """Promise P19: with kill -9 of workers, each a relay and a consumer, and of Redis, which comes back empty.

    Histories and the states of every feature are in the end what one process makes of the same events in their order;
    nothing is pending in Redis, and there is no dead letter.
    """
    chance, server = random.Random(9), RedisServer(tmp_path / "redis")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "platform.yaml").write_text("events: {effects: by-workers}\n")
    environment = {
        "PATH": os.defpath,
        "PYTHONUNBUFFERED": "1",
        "MOVIE_MLOPS_REDIS_URL": server.config().url.get_secret_value(),
        "MOVIE_MLOPS_CONFIG": str(tmp_path / "config"),
    }

    def started() -> WarmProcess:
        words = ["worker", "--every", "600", "--source", "redis", "--home", str(tmp_path), "--dataset", "shop"]
        return WARM.start(["-m", "movie_mlops", *words], cwd=tmp_path, env=environment)

    with shop(tmp_path) as first:
        materialise(first)
    platform = Platform(Workspace(tmp_path, "shop"), PlatformConfig(events=EventsConfig(effects="by-workers")))
    workers = [started(), started()]
    try:
        for burst in range(5):
            platform.events.append(said(burst * 150, 150))
            time.sleep(chance.random() * 0.2)
            if burst in {1, 3}:
                server.kill()
                server.start()
            victim = chance.randrange(2)
            workers[victim].kill()
            workers[victim].communicate(timeout=WITHIN_S)
            workers[victim] = started()
        last = platform.events.last_offset()
        wait_until(lambda: positions(platform.database)["online"] == last)
        stream = RedisStream(open_redis(server.config(), patience_seconds=5.0), platform.events.name)
        wait_until(lambda: stream.last() == last and stream.waiting() == 0)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate(timeout=WITHIN_S)
        server.kill()
    assert dead_letters(platform).all() == []
    assert held(platform) == of_one_process(tmp_path / "truth", platform)
    platform.close()


def held(platform: Platform) -> dict[str, object]:
    """Return what is known of each user and film; rows themselves say as of when they are, and differ by that."""
    with platform.database.read() as connection:
        states = connection.execute(select(STATES).order_by(STATES.c.view, STATES.c.key)).all()
    histories = platform.histories.read_many([f"u{number}" for number in range(5)])
    known = {(row.view, row.key): orjson.loads(row.state) for row in states}
    return {"states": known, "histories": [history.digest() for history in histories]}


def of_one_process(folder: Path, platform: Platform) -> dict[str, object]:
    """Return what one process makes of the same events, at once."""
    folder.mkdir()
    with shop(folder) as truth:
        materialise(truth)
        truth.events.append([event.interaction for event in platform.events.read(0, 10_000)])
        return held(truth)


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    kafka = pytest.importorskip("confluent_kafka")
    cluster = kafka.Producer({"bootstrap.servers": "none:1", "test.mock.num.brokers": 2, "log_level": 2})
    known = cluster.list_topics(timeout=WITHIN_S).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in known)
    # The brokers live as long as it does.
    del cluster


def test_kafka_carries_each_users_events_in_order(log: EventLog, database: Database, brokers: str) -> None:
    """Promise P19: through Kafka, with a relay that dies before it knows what it sent; each user in one partition."""
    from movie_mlops.events.transports.kafka import KafkaSource, KafkaTopic, topic_of  # noqa: PLC0415

    topic = KafkaTopic(brokers, log.name, database)
    log.append(said(0, 60))
    lost = [Message.of(event) for event in log.read(0, 25)]
    # Somebody else moved the place meanwhile: all of it is sent, and nobody takes it for the newest.
    assert not topic.send(lost, after=99)
    assert topic.last() == 0
    relay = Relay(log, topic, lambda: positions(database)["online"], at_once=25)
    assert [relay.turn() for _ in range(4)] == [25, 25, 10, 0]
    assert topic.last() == 60
    source = KafkaSource(brokers, log.name)
    work, seen = consuming(log, database, source), dict[str, list[int]]()
    partitions: dict[str, set[int]] = {}
    inner = source.done

    def done(deliveries: list[object]) -> None:
        for each in deliveries:
            user = each.token.key().decode()
            seen.setdefault(user, []).append(each.offset)
            partitions.setdefault(user, set()).add(each.token.partition())
        inner(deliveries)

    source.done = done  # type: ignore[method-assign]
    wait_until(lambda: work.turn(1.0).deliveries + sum(map(len, seen.values())) >= 85)
    assert positions(database) == {"online": 60}
    assert {len(places) for places in partitions.values()} == {1}
    assert len({place for places in partitions.values() for place in places}) > 1
    firsts = {user: list(dict.fromkeys(offsets)) for user, offsets in seen.items()}
    assert all(offsets == sorted(offsets) for offsets in firsts.values())
    assert [len(history) for history in Histories(database).read_many(sorted(firsts))] == [9] * 5
    assert topic_of(log.name).endswith(log.name)
    source.close()


def test_kafka_that_is_away_is_told(log: EventLog, database: Database) -> None:
    """Without an answer of any broker the events wait in the log, and the relay's place stays where it is."""
    pytest.importorskip("confluent_kafka")
    from movie_mlops.events.transports.kafka import KafkaTopic  # noqa: PLC0415

    log.append(said(0, 3))
    topic = KafkaTopic("127.0.0.1:1", log.name, database, options={"log_level": 0}, patience_seconds=0.3)
    with pytest.raises(TransportError, match="Kafka cannot be used"):
        topic.send([Message.of(event) for event in log.read(0, 9)], after=0)
    assert topic.last() == 0


def test_a_stream_is_named_after_its_log(server: RedisServer) -> None:
    """Two logs on one Redis do not meet; a consumer of a stream that is not there makes its group and waits."""
    client = open_redis(server.config(), patience_seconds=5.0)
    assert RedisSource(client, "one", "a").take(1, 0.0) == []
    assert client.xinfo_groups(key_of("one"))[0]["name"] == GROUP.encode()
    assert RedisStream(client, "other").last() == 0
