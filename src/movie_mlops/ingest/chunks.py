"""Text files in pieces: as much as fits into memory, and what is clean at the speed of a plain copy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import SEEK_CUR, BufferedReader
from itertools import accumulate, pairwise
from typing import BinaryIO, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core import columns as c
from movie_mlops.ingest.raw import Lane
from movie_mlops.ingest.text import Encoding, read_lines, split

# Blanks and control characters are below; the end of a line is one of them.
_FIRST_PRINTED: Final = 33
_LOOKED_AT: Final = 1024
_END: Final = ord("\n")
# What is looked over at once stays in the processor's own memory.
_BLOCK: Final = 1 << 18


@dataclass(frozen=True)
class Layout:
    """How the lines of a file become rows.

    Attributes:
        fields: The file's names of the fields, in order.
        separator: What stands between two fields.
        quoted: Whether fields may be quoted.
        columns: Our name to the field, for those that are wanted.
        lanes: Our name to the type in which clean text may be read at once; the others cannot.
        encoding: How the file is written.
    """

    fields: Sequence[str]
    separator: str
    quoted: bool
    columns: Mapping[str, str]
    lanes: Mapping[str, pl.DataType]
    encoding: Encoding = "utf-8"

    @property
    def has_lane(self) -> bool:
        """Whether every wanted column may be read at once."""
        return len(self.separator) == 1 and self.encoding == "utf-8" and set(self.columns) <= set(self.lanes)


@dataclass(frozen=True)
class Bytes:
    """What whole lines of a file are made of.

    Attributes:
        ends: How many ends of lines each block has.
        marks: How many bytes are the separator's first.
        blanks: How many are blanks or control characters, ends of lines among them.
        empty: Whether a line has nothing in it.
    """

    ends: NDArray[np.int64]
    marks: int
    blanks: int
    empty: bool

    @classmethod
    def of(cls, data: bytes, separator: str) -> "Bytes":
        """Count, block by block, in one go through the memory."""
        every, mark = np.frombuffer(data, np.uint8), ord(separator[0])
        ends: list[int] = []
        marks = blanks = 0
        empty = data.startswith(b"\n")
        for start in range(0, len(data), _BLOCK):
            block = every[start : start + _BLOCK]
            # One byte more: an empty line may begin where a block ends.
            is_end = every[start : start + _BLOCK + 1] == _END
            empty = empty or bool((is_end[1:] & is_end[:-1]).any())
            ends.append(int(np.count_nonzero(is_end[: len(block)])))
            marks += int(np.count_nonzero(block == mark))
            blanks += int(np.count_nonzero(block < _FIRST_PRINTED))
        return cls(np.array(ends, np.int64), marks, blanks, empty)

    @property
    def lines_ended(self) -> int:
        """How many ends of lines there are."""
        return int(self.ends.sum())

    def places_of_ends(self, data: bytes, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where the ends of lines with these numbers (from 0) stand; the end of ``data`` for the one after."""
        every, before = np.frombuffer(data, np.uint8), np.cumsum(self.ends) - self.ends
        blocks = np.searchsorted(before + self.ends, wanted, side="right")
        places = np.full(len(wanted), len(data), np.int64)
        for block in np.unique(blocks[blocks < len(self.ends)]):
            start = int(block) * _BLOCK
            here = blocks == block
            found = np.flatnonzero(every[start : start + _BLOCK] == _END) + start
            places[here] = found[wanted[here] - before[block]]
        return places


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a file.

    Attributes:
        data: The bytes.
        first: The number of the first line, counted from 1.
        counts: What the bytes are.
        layout: How lines become rows.
        file: The file's name, for messages.
    """

    data: bytes
    first: int
    counts: Bytes
    layout: Layout
    file: str

    def rows(self) -> pl.DataFrame:
        """Return all rows as text."""
        return self._split(self._lines)

    def lane(self) -> Lane | None:
        """Return the rows read at once, where the chunk is clean enough for that; ``None`` where it is not."""
        if not self.layout.has_lane or not self._is_clean:
            return None
        frame = self._typed()
        if frame is None:
            return None
        return Lane(frame, lambda lines: self._split(self._some_lines(lines)))

    @cached_property
    def _lines(self) -> pl.DataFrame:
        lines = read_lines(self.data, file=self.file, encoding=self.layout.encoding, first=self.first)
        return lines.with_columns(pl.col(c.LINE) + (self.first - 1))

    def _some_lines(self, lines: pl.Series) -> pl.DataFrame:
        """Return some of the lines of a clean chunk, without cutting up the others."""
        places = lines.to_numpy() - self.first
        # Where a line begins is told by the end of the one before; both are found in one go.
        ends = self.counts.places_of_ends(self.data, np.concatenate([places, np.maximum(places - 1, 0)]))
        ends, before = np.split(ends, 2)
        starts = np.where(places > 0, before + 1, 0)
        texts = [self.data[start:end].decode() for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        told = {c.LINE: lines.cast(pl.Int64), c.RAW: pl.Series(texts, dtype=pl.String)}
        return pl.DataFrame(told).with_columns(pl.lit(None, pl.String).alias(name) for name in (c.REASON, c.DETAIL))

    @property
    def _is_clean(self) -> bool:
        """Whether a line is a row, and a field what stands between two separators: nothing to strip or to unquote."""
        counts = self.counts
        if counts.empty or b'"' in self.data or not self.data.isascii():
            return False
        separator_is_blank = ord(self.layout.separator) < _FIRST_PRINTED
        return counts.blanks - counts.lines_ended == (counts.marks if separator_is_blank else 0)

    def _split(self, lines: pl.DataFrame) -> pl.DataFrame:
        layout = self.layout
        wanted = list(layout.columns.values())
        frame = split(lines, layout.fields, layout.separator, quoted=layout.quoted, keep=wanted)
        about = [name for name in (c.LINE, c.RAW, c.REASON, c.DETAIL) if name in frame.columns]
        return frame.select(*about, *(pl.col(theirs).alias(ours) for ours, theirs in layout.columns.items()))

    def _typed(self) -> pl.DataFrame | None:
        layout = self.layout
        # By position: two fields of a file may have one name.
        places: dict[str, pl.DataType] = {f"column_{place}": pl.String() for place in range(1, len(layout.fields) + 1)}
        wanted = {ours: f"column_{layout.fields.index(theirs) + 1}" for ours, theirs in layout.columns.items()}
        places |= {place: layout.lanes[ours] for ours, place in wanted.items()}
        last = f"column_{len(layout.fields)}"
        frame = pl.read_csv(
            self.data,
            has_header=False,
            schema=places,
            columns=list(dict.fromkeys([*wanted.values(), last])),
            separator=layout.separator,
            quote_char=None,
            ignore_errors=True,
            truncate_ragged_lines=True,
            extra_columns="ignore",
            missing_columns="insert",
            raise_if_empty=False,
        )
        lines = self.counts.lines_ended + (not self.data.endswith(b"\n"))
        if frame.height != lines:
            return None
        if self.counts.marks != lines * (len(layout.fields) - 1) or frame[last].null_count():
            # Some line has too many fields or too few; which one, only a look at the lines tells.
            count = self._lines[c.RAW].str.count_matches(layout.separator, literal=True)
            whole = count == len(layout.fields) - 1
            frame = frame.with_columns(pl.when(pl.lit(whole)).then(pl.col(place)) for place in set(wanted.values()))
        columns = {ours: frame[place] for ours, place in wanted.items()}
        return pl.DataFrame({c.LINE: _counted(self.first, frame[last].chunk_lengths()), **columns})


def chunks(file: BinaryIO, layout: Layout, *, name: str, size: int, first: int = 1, skip: int = 0) -> Iterator[Chunk]:
    """Cut a file into pieces of whole lines; pieces of nothing but blank lines are left out.

    Args:
        file: Opened for reading bytes.
        layout: How lines become rows.
        name: The file's name, for messages.
        size: How many bytes a piece has, about.
        first: The number of the first line.
        skip: How many lines at the beginning are no rows.
    """
    for _ in range(skip):
        file.readline()
        first += 1
    while data := _whole_lines(file, size):
        counts = Bytes.of(data, layout.separator)
        if data[:_LOOKED_AT].strip() or data.strip():
            yield Chunk(data, first, counts, layout, name)
        first += counts.lines_ended


def _counted(first: int, lengths: Sequence[int]) -> pl.Series:
    """Return whole numbers from ``first`` on, in pieces of these lengths: columns in other pieces would be copied."""
    ends = list(accumulate(lengths, initial=first))
    parts = [pl.int_range(start, end, dtype=pl.Int64, eager=True) for start, end in pairwise(ends)]
    return pl.concat([pl.Series(dtype=pl.Int64), *parts], rechunk=False)


def _whole_lines(file: BinaryIO, size: int) -> bytes:
    """Read about ``size`` bytes, up to the end of a line."""
    if isinstance(file, BufferedReader):
        # Where the line ends first: memory that is joined afterwards is memory copied.
        start = file.tell()
        file.seek(size - 1, SEEK_CUR)
        file.readline()
        end = file.tell()
        file.seek(start)
        return file.read(end - start)
    data = file.read(size)
    return data if data.endswith(b"\n") else data + file.readline()
