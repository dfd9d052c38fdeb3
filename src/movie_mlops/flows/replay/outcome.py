"""What came of a replay: each list's worth by the next like, in order, and how sure the differences are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from movie_mlops.core import clock
from movie_mlops.evaluation import EvaluationConfig
from movie_mlops.evaluation.intervals import Interval, bootstrap_means
from movie_mlops.events.triggers import LoopRun

LOOP: Final = "the loop"
FROZEN: Final = "never retrained"
RECENT: Final = "popular lately"
ARMS: Final = (LOOP, FROZEN, RECENT)
"""Who gave the lists: each is a column of the judgements."""

USER: Final = "user"
AT: Final = "at"
WARM: Final = "warm"
"""Whether anything that the user likes was known before the list."""

_BINS: Final = 30


@dataclass(frozen=True)
class Change:
    """Another model began to serve.

    Attributes:
        at: The time of the history.
        events: How many events had been lived.
        lists: How many lists had been judged.
        bundle_id: What serves since.
    """

    at: datetime
    events: int
    lists: int
    bundle_id: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**asdict(self), AT: clock.to_iso(self.at)}


@dataclass(frozen=True)
class Replayed:
    """What came of a replay.

    Attributes:
        dataset: The data set.
        past: How many interactions the first model learned from.
        lived: How many were lived.
        judgements: A row for each list that was judged by the next like, in order: ``user``, ``at``, ``warm``, and the
            nDCG of each arm.
        waited: How many lists were judged before a model served: the gate had let none pass, and people were given what
            is popular.
        same: Which part of the lists was the same from the loop and from the first model, as long as nobody was given
            another one.
        changes: Where another model began to serve.
        runs: What the loop did, the oldest first.
        seconds: How long it took.
    """

    dataset: str
    past: int
    lived: int
    judgements: pl.DataFrame
    waited: int
    same: float | None
    changes: Sequence[Change]
    runs: Sequence[LoopRun]
    seconds: float

    def worth(self, *, warm: bool = False) -> dict[str, Interval]:
        """Return the mean of each arm over users, with its interval.

        Args:
            warm: Only of lists for users of whom something was known.
        """
        values = self._by_user(warm=warm)
        return dict(zip(ARMS, bootstrap_means(values, EvaluationConfig()), strict=True))

    def leads(self, *, warm: bool = False) -> dict[str, Interval]:
        """Return by how much the loop is above each other arm: the mean over users, who are resampled in pairs."""
        values = self._by_user(warm=warm)
        found = bootstrap_means(values[0] - values[1:], EvaluationConfig())
        return dict(zip(ARMS[1:], found, strict=True))

    def curve(self) -> list[dict[str, Any]]:
        """Return the mean of each arm in equal parts of the judgements, in order."""
        rows = self.judgements.with_row_index("number")
        size = max(1, -(-rows.height // _BINS))
        parts = rows.group_by(pl.col("number") // size, maintain_order=True).agg(
            pl.col("number").max().alias("lists"), pl.col(AT).max(), *(pl.col(arm).mean() for arm in ARMS)
        )
        return [{**row, AT: clock.to_iso(row[AT])} for row in parts.drop("literal", strict=False).iter_rows(named=True)]

    def to_json(self) -> dict[str, Any]:
        """Return everything but the single judgements as plain data."""
        every, known = {"all": False, "of whom something was known": True}, self.judgements.filter(pl.col(WARM))
        return {
            "dataset": self.dataset,
            "past": self.past,
            "lived": self.lived,
            "lists": self.judgements.height,
            "users": self.judgements[USER].n_unique(),
            "lists_of_known": known.height,
            "known_users": known[USER].n_unique(),
            "ndcg@next": {name: _plain(self.worth(warm=warm)) for name, warm in every.items()},
            "lead": {name: _plain(self.leads(warm=warm)) for name, warm in every.items()},
            "lists_without_a_model": self.waited,
            "same_as_first_model": self.same,
            "changes": [change.to_json() for change in self.changes],
            "runs": [run.to_json() for run in self.runs],
            "curve": self.curve(),
            "seconds": round(self.seconds, 1),
        }

    def _by_user(self, *, warm: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
        rows = self.judgements.filter(pl.col(WARM)) if warm else self.judgements
        users = rows.group_by(USER).agg(*(pl.col(arm).mean() for arm in ARMS)).sort(USER)
        return users.select(ARMS).to_numpy().T.astype(np.float64)


def gain(listed: Sequence[int], film: int) -> float:
    """Return the nDCG of a list of which one film is right: ``1 / log2(1 + its place)``, 0 where it is not there."""
    return float(1 / np.log2(2 + listed.index(film))) if film in listed else 0.0


def _plain(intervals: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    return {name: {part: round(value, 5) for part, value in asdict(found).items()} for name, found in intervals.items()}
