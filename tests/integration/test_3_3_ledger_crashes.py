"""Processes that promote and roll back at once and are killed in the middle: the ledger is a history that could be."""

import json
import random
from pathlib import Path
from typing import Any

from movie_mlops.release import Action, Ledger
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_3.processes import python

WRITERS, ROUNDS = 4, 3

# Each statement and each commit is a point at which the process may be killed; so is the moment after the last one.
WRITER = """
import json, os, random, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from movie_mlops.release import Ledger, PromotionConflictError, RollbackError
from movie_mlops.state import Database, StateConfig

url, writer, seed, left = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def pass_by(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def tell(**said):
    print(json.dumps(said), flush=True)

ledger, chance = Ledger(Database(StateConfig(url))), random.Random(seed)
event.listen(Engine, "before_cursor_execute", pass_by)
event.listen(Engine, "commit", pass_by)
sys.stdin.readline()
for turn in range(8):
    champion = ledger.champion()
    expected = champion and champion.bundle_id
    name = f"{writer}{turn:x}"
    action = "promote" if expected is None or chance.random() < 0.6 else "rollback"
    tell(tried=name, action=action, expected=expected)
    try:
        if action == "promote":
            made = ledger.promote(
                f"ease-{name:0>12}", reason=name, gate={"of": name}, approved_by=writer, expected=expected
            )
        else:
            made = ledger.rollback(name, writer, expected=expected)
    except (PromotionConflictError, RollbackError) as error:
        tell(refused=name, code=error.code)
        continue
    pass_by()
    tell(did=name, release_id=made.release_id, bundle_id=made.bundle_id)
"""


def write_at_once(url: str, turn: int, chance: random.Random) -> tuple[list[dict[str, Any]], list[int]]:
    """Let the writers loose together; return what they told and how they ended."""
    processes = [
        python(WRITER, url, f"{turn:x}{number:x}", str(turn * WRITERS + number), str(points))
        # One of them lives to the end; the others die somewhere among the statements of their eight turns.
        for number, points in enumerate([10**9, *(chance.randrange(2, 60) for _ in range(WRITERS - 1))])
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = []
    for process in processes:
        said, _ = process.communicate(timeout=90)
        told += [json.loads(line) for line in said.splitlines()]
    return told, [process.returncode for process in processes]


def test_promotions_and_rollbacks_are_serialisable_whoever_is_killed(tmp_path: Path) -> None:
    """Promise P9: of writers killed at any statement each step is whole or absent; all that was acknowledged stands.

    The history is replayed one row after the other: each step saw exactly the champion that the row before made.
    """
    url = f"sqlite:///{tmp_path / 'state.db'}"
    Database(StateConfig(url)).close()
    # A fixed seed: where the kill comes is not luck, how the processes interleave is.
    chance, told, ends = random.Random(9), [], []
    for turn in range(ROUNDS):
        heard, ended = write_at_once(url, turn, chance)
        told += heard
        ends += ended
    assert sorted(set(ends)) == [-9, 0]
    database = Database(StateConfig(url))
    ledger = Ledger(database)
    history = ledger.history()
    tried = {step["tried"]: step for step in told if "tried" in step}
    assert ledger.verify().broken is None
    assert ledger.verify().sealed == len(history) > ROUNDS
    # Nothing twice, nothing that nobody tried, and nothing that was refused.
    names = [release.reason for release in history]
    assert len(set(names)) == len(names)
    assert set(names) <= tried.keys() - {step["refused"] for step in told if "refused" in step}
    acknowledged = {(step["did"], step["release_id"], step["bundle_id"]) for step in told if "did" in step}
    assert acknowledged <= {(release.reason, release.release_id, release.bundle_id) for release in history}
    steps: list[str] = []
    for release in history:
        assert tried[release.reason]["expected"] == (steps[-1] if steps else None), release
        assert tried[release.reason]["action"] == release.action.value
        if release.action is Action.PROMOTE:
            steps.append(f"ease-{release.reason:0>12}")
        else:
            steps.pop()
        assert release.bundle_id == steps[-1]
        assert ledger.who_served(release.at) == release
    champion = ledger.champion()
    assert champion is not None
    assert champion.bundle_id == steps[-1]
    # Nobody who was killed left a lock behind.
    made = ledger.promote("ease-ffffffffffff", reason="after", gate={}, approved_by="test", expected=champion.bundle_id)
    assert ledger.champion() == made
    database.close()
