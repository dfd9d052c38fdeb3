"""Processes commit at once, and what each of them saw is held against one order of everything."""

import json
import time
from itertools import pairwise
from typing import Any

from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.release import Ledger
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_3.processes import python

PROCESSES, TURNS, BATCH = 3, 25, 3

WRITER = """
import json, sys, time
from movie_mlops.events import EventLog
from movie_mlops.features import FeedbackConfig, Histories
from movie_mlops.release import Ledger, PromotionConflictError
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import did

url, writer, turns, batch = sys.argv[1], *map(int, sys.argv[2:])
database = Database(StateConfig(url))
log, ledger, told = EventLog(database, Histories(database), FeedbackConfig()), Ledger(database), []
print("ready", flush=True)
sys.stdin.readline()
for turn in range(turns):
    ids = [f"{writer}-{turn}-{place}" for place in range(batch)]
    start = time.monotonic()
    log.append([did("everybody", place, "like", at=1, event_id=id) for place, id in enumerate(ids)])
    told.append({"what": "append", "ids": ids, "start": start, "end": time.monotonic()})
    seen, bundle_id = ledger.champion(), f"ease-{writer}{turn:011x}"
    act = {"what": "promote", "bundle": bundle_id, "expected": seen and seen.bundle_id, "start": time.monotonic()}
    try:
        release = ledger.promote(bundle_id, reason="r", gate={}, approved_by="w", expected=act["expected"])
        act["release"] = release.release_id
    except PromotionConflictError:
        act["release"] = None
    told.append({**act, "end": time.monotonic()})
print(json.dumps(told))
"""


def check_real_time(acts: list[dict[str, Any]], place: str) -> None:
    """What had ended before something else began stands before it."""
    for before in acts:
        for after in acts:
            assert before["end"] > after["start"] or before[place] < after[place]


def test_what_processes_saw_has_one_order(state_url: str) -> None:
    """Promise P9: three processes append and promote: one order explains all that they and a follower of the log saw.

    No offset ever appears behind one that the follower has read, batches are whole and unmixed, what had ended before
    something else began stands before it, and every refused promotion had been overtaken.
    """
    database = Database(StateConfig(state_url))
    log = EventLog(database, Histories(database), FeedbackConfig())
    writers = [python(WRITER, state_url, *map(str, (number, TURNS, BATCH))) for number in range(PROCESSES)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    followed, pages = [], []
    while len(followed) < PROCESSES * TURNS * BATCH:
        assert all(writer.poll() in {None, 0} for writer in writers)
        time.sleep(0.001)
        page = log.read(followed[-1][0] if followed else 0, 10_000)
        pages.append([event.interaction.event_id for event in page])
        followed += [(event.offset, event.interaction.event_id) for event in page]
    acts = [act for writer in writers for act in json.loads(writer.communicate(timeout=60)[0])]

    whole = [(event.offset, event.interaction.event_id) for event in log.read(0, 10_000)]
    assert followed == whole
    offsets = {event_id: offset for offset, event_id in whole}
    appended = [act for act in acts if act["what"] == "append"]
    for act in appended:
        act["offset"] = offsets[act["ids"][0]]
        assert [offsets[event_id] for event_id in act["ids"]] == [act["offset"] + place for place in range(BATCH)]
        assert all(len({*act["ids"]} & {*page}) in {0, BATCH} for page in pages)
    check_real_time(appended, "offset")

    history = Ledger(database).history()
    promoted = {act["bundle"]: act for act in acts if act["what"] == "promote" and act["release"]}
    assert [release.bundle_id for release in history] == sorted(promoted, key=lambda one: promoted[one]["release"])
    assert promoted[history[0].bundle_id]["expected"] is None
    overtaken: dict[str | None, str] = {None: history[0].bundle_id}
    for earlier, later in pairwise(history):
        assert promoted[later.bundle_id]["expected"] == earlier.bundle_id
        overtaken[earlier.bundle_id] = later.bundle_id
    check_real_time(list(promoted.values()), "release")
    refused = [act for act in acts if act["what"] == "promote" and not act["release"]]
    assert len(refused) + len(promoted) == PROCESSES * TURNS
    for act in refused:
        assert promoted[overtaken[act["expected"]]]["start"] < act["end"]
