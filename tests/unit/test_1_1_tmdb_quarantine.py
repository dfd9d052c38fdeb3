"""Refused answers of TMDB in the quarantine: once each, whoever writes beside."""

from typing import Any

from movie_mlops.ingest.tmdb.facts import quarantine
from movie_mlops.ingest.tmdb.shapes import Refusal
from movie_mlops.lake import ConflictError
from tests.fixtures.stage_1.memory_lake import MemoryLake

FIRST = Refusal("movie/7", 1, "bad-answer", "no title", "{}")
SECOND = Refusal("movie/8", 1, "bad-answer", "no title", "{}")


class Overtaken(MemoryLake):
    """A lake into which another run writes the first refusal between this one's look and its commit."""

    def __init__(self) -> None:
        super().__init__()
        self.conflicts = 0
        self._other_runs = 1

    def append(self, table: str, frame: Any, **how: Any) -> int:
        """Let the other run go first, once."""
        if self._other_runs:
            self._other_runs = 0
            quarantine(self, [FIRST])
        try:
            return super().append(table, frame, **how)
        except ConflictError:
            self.conflicts += 1
            raise


def test_another_run_s_refusal_is_not_written_twice() -> None:
    """A refusal that another writer commits meanwhile is looked at anew: it is in the quarantine once."""
    lake = Overtaken()
    assert quarantine(lake, [FIRST, SECOND]) == 1
    assert lake.scan("quarantine").select("file", "source").collect().rows() == [
        ("movie/7", "tmdb"),
        ("movie/8", "tmdb"),
    ]
    assert lake.conflicts == 1


def test_nothing_refused_is_nothing_written() -> None:
    """Without a refusal the quarantine is not even made; the same ones again change nothing."""
    lake = MemoryLake()
    assert quarantine(lake, []) == 0
    assert lake.version("quarantine") is None
    assert [quarantine(lake, [FIRST, FIRST]) for _ in range(2)] == [1, 0]
    assert lake.version("quarantine") == 0
