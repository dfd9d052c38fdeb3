"""What waits to be written lies outside of memory, where nobody finds it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.bench.whole_process import run_whole
from movie_mlops.features import FeatureError
from movie_mlops.features.online import spool
from movie_mlops.features.online.spool import Spool
from tests.fixtures.stage_2.computing import fill, lake_of

PAIRS = st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=40)), max_size=20)


@settings(deadline=None, max_examples=15)
@given(first=PAIRS, second=PAIRS)
def test_what_was_laid_by_comes_back_in_order_as_often_as_asked(
    first: list[tuple[str, bytes]], second: list[tuple[str, bytes]]
) -> None:
    """Any keys and bytes, empty ones too, are the same afterwards, and so they are a second time."""
    laid = Spool(None).add(first).add(second)
    assert [list(laid), list(laid)] == [first + second] * 2
    assert len(laid) == len(first) + len(second)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a file without a name cannot be made")
def test_many_lie_in_a_file_that_has_no_name(tmp_path: Path) -> None:
    """In the folder nothing is to be seen, even while they are there; memory holds a megabyte of them at most."""
    pairs = [(str(number), os.urandom(1000)) for number in range(3000)]
    laid = Spool(tmp_path / "state").add(pairs)
    [own] = [file for file in Path("/proc/self/fd").iterdir() if str(tmp_path) in os.path.realpath(file)]
    assert own.stat().st_size > 3_000_000
    assert list((tmp_path / "state").iterdir()) == []
    assert list(laid) == pairs


def test_a_full_disk_is_told_and_nothing_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says where there is no room."""

    class Full(SpooledTemporaryFile[bytes]):
        def write(self, _data: bytes) -> int:  # type: ignore[override]
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "SpooledTemporaryFile", Full)

    def pairs() -> Iterator[tuple[str, bytes]]:
        yield "a", b"b"

    with pytest.raises(FeatureError, match="No space left on device") as told:
        Spool(tmp_path).add(pairs())
    assert told.value.next_step is not None
    assert str(tmp_path) in told.value.next_step


def peaks(folder: Path, rows: tuple[int, ...], at_once: int) -> list[int]:
    """Return the peak memory in MiB of computing and writing the features of so many ratings, each in a process."""
    found = []
    for many in rows:
        home = folder / f"{many} {at_once}"
        home.mkdir()
        fill(lake_of(home), many)
        done = run_whole([sys.executable, "-m", "tests.fixtures.stage_2.computing", str(home), str(at_once)])
        assert done.code == 0, done.err
        found.append(done.peak_memory_mib)
    return found


def test_four_times_the_ratings_take_little_more_memory_within_a_limit(tmp_path: Path) -> None:
    """With room for some 13,000 ratings at once, 64,000 take under 25 MiB more than 16,000; without it is over 40."""
    some, four_times = peaks(tmp_path, (16_000, 64_000), 8_000_000)
    assert four_times < some + 25


@pytest.mark.long
def test_memory_is_bounded_at_millions_of_ratings(tmp_path: Path) -> None:
    """Four million ratings, within 256 MiB, take less than half more memory than a million."""
    some, four_times = peaks(tmp_path, (1_000_000, 4_000_000), 2**28)
    assert four_times < 1.5 * some
