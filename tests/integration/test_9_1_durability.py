"""What was acknowledged stays, whoever else writes and however the writer ends."""

import random
import signal
import threading

from movie_mlops.core.nouns import Interaction
from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.state import Database, StateConfig
from tests.fixtures.common.warm_python import WarmProcess
from tests.fixtures.stage_2.interactions import did, table
from tests.fixtures.stage_3.processes import python

USERS, EVENTS = 7, 600

WRITER = """
import random, sys

from tests.integration.test_9_1_durability import event, open_log

url, first, last, seed, size = sys.argv[1], *map(int, sys.argv[2:])
log, _ = open_log(url)
numbers = list(range(first, last))
random.Random(seed).shuffle(numbers)
for start in range(0, len(numbers), size):
    batch = numbers[start : start + size]
    result = log.append([event(number) for number in batch])
    print(result.accepted, *batch, flush=True)
"""


def event(number: int) -> Interaction:
    """Return the event with this number: each user meets each of some films several times."""
    kind = ("like", "dislike", "view")[number % 3]
    return did(f"u{number % USERS}", number % 41, kind, at=number / 1000, event_id=f"e{number}")


def open_log(url: str) -> tuple[EventLog, Histories]:
    """Open the log in the state database at ``url``."""
    database = Database(StateConfig(url))
    histories = Histories(database)
    return EventLog(database, histories, FeedbackConfig()), histories


def start_writer(url: str, first: int, last: int, *, seed: int, size: int) -> WarmProcess:
    return python(WRITER, url, *map(str, (first, last, seed, size)))


def snapshot(histories: Histories) -> list[tuple[list[int], list[float], list[int]]]:
    read = [histories.read(f"u{user}") for user in range(USERS)]
    return [(h.movie_ids.tolist(), h.weights.tolist(), h.times.tolist()) for h in read]


def assert_log_and_histories_agree(log: EventLog, histories: Histories) -> None:
    """The histories are those that the log alone makes."""
    before = snapshot(histories)
    log.materialise(table([]))
    assert snapshot(histories) == before


def test_four_processes_lose_nothing_and_double_nothing(state_url: str) -> None:
    """Four processes append overlapping events: each is recorded once, and one process alone accepts it."""
    # Every event is sent by two of the four.
    log, histories = open_log(state_url)
    half = EVENTS // 2
    spans = [(0, half), (half, EVENTS), (0, half), (half, EVENTS)]
    writers = [start_writer(state_url, *span, seed=seed, size=11) for seed, span in enumerate(spans)]
    lines = [line for writer in writers for line in writer.communicate(timeout=110)[0].splitlines()]
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    assert sum(int(line.split()[0]) for line in lines) == EVENTS
    recorded = [stored.interaction for stored in log.read(0, 2 * EVENTS)]
    assert sorted(recorded, key=lambda i: i.event_id) == sorted(map(event, range(EVENTS)), key=lambda i: i.event_id)
    assert_log_and_histories_agree(log, histories)


def test_a_killed_writer_loses_nothing_that_it_acknowledged(state_url: str) -> None:
    """After kill -9 at random moments, every acknowledged event is there, and log and histories agree."""
    luck = random.Random(20240101)
    acknowledged: set[int] = set()
    for attempt in range(5):
        writer = start_writer(state_url, 0, 100_000, seed=attempt, size=3)
        assert writer.stdout is not None
        for _ in range(luck.randrange(5, 60)):
            acknowledged.update(map(int, writer.stdout.readline().split()[1:]))
        # The writer is somewhere inside its next appends.
        threading.Event().wait(luck.random() / 50)
        writer.send_signal(signal.SIGKILL)
        for line in writer.communicate()[0].splitlines(keepends=True):
            if line.endswith("\n"):
                acknowledged.update(map(int, line.split()[1:]))
        assert writer.returncode == -signal.SIGKILL
        log, histories = open_log(state_url)
        recorded = [int(stored.interaction.event_id[1:]) for stored in log.read(0, 100_000)]
        assert acknowledged <= set(recorded)
        assert len(recorded) == len(set(recorded)) == log.count()
        assert_log_and_histories_agree(log, histories)


def test_threads_of_one_process_take_turns(state_url: str) -> None:
    """Threads that share a log lose no event and no word of a history."""
    log, histories = open_log(state_url)

    def write(first: int) -> None:
        for number in range(first, EVENTS, 3):
            log.append([event(number), event((number + 1) % EVENTS)])

    threads = [threading.Thread(target=write, args=(first,)) for first in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.count() == EVENTS
    assert_log_and_histories_agree(log, histories)
