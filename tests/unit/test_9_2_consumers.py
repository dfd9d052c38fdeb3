"""Consumers: delivered at least once, in effect exactly once, in the log's order; poison goes to the dead letters."""

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from sqlalchemy import delete

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.events import EventConfig, EventLog
from movie_mlops.events.consumers import (
    CONSUMERS,
    Consumer,
    ConsumerConfig,
    Consuming,
    DeadLetters,
    OnlineEffect,
    positions,
)
from movie_mlops.events.consumers.dead_letters import LETTERS
from movie_mlops.events.errors import DeadLetterError
from movie_mlops.events.stored import EVENTS
from movie_mlops.events.transports import LogSource, Relay
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.features.online.record import ROWS
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import did
from tests.fixtures.stage_9.faulty import TALLY, FaultySource, FaultyStream, KilledError, Tally, tallied

QUICK = ConsumerConfig(at_once=8, attempts=3, back_off_seconds=0.0)


@pytest.fixture(scope="module")
def memory() -> Iterator[Database]:
    # What is proved here is order and number; that a commit is on disk is proved with the log.
    database = Database(StateConfig("sqlite://"))
    with database.write() as connection:
        TALLY.create(connection)
    yield database
    database.close()


@pytest.fixture
def database(memory: Database) -> Database:
    clear(memory)
    return memory


def clear(database: Database) -> None:
    with database.write() as connection:
        for table in (EVENTS, CONSUMERS, LETTERS, ROWS, TALLY):
            connection.execute(delete(table))
        # A log that begins: its first event has the place 1.
        connection.exec_driver_sql("DELETE FROM sqlite_sequence")


@dataclass
class World:
    """A log, a transport, relays and consumers that die and come back, all from one seed."""

    database: Database
    seed: int

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.stream = FaultyStream(self.chance, self.chance.choice([0.05, 0.15, 0.3]))
        self.poison = frozenset(self.chance.sample(range(1, 40), self.chance.randrange(3)))
        self.tally = Tally(self.stream, self.poison)
        config = EventConfig(effects="by-workers")
        self.log = EventLog(self.database, Histories(self.database), FeedbackConfig(), config)
        self.said = 0

    def say(self) -> None:
        """Have events acknowledged; whoever sends them may send them again."""
        events = [
            did(f"u{self.chance.randrange(4)}", self.chance.randrange(1, 40), "like", at=number, event_id=f"e{number}")
            for number in range(self.said, self.said + self.chance.randrange(1, 12))
        ]
        self.said += len(events)
        for _ in range(1 + self.stream.trouble(2)):
            self.log.append(events)

    def relay(self) -> None:
        """Take a turn of a relay."""
        place = positions(self.database).get("tally", 0)
        Relay(self.log, self.stream, lambda: place, at_once=self.chance.randrange(1, 9)).turn()

    def consume(self, name: str) -> None:
        """Take a turn of a consumer."""
        self.consuming(name).turn()

    def consuming(self, name: str) -> Consuming:
        """Return a consumer that has just begun."""
        consumer = Consumer(self.database, self.tally, QUICK)
        return Consuming(self.database, self.log, [consumer], FaultySource(self.stream, name), most=7)

    def run(self) -> None:
        """Do anything in any order, each step as a process that may die in it; then let everything heal."""
        for _ in range(self.chance.randrange(10, 30)):
            step = self.chance.random()
            with suppress(KilledError, MovieMlopsError):
                if step < 0.25:
                    self.say()
                elif step < 0.5:
                    self.relay()
                elif step < 0.94:
                    self.consume(self.chance.choice("abc"))
                elif step < 0.97:
                    self.stream.lose_everything()
                else:
                    self.stream.add_strange(self.chance.choice([b"", b"{}", b"\xff", b'{"sequence":"x"}']))
        self.stream.faults = 0.0
        while self.log.last_offset() > self.stream.newest:
            self.relay()
        while self.stream.unread or self.stream.pending:
            self.consume("last")
        self.consuming("last").sweep()

    def check(self) -> None:
        """Hold what became of the events against the log."""
        events = self.log.read(0, 10_000)
        bad = {event.offset for event in events if event.interaction.movie_id in self.poison}
        with self.database.read() as connection:
            made = tallied(connection)
        letters = DeadLetters(self.database, [self.tally]).all()
        assert made == [event.offset for event in events if event.offset not in bad], self.seed
        assert {letter.offset for letter in letters if letter.offset is not None} == bad, self.seed
        assert all("u" not in letter.reason.partition("'")[2][:2] for letter in letters), self.seed
        assert not self.stream.pending, self.seed
        assert positions(self.database).get("tally", 0) == self.log.last_offset(), self.seed
        assert self.tally.published >= set(made), self.seed


def run_schedules(database: Database, seeds: range) -> None:
    for seed in seeds:
        clear(database)
        world = World(database, seed)
        world.run()
        world.check()


def test_every_effect_is_made_once_whatever_happens(database: Database) -> None:
    """Promise P19: relays and consumers die anywhere, the transport is away, repeats, reorders and forgets.

    In 100 schedules, effects are the log's events, once and in order; nothing is pending; the dead letters are exactly
    the poison.
    """
    run_schedules(database, range(100))


@pytest.mark.long
def test_every_effect_is_made_once_in_a_thousand_schedules(database: Database) -> None:
    """Promise P19: the same for 1,200 further schedules."""
    run_schedules(database, range(100, 1300))


def online(database: Database) -> tuple[EventLog, Histories, Consumer]:
    histories = Histories(database)
    log = EventLog(database, histories, FeedbackConfig(), EventConfig(effects="by-workers"))
    return log, histories, Consumer(database, OnlineEffect(log), QUICK)


def test_a_worker_brings_events_into_histories(database: Database) -> None:
    """With the log as the source a turn brings what is new into the histories; the next one has nothing to do."""
    log, histories, consumer = online(database)
    log.append([did("a", 1, "like", at=1), did("b", 2, "like", at=2)])
    source = LogSource(log, lambda: min(positions(database).values(), default=0))
    consuming = Consuming(database, log, [consumer], source)
    assert len(histories.read("a")) == 0
    assert consuming.turn().made == {"online": 2}
    assert consuming.turn().deliveries == 0
    assert (histories.read("a").movie_ids.tolist(), histories.read("a").stamp) == ([1], 2)


def test_who_sees_to_effects_may_change(database: Database) -> None:
    """From at once to workers and back, with events left over: each effect is made once, by whoever has it to do."""
    log, histories, consumer = online(database)
    at_once = EventLog(database, histories, FeedbackConfig())
    at_once.append([did("a", 1, "like", at=1)])
    log.append([did("a", 2, "like", at=2)])
    assert (positions(database), len(histories.read("a"))) == ({"online": 1}, 1)
    EventLog(database, histories, FeedbackConfig()).append([did("a", 3, "like", at=3)])
    assert (positions(database), histories.read("a").movie_ids.tolist()) == ({"online": 3}, [1, 2, 3])
    log.append([did("b", 4, "like", at=4)])
    assert consumer.advance(log.last_offset()) == 1
    assert histories.read("b").movie_ids.tolist() == [4]


def test_poison_is_a_dead_letter_that_can_be_retried(database: Database) -> None:
    """An event whose history is broken holds up no other; mended, the letter is retried, once; or it is dropped."""
    log, histories, consumer = online(database)
    with database.write() as connection:
        broken = {"view": "histories", "key": "bad", "stamp": 1, "written_at": 0, "packed": b"x"}
        connection.execute(ROWS.insert().values(**broken))
    log.append([did(user, 1, "like", at=1) for user in ("a", "bad", "c", "bad")][:3])
    assert consumer.advance(log.last_offset()) == 2
    letters = DeadLetters(database, [consumer.effect])
    [letter] = letters.all()
    assert (letter.offset, letter.code, letter.attempts) == (2, "feature", 3)
    assert "bad" not in letter.reason
    with pytest.raises(MovieMlopsError, match="cannot be read"):
        letters.retry(letter.id)
    with database.write() as connection:
        connection.execute(delete(ROWS).where(ROWS.c.key == "bad"))
    assert letters.retry(letter.id)
    assert (histories.read("bad").movie_ids.tolist(), letters.all()) == ([1], [])
    with pytest.raises(DeadLetterError, match="no dead letter"):
        letters.drop(letter.id)


def test_a_stop_ends_between_two_transactions(database: Database) -> None:
    """Asked to stop, a consumer ends what it has begun and leaves the rest to the next one."""
    log, _, consumer = online(database)
    log.append([did("a", film, "like", at=film) for film in range(1, 30)])
    stop = threading.Event()
    inner = consumer.effect.apply

    def apply(*given: object, **named: object) -> None:
        stop.set()
        inner(*given, **named)  # type: ignore[arg-type]

    consumer.effect.apply = apply  # type: ignore[method-assign]
    assert consumer.advance(log.last_offset(), stop=stop) == QUICK.at_once
    assert positions(database) == {"online": QUICK.at_once}


def test_a_full_transport_is_not_filled_further(database: Database) -> None:
    """What no consumer has yet waits in the log once so many are in the transport."""
    log, _, _ = online(database)
    log.append([did("a", film, "like", at=film) for film in range(1, 30)])
    stream = FaultyStream(random.Random(0), 0.0)
    relay = Relay(log, stream, lambda: 0, at_once=5, most_waiting=10)
    assert [relay.turn() for _ in range(4)] == [5, 5, 0, 0]
    assert Relay(log, stream, lambda: 4, at_once=5, most_waiting=10).turn() == 5


def test_a_consumer_and_its_dead_letters_on_every_database(state_url: str) -> None:
    """On SQLite and PostgreSQL: effects in order, poison with its reason, and a place that goes with them."""
    database = Database(StateConfig(state_url))
    log, histories, consumer = online(database)
    log.append([did("a", 1, "like", at=1)])
    with database.write() as connection:
        broken = {"view": "histories", "key": "bad", "stamp": 1, "written_at": 0, "packed": b"x"}
        connection.execute(ROWS.insert().values(**broken))
    log.append([did("bad", 1, "like", at=1), did("c", 1, "like", at=1)])
    assert (consumer.advance(log.last_offset()), consumer.advance(log.last_offset())) == (2, 0)
    assert positions(database) == {"online": log.last_offset()}
    letters = DeadLetters(database, [consumer.effect])
    assert [letter.code for letter in letters.all()] == ["feature"]
    letters.drop(letters.all()[0].id)
    assert (letters.all(), len(histories.read("c"))) == ([], 1)
    database.close()
