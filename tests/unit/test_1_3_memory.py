"""Memory that is freed and needed again at once, as it is in work that goes piece by piece."""

import gc
import subprocess
import sys

import pytest

from movie_mlops.core import memory

FREED = """
import sys, time
from movie_mlops.core.memory import keep_freed_memory
if sys.argv[1] == "keeps":
    keep_freed_memory()
import polars as pl
pieces = [pl.int_range(number, number + 100_000, eager=True) for number in range(500)]
del pieces
# By the clock, not by rounds: on a crowded machine many of these would take longer than freed memory is kept.
until = time.monotonic() + 2.5
while time.monotonic() < until:
    time.sleep(0.05)
    pl.int_range(0, 100_000, eager=True).sort(descending=True)
print(int(open("/proc/self/statm").read().split()[1]) * 4096 // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much is held, in /proc")
def test_what_is_freed_is_kept_for_a_while() -> None:
    """Libraries that are loaded afterwards hold a second later what they freed; by themselves they do not."""
    held = {}
    for how in ("keeps", "returns"):
        # Started anew, as a user starts it: what is loaded already cannot be told any more.
        done = subprocess.run([sys.executable, "-c", FREED, how], env={}, capture_output=True, text=True, check=True)
        held[how] = int(done.stdout)
    assert held["keeps"] > held["returns"] + 100


def test_what_the_environment_says_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has set the allocator has a reason."""
    told: dict[str, str] = {"_RJEM_MALLOC_CONF": "narenas:1"}
    monkeypatch.setattr(memory.os, "environ", told)
    memory.keep_freed_memory()
    assert told == {"_RJEM_MALLOC_CONF": "narenas:1"}


def test_what_is_here_is_not_looked_at_by_the_garbage_collector() -> None:
    """What comes afterwards still is."""
    here: list[object] = []
    try:
        memory.keep_what_is_here()
        new: list[object] = []
        looked_at = gc.get_objects()
        assert any(one is new for one in looked_at)
        assert not any(one is here for one in looked_at)
    finally:
        gc.unfreeze()
