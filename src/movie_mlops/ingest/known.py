"""Which good rows are new: not in the lake yet, and not earlier in the same load."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core import columns as c
from movie_mlops.ingest.parsing import different
from movie_mlops.lake import INTERACTIONS, Lake

_HASH: Final = "hash"
_FIRST: Final = "first_line"
_HELD: Final = "held_value"
_FEW: Final = 4


@dataclass(frozen=True)
class Sorted:
    """Good rows by what the lake and the load know of them.

    Attributes:
        new: Rows that are in the lake neither from before nor from this load.
        known: How many rows the lake has word for word.
        repeated: Rows that the lake has with another value, or that this load had before: with ``reason``, ``detail``.
    """

    new: pl.DataFrame
    known: int
    repeated: pl.DataFrame


class _Users:
    """Hashes of users, sorted: eight bytes each, and few of them are found among many at once."""

    def __init__(self, hashes: NDArray[np.uint64] | None = None) -> None:
        self._hashes = np.empty(0, np.uint64) if hashes is None else np.unique(hashes)

    def common(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return which of the hashes are here."""
        if not len(self._hashes):
            return np.zeros(len(hashes), np.bool_)
        places = np.searchsorted(self._hashes, hashes)
        found: NDArray[np.bool_] = self._hashes[np.minimum(places, len(self._hashes) - 1)] == hashes
        return found

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take more in."""
        # Both are in order, or nearly: a sort that sees what is in order already only merges them.
        both = np.sort(np.concatenate([self._hashes, np.sort(hashes)]), kind="stable")
        self._hashes = both[np.concatenate([[True], both[1:] != both[:-1]])] if len(both) else both


class Known:
    """What the lake holds of one data set, and what this load has seen of its file, kept small.

    A row can only be known if its user is. So hashes of the users are kept, and of the rows of this load a hash and the
    line: twelve bytes a row. A hash that was seen before only makes a row suspect; whether it is known, its key
    decides. In a file where the rows of a user stand together nothing is suspect, and the lake is not asked.

    Args:
        lake: The lake.
        dataset: The data set.
        repeated: What a row is told that this load had before, with the line.
        writes: Whether the rows of this load are in the lake by now; where they are not, equal hashes must do.
    """

    def __init__(self, lake: Lake, dataset: str, *, repeated: str, writes: bool = True) -> None:
        self._lake = lake
        self._dataset = dataset
        self._told = repeated
        self._writes = writes
        self._seen: list[tuple[_Users, pl.DataFrame]] = []
        self._users = _Users()
        self._version: int | None = None
        self._held = _Users()

    def at(self, version: int | None, *, ours: bool = False) -> None:
        """Look at the lake as of this version.

        Args:
            version: The version of the interactions; ``None`` where there are none.
            ours: Between the version before and this one nobody but this load has written.
        """
        if version != self._version and version is not None and not ours:
            rows = self._lake.scan(INTERACTIONS, version=version).filter(pl.col(c.SOURCE) == self._dataset)
            users = rows.select(pl.col(c.USER_ID).unique()).collect(engine="streaming").to_series()
            self._held = _Users(users.hash().to_numpy())
        self._version = version

    def sort(self, good: pl.DataFrame, *, users: pl.Series | None = None) -> Sorted:
        """Tell the new rows of a batch from the others; no key may be in it twice.

        Args:
            good: The rows.
            users: Their different users, where they are known already; more of them do no harm.
        """
        users = different(good[c.USER_ID]) if users is None else users
        hashes = users.hash().to_numpy()
        suspects = _of(good, users.filter(pl.Series(self._held.common(hashes))))
        seen = self._seen_rows(good, users, hashes)
        if not seen.is_empty():
            suspects = pl.concat([suspects, good.join(seen, on=c.LINE, how="semi")]).unique(c.LINE, keep="any")
        if suspects.is_empty() or (self._version is None and self._writes):
            return Sorted(good, 0, _repeated(good.clear()))
        found = suspects.join(self._in_lake(suspects), on=c.EVENT_ID, how="inner")
        if not self._writes:
            found = pl.concat([found, suspects.join(seen, on=c.LINE, how="semi")], how="diagonal").unique(c.LINE)
        if found.is_empty():
            return Sorted(good, 0, _repeated(good.clear()))
        found = found.join(seen, on=c.LINE, how="left").sort(c.LINE)
        again = pl.col(_FIRST).is_not_null()
        differs = ~pl.col(c.VALUE).eq_missing(pl.col(_HELD))
        told = pl.format("the lake has this user, film, kind and time with value {}", pl.col(_HELD).cast(pl.String))
        detail = pl.when(again).then(pl.format(self._told, _FIRST)).otherwise(told)
        refused = found.filter(again | differs).with_columns(detail.alias(c.DETAIL))
        new = good.join(found, on=c.LINE, how="anti", maintain_order="left")
        return Sorted(new, found.height - refused.height, _repeated(refused))

    def remember(self, good: pl.DataFrame, *, users: pl.Series | None = None, keys: pl.DataFrame | None = None) -> None:
        """Remember that this load has had these rows; ``users`` as in :meth:`sort`, ``keys`` their :func:`hashed`."""
        keys = hashed(good) if keys is None else keys
        hashes = (different(good[c.USER_ID]) if users is None else users).hash().to_numpy()
        self._users.add(hashes)
        self._seen.append((_Users(hashes), keys))

    def _seen_rows(self, good: pl.DataFrame, users: pl.Series, hashes: NDArray[np.uint64]) -> pl.DataFrame:
        """Return ``line`` and the first line of the rows whose hash this load has seen before."""
        parts = []
        again = self._users.common(hashes)
        users, hashes = users.filter(pl.Series(again)), hashes[again]
        for theirs, keys in self._seen if len(hashes) else ():
            both = theirs.common(hashes)
            if both.any():
                mine = _of(good, users.filter(pl.Series(both))).select(c.LINE, pl.col(c.EVENT_ID).hash().alias(_HASH))
                first = keys.select(_HASH, pl.col(c.LINE).cast(pl.Int64).alias(_FIRST))
                parts.append(mine.join(first, on=_HASH, how="inner").select(c.LINE, _FIRST))
        if not parts:
            return pl.DataFrame(schema={c.LINE: pl.Int64, _FIRST: pl.Int64})
        return pl.concat(parts).sort(_FIRST).unique(c.LINE, keep="first", maintain_order=True)

    def _in_lake(self, suspects: pl.DataFrame) -> pl.DataFrame:
        """Return ``event_id`` and ``held_value`` of the rows that the lake has of the suspects' users and times."""
        if self._version is None:
            return pl.DataFrame(schema={c.EVENT_ID: pl.String, _HELD: pl.Float32})
        rows = self._lake.scan(INTERACTIONS, version=self._version).filter(pl.col(c.SOURCE) == self._dataset)
        times = suspects[c.EVENT_TIME]
        if not times.null_count():
            rows = rows.filter(pl.col(c.EVENT_TIME).is_between(times.min(), times.max()))
        rows = rows.filter(pl.col(c.USER_ID).is_in(suspects[c.USER_ID].unique().implode()))
        return rows.select(c.EVENT_ID, pl.col(c.VALUE).alias(_HELD)).collect()


def hashed(good: pl.DataFrame) -> pl.DataFrame:
    """Return a hash of the key of each row, and its line."""
    return good.select(pl.col(c.EVENT_ID).hash().alias(_HASH), pl.col(c.LINE).cast(pl.UInt32, strict=False))


def _of(good: pl.DataFrame, users: pl.Series) -> pl.DataFrame:
    """Return the rows of these users."""
    if users.is_empty():
        return good.clear()
    user = pl.col(c.USER_ID)
    if users.len() <= _FEW:
        # One or two, where a piece begins in the middle of a user: to compare is several times faster than to look up.
        return good.filter(pl.any_horizontal(user == name for name in users))
    return good.filter(user.is_in(users.implode()))


def _repeated(rows: pl.DataFrame) -> pl.DataFrame:
    detail = pl.col(c.DETAIL) if c.DETAIL in rows.columns else pl.lit(None, pl.String)
    return rows.select(c.LINE, pl.lit("duplicate").alias(c.REASON), detail.alias(c.DETAIL))
