"""A source whose users are known by pseudonyms before anything else looks at its rows."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.core.progress import Progress
from movie_mlops.ingest.config import IngestConfig
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.sources import Source
from movie_mlops.security.people import UserPseudonyms


class PseudonymousSource:
    """Rows of another source. A line as it stands may name anybody, so that a keyed hash of it is kept.

    Args:
        source: The rows as they come.
        pseudonyms: By which names users are known.
    """

    def __init__(self, source: Source, pseudonyms: UserPseudonyms) -> None:
        self._source = source
        self._pseudonyms = pseudonyms

    @property
    def dataset(self) -> str:
        """The name of the source's own."""
        return self._source.dataset

    def prepare(self, progress: Progress) -> None:
        """Have the source prepared."""
        self._source.prepare(progress)

    def fingerprint(self) -> str:
        """Return the source's own: the same data."""
        return self._source.fingerprint()

    def movies(self, *, unknown: bool = False) -> RawTable:
        """Return the films, of which nobody has a pseudonym."""
        return self._source.movies(unknown=unknown)

    def users(self, *, unknown: bool = False) -> RawTable | None:
        """Return what is known of the users."""
        told = self._source.users(unknown=unknown)
        return None if told is None else disguised(told, self._pseudonyms)

    def interactions(self) -> RawTable:
        """Return the interactions, all at once."""
        return disguised(self._source.interactions(), self._pseudonyms)

    def batches(self, *, config: IngestConfig, unknown: bool = False) -> Iterator[RawTable]:
        """Yield the interactions in pieces, as the source does."""
        for raw in self._source.batches(config=config, unknown=unknown):
            yield disguised(raw, self._pseudonyms)


def disguised(raw: RawTable, pseudonyms: UserPseudonyms) -> RawTable:
    """Return the rows with pseudonyms for users and hashes for lines."""
    lane = raw.lane
    if lane is not None:
        text = lane.text
        lane = replace(
            lane, frame=_renamed(lane.frame, pseudonyms), text=lambda lines: _renamed(text(lines), pseudonyms)
        )
    return replace(raw, frame=_renamed(raw.frame, pseudonyms), lane=lane)


def _renamed(frame: pl.DataFrame, pseudonyms: UserPseudonyms) -> pl.DataFrame:
    told = []
    if c.USER_ID in frame.columns:
        told.append(_users(frame[c.USER_ID], pseudonyms))
    if c.RAW in frame.columns:
        lines = [None if line is None else pseudonyms.words(line) for line in frame[c.RAW]]
        told.append(pl.Series(c.RAW, lines, dtype=pl.String))
    return frame.with_columns(told)


def _users(ids: pl.Series, pseudonyms: UserPseudonyms) -> pl.Series:
    """Return the pseudonyms; what is nobody stays so, for the contract to say."""
    # Mostly a user's rows stand together: then one look for all of them will do. The names lie in pieces of memory as
    # long as those of the ids: beside columns in other pieces all of them would be copied.
    runs = [piece.rle().struct.unnest() for piece in ids.get_chunks() if not piece.is_empty()]
    if not runs:
        return ids.cast(pl.String)
    names, start = _each(pl.concat([run["value"] for run in runs]), pseudonyms), 0
    told = []
    for run in runs:
        rows = np.repeat(np.arange(start, start + run.height, dtype=np.uint32), run["len"].to_numpy())
        told.append(names.gather(rows))
        start += run.height
    return pl.concat(told, rechunk=False).alias(ids.name)


def _each(ids: pl.Series, pseudonyms: UserPseudonyms) -> pl.Series:
    # As the contract reads an id, so that a blank around it makes nobody else of them.
    text = ids.cast(pl.String).str.strip_chars()
    different = text.unique().drop_nulls()
    different = different.filter(different != "")
    names = pl.Series([pseudonyms.of(user) for user in different], dtype=pl.String)
    return text.replace_strict(different, names, default=text)
