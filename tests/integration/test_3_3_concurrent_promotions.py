"""Many promote at once: one champion, and a ledger that adds up."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

from movie_mlops.release import Ledger, PromotionConflictError
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_3.processes import python
from tests.fixtures.stage_3.tiny_model import read_tiny

THREADS, ROUNDS, PROCESSES = 8, 5, 4

PROMOTE_UNTIL_HEARD = """
import sys
from movie_mlops.release import Ledger, PromotionConflictError
from movie_mlops.state import Database, StateConfig
url, writer = sys.argv[1:]
ledger, conflicts = Ledger(Database(StateConfig(url))), 0
sys.stdin.readline()
for turn in range(5):
    while True:
        champion = ledger.champion()
        try:
            ledger.promote(f"ease-{writer}{turn:011x}", reason="r", gate={}, approved_by="w",
                           expected=champion and champion.bundle_id)
            break
        except PromotionConflictError:
            conflicts += 1
"""

WRITE = """
import sys
from pathlib import Path
from tests.fixtures.stage_3.processes import python
from tests.fixtures.stage_3.tiny_model import write_tiny
sys.stdin.readline()
print(write_tiny(Path(sys.argv[1])).bundle_id)
"""


def check_the_books(ledger):
    history = ledger.history()
    assert [release.release_id for release in history] == list(range(1, len(history) + 1))
    assert [release.previous_release_id for release in history] == [None, *range(1, len(history))]
    for earlier, later in pairwise(history):
        assert earlier.at < later.at
        assert earlier.until == later.at
        assert ledger.who_served(earlier.at) == earlier
        assert earlier.bundle_id != later.bundle_id
    assert history[-1] == ledger.champion()
    return history


def start(code, arguments, count):
    """Start processes that wait for a line before they begin, and set them off together."""
    processes = [python(code, *(argument(number) for argument in arguments)) for number in range(count)]
    answers = []
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        said, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint
        answers.append(said)
    return answers


def test_of_threads_that_saw_the_same_champion_one_promotes(state_url):
    """Promise P10: eight promote on one view at once: one wins, seven learn that they must look again."""
    database = Database(StateConfig(state_url))
    ledger = Ledger(database)
    for turn in range(ROUNDS):
        seen = ledger.champion()
        together = Barrier(THREADS)

        def promote(number, turn=turn, seen=seen, together=together):
            together.wait()
            expected = None if seen is None else seen.bundle_id
            try:
                return ledger.promote(
                    f"ease-{turn:06x}{number:06x}", reason="r", gate={}, approved_by="t", expected=expected
                )
            except PromotionConflictError:
                return None

        with ThreadPoolExecutor(THREADS) as pool:
            released = [release for release in pool.map(promote, range(THREADS)) if release is not None]
        assert len(released) == 1
        assert ledger.champion() == released[0]
    assert len(check_the_books(ledger)) == ROUNDS
    database.close()


def test_processes_that_look_again_all_get_their_turn(state_url):
    """Promise P10: four processes promote five bundles each, looking again after a conflict: none is lost."""
    database = Database(StateConfig(state_url))
    start(PROMOTE_UNTIL_HEARD, [lambda _: state_url, lambda number: f"{number:x}"], PROCESSES)
    history = check_the_books(Ledger(database))
    expected = {f"ease-{writer:x}{turn:011x}" for writer in range(PROCESSES) for turn in range(5)}
    assert {release.bundle_id for release in history} == expected
    assert len(history) == len(expected)
    database.close()


def test_processes_that_write_the_same_bundle_share_it(tmp_path):
    """Promise P9: four processes write one bundle at once: one folder, whole, and nothing beside it."""
    answers = start(WRITE, [lambda _: str(tmp_path / "models")], PROCESSES)
    (bundle_id,) = {answer.strip() for answer in answers}
    assert sorted(entry.name for entry in (tmp_path / "models").iterdir()) == [".lock", bundle_id]
    assert read_tiny(tmp_path / "models" / bundle_id).bundle_id == bundle_id
