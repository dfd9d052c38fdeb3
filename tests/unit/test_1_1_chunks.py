"""Pieces of a text file: what their bytes are, and where their lines end."""

import io
import random
from pathlib import Path

import numpy as np
import pytest

from movie_mlops.ingest import chunks
from movie_mlops.ingest.chunks import Bytes, Layout

NO_LANE = Layout(["a", "b"], ",", quoted=False, columns={}, lanes={})


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 18])
def test_bytes_are_counted_alike_in_blocks_of_any_size(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends of lines, separators, blanks and empty lines are found wherever a block ends."""
    monkeypatch.setattr(chunks, "_BLOCK", block)
    chance = random.Random(5)
    for _ in range(300):
        data = "".join(chance.choice("xx,\n \t") for _ in range(chance.randint(1, 12))).encode()
        counts = Bytes.of(data, ",")
        assert counts.lines_ended == data.count(b"\n"), data
        assert counts.marks == data.count(b","), data
        assert counts.blanks == sum(byte < 33 for byte in data), data
        assert counts.empty == (data.startswith(b"\n") or b"\n\n" in data), data
        ends = [place for place, byte in enumerate(data) if byte == ord("\n")]
        wanted = np.arange(len(ends) + 1)
        assert counts.places_of_ends(data, wanted[::-1]).tolist() == [*ends, len(data)][::-1], data


@pytest.mark.parametrize("size", [1, 4, 5, 9, 100])
def test_a_file_is_cut_at_ends_of_lines_alone(size: int, tmp_path: Path) -> None:
    """The pieces of a file, or of what can only be read forwards, are the file; each begins where a line does."""
    content = b"head\n1,2\n\n33,4\n5,6\n777,8"
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with path.open("rb") as file:
        cut = list(chunks.chunks(file, NO_LANE, name="rows.csv", size=size, first=1, skip=1))
    forwards = list(chunks.chunks(io.BytesIO(content), NO_LANE, name="rows.csv", size=size, first=1, skip=1))
    assert [(piece.data, piece.first) for piece in cut] == [(piece.data, piece.first) for piece in forwards]
    lines = content.split(b"\n")
    for piece in cut:
        assert piece.data.split(b"\n")[0] == lines[piece.first - 1]
    assert b"".join(piece.data for piece in cut).replace(b"\n", b"") == content[5:].replace(b"\n", b"")
