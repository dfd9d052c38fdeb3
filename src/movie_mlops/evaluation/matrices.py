"""From a feedback frame to the matrices of a case."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.columns import EVENT_TIME, MOVIE_ID, USER_ID, WEIGHT
from movie_mlops.evaluation.case import EvaluationCase, Facts
from movie_mlops.evaluation.errors import EvaluationError

Mask = NDArray[np.bool_]
"""bool[n]: some of the feedback's rows."""


@dataclass(frozen=True)
class Feedback:
    """Feedback as arrays, one row per user and film, in order of user and film.

    Attributes:
        users: int64[n]; index into ``user_ids``.
        items: int64[n]; index into ``movie_ids``.
        weights: float32[n]; above zero is a positive, zero is seen and not liked, below zero is evidence against.
        times: int64[n] Unix seconds, or ``None`` where any row has no time.
        user_ids: The users, ascending.
        movie_ids: int64[items], ascending.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    weights: NDArray[np.float32]
    times: NDArray[np.int64] | None
    user_ids: list[str]
    movie_ids: NDArray[np.int64]

    @classmethod
    def of(cls, frame: pl.DataFrame, *, films: NDArray[np.int64] | None = None) -> Self:
        """Read a feedback frame: user_id, movie_id, weight and (nullable) event_time.

        Args:
            frame: One row for each user and film.
            films: Films that are among the items even where nobody has met them; by default only those of the frame.

        Raises:
            EvaluationError: It is empty, lacks a column, or has a user and film twice.
        """
        missing = [name for name in (USER_ID, MOVIE_ID, WEIGHT, EVENT_TIME) if name not in frame.columns]
        if missing or frame.is_empty():
            raise EvaluationError(
                f"The feedback lacks {', '.join(missing)}." if missing else "The feedback has no rows.",
                next_step="Ingest interactions, then make feedback with movie_mlops.features.feedback.",
            )
        frame = frame.sort(USER_ID, MOVIE_ID)
        user_ids = frame[USER_ID].unique(maintain_order=True).to_list()
        users = frame[USER_ID].rle_id().to_numpy().astype(np.int64)
        met = frame[MOVIE_ID].to_numpy()
        movie_ids = np.unique(met if films is None else np.concatenate([met, films]))
        items = np.searchsorted(movie_ids, met).astype(np.int64)
        if (np.diff(users * movie_ids.size + items) == 0).any():
            raise EvaluationError(
                "The feedback has more than one row for the same user and film.",
                next_step="Make it with movie_mlops.features.feedback, which keeps the latest word.",
            )
        times = None
        if frame[EVENT_TIME].null_count() == 0:
            times = frame[EVENT_TIME].dt.epoch("s").to_numpy().astype(np.int64)
        weights = frame[WEIGHT].to_numpy().astype(np.float32)
        return cls(users, items, weights, times, user_ids, movie_ids.astype(np.int64))

    @property
    def positive(self) -> Mask:
        """bool[n]: the rows that are positives."""
        return self.weights > 0

    def moment(self, share: float) -> int:
        """Return the time of the row at which the latest ``share`` of the feedback begins; the feedback has times."""
        assert self.times is not None
        n = self.times.size
        return int(np.sort(self.times)[n - max(1, round(n * share))])

    def rows(self, chosen: Mask) -> int:
        """Return how many rows are chosen."""
        return int(np.count_nonzero(chosen))

    def matrix(self, chosen: Mask, users: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return csr float32[len(users), items] of the chosen rows; ``users`` are indices, in the order of the rows."""
        return sparse.csr_matrix(self._parts(chosen, users)[:3], shape=(users.size, self.movie_ids.size))

    def training(self, chosen: Mask | None = None) -> tuple[sparse.csr_matrix, NDArray[np.int64] | None]:
        """Return what a model is fitted on: csr float32[users with a chosen row, items], and its times if known.

        Args:
            chosen: Rows to learn from; by default every positive.
        """
        learned = self.positive if chosen is None else chosen
        return self.timed(learned, np.unique(self.users[learned]))

    def learners(self, chosen: Mask | None = None) -> list[str]:
        """Return whose rows `training` gives, in their order."""
        learned = self.positive if chosen is None else chosen
        return [self.user_ids[user] for user in np.unique(self.users[learned])]

    def case(
        self, name: str, *, known: Mask, shown: Mask, held_out: Mask, facts: Facts, candidates: Mask | None = None
    ) -> EvaluationCase:
        """Build a case out of three sets of rows.

        Args:
            name: The case's name.
            known: Rows that models are fitted on; only their positives are used.
            shown: Rows that are known of the judged users when they are judged: those that say something for or against
                a film are their histories, and all of them are masked.
            held_out: Rows to be found, positives all; who has one is judged.
            facts: What the reader should know besides the counts that are added here.
            candidates: bool[items]; the films that may be recommended; by default all.
        """
        judged = np.unique(self.users[held_out])
        learned = known & self.positive
        train, train_times = self.training(learned)
        histories, history_times = self.timed(shown & (self.weights != 0), judged)
        trained = np.zeros(self.movie_ids.size, dtype=np.bool_)
        trained[self.items[learned]] = True
        counts: dict[str, str | int | float] = {
            "judged users": int(judged.size),
            "held-out positives": self.rows(held_out),
            "of them films without a training positive": int(np.count_nonzero(~trained[self.items[held_out]])),
            "training users": int(train.shape[0]),
            "training positives": self.rows(learned),
            "films": int(self.movie_ids.size),
        }
        return EvaluationCase(
            name=name,
            train=train,
            train_times=train_times,
            histories=histories,
            seen=self.matrix(shown, judged),
            held_out=self.matrix(held_out, judged),
            user_ids=[self.user_ids[user] for user in judged],
            movie_ids=self.movie_ids,
            facts={**facts, **counts},
            history_times=history_times,
            candidates=candidates,
            train_user_ids=self.learners(learned),
        )

    def timed(self, chosen: Mask, users: NDArray[np.int64]) -> tuple[sparse.csr_matrix, NDArray[np.int64] | None]:
        """Return `matrix` of the chosen rows, and the time of each of its values if known."""
        weights, indices, pointers, rows = self._parts(chosen, users)
        matrix = sparse.csr_matrix((weights, indices, pointers), shape=(users.size, self.movie_ids.size))
        return matrix, None if self.times is None else self.times[rows]

    def _parts(
        self, chosen: Mask, users: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
        """Return data, indices, pointers of a csr matrix, and which row of the feedback each entry came from."""
        place = np.full(len(self.user_ids), -1, dtype=np.int64)
        place[users] = np.arange(users.size)
        rows = np.flatnonzero(chosen & (place[self.users] >= 0))
        pointers = np.concatenate([[0], np.cumsum(np.bincount(place[self.users[rows]], minlength=users.size))])
        return self.weights[rows], self.items[rows].astype(np.int32), pointers, rows
