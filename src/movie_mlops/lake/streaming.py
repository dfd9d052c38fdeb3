"""Rows on their way into a table, one frame after the other, so that no more than one of them is held."""

from collections.abc import Iterable, Iterator

import polars as pl
from arro3.core import RecordBatch, RecordBatchReader, Table

from movie_mlops.lake.errors import LakeError
from movie_mlops.lake.schemas import differences


class Stream:
    """Frames that are made while they are written.

    Args:
        frames: One at least, all of one schema. They are made on a thread of Delta's, which must not wait for Delta:
            from what was scanned before, and without asking the lake itself.

    Attributes:
        schema: That schema.
        height: How many rows have gone through.
        failed: What went wrong where a frame was made; the table is then as it was.
    """

    def __init__(self, frames: Iterable[pl.DataFrame]) -> None:
        self._frames = iter(frames)
        self._first = next(self._frames)
        self.schema = self._first.schema
        self.height = 0
        self.failed: Exception | None = None

    def reader(self) -> RecordBatchReader:
        """Return the rows for whoever writes them; they are read once."""
        return RecordBatchReader.from_batches(Table.from_arrow(self._first.clear()).schema, self._batches())

    def _batches(self) -> Iterator[RecordBatch]:
        try:
            yield from self._sent(self._first)
            for frame in self._frames:
                if frame.schema != self.schema:
                    raise LakeError(  # noqa: TRY301 - whoever reads the rows tells nothing of what is raised here
                        f"A later frame differs from the first ({differences(frame.schema, self.schema)}).",
                        next_step="Make all of them with the same columns.",
                    )
                yield from self._sent(frame)
        except Exception as error:
            self.failed = error
            raise

    def _sent(self, frame: pl.DataFrame) -> Iterator[RecordBatch]:
        self.height += frame.height
        yield from Table.from_arrow(frame.rechunk()).to_batches()
