"""What every protocol hands out and every model is judged on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.evaluation.errors import CaseInvalidError

Facts = Mapping[str, str | int | float]
"""What a reader should know about a split, by name, in the order in which it is shown."""


class Scorer(Protocol):
    """A fitted model, as far as evaluation knows it."""

    def score(self, histories: sparse.csr_matrix, *, times: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Return float32[n, items] for the histories csr[n, items]; a higher score is a better item.

        ``times`` are Unix seconds of each stored value of the histories; ``None`` where they are not known. On a case
        with traits of users it is given those of the n users too, as ``traits``.
        """
        ...


@dataclass(frozen=True)
class EvaluationCase:
    """One split of the feedback: what models may learn from, what they are shown, and what they must find.

    All matrices share the order of the items (``movie_ids``); ``histories``, ``seen`` and ``held_out`` share the
    order of the users (``user_ids``). Everybody in a case has something held out.

    Attributes:
        name: Short name of the split, such as ``time`` or ``fold-0``.
        train: csr float32[users, items] of positive weights that models are fitted on; its rows are not ``user_ids``.
        train_times: int64[nnz] Unix seconds aligned with ``train.data``; ``None`` where the feedback has no times.
        histories: csr float32[m, items] of the weights that a model is shown of each judged user; below zero is
            evidence against a film.
        seen: csr float32[m, items] whose stored entries, disliked films included, are not recommended again.
        held_out: csr float32[m, items] whose stored entries are the films to be found.
        user_ids: The m judged users.
        movie_ids: int64[items], ascending.
        facts: Counts and dates that a reader needs to judge the split.
        history_times: int64[nnz] Unix seconds aligned with ``histories.data``; ``None`` where there are none.
        content: csr float32[items, features], what is known of the films; ``None`` where nothing is.
        films: What is known of the films, one row each; ``None`` where nothing is.
        candidates: bool[items]; the films that may be recommended at all; ``None`` for every film.
        train_user_ids: Whose rows ``train`` has; ``None`` where nobody says.
        train_traits: csr float32[users, traits], what is known of the users of ``train``; ``None`` where nothing is.
        traits: csr float32[m, traits], likewise of the judged users; there where ``train_traits`` is.
    """

    name: str
    train: sparse.csr_matrix
    train_times: NDArray[np.int64] | None
    histories: sparse.csr_matrix
    seen: sparse.csr_matrix
    held_out: sparse.csr_matrix
    user_ids: list[str]
    movie_ids: NDArray[np.int64]
    facts: Facts = field(default_factory=dict)
    history_times: NDArray[np.int64] | None = None
    content: sparse.csr_matrix | None = None
    films: pl.DataFrame | None = None
    candidates: NDArray[np.bool_] | None = None
    train_user_ids: list[str] | None = None
    train_traits: sparse.csr_matrix | None = None
    traits: sparse.csr_matrix | None = None

    def __post_init__(self) -> None:
        """Refuse a case that contradicts itself.

        Raises:
            CaseInvalidError: Shapes differ, somebody has nothing held out, or a held-out film is in a history.
        """
        judged = (len(self.user_ids), len(self.movie_ids))
        for name in ("histories", "seen", "held_out"):
            if getattr(self, name).shape != judged:
                raise self._invalid(f"{name} has the shape {getattr(self, name).shape} instead of {judged}")
        if self.train.shape[1] != judged[1]:
            raise self._invalid(f"train has {self.train.shape[1]:,} items instead of {judged[1]:,}")
        if self.train_times is not None and len(self.train_times) != self.train.nnz:
            raise self._invalid(f"train has {self.train.nnz:,} entries and {len(self.train_times):,} times")
        if self.history_times is not None and len(self.history_times) != self.histories.nnz:
            raise self._invalid(f"histories have {self.histories.nnz:,} entries and {len(self.history_times):,} times")
        if self.content is not None and self.content.shape[0] != judged[1]:
            raise self._invalid(f"content has {self.content.shape[0]:,} items instead of {judged[1]:,}")
        self._check_traits()
        self._check_entries()

    def of_users(self, users: NDArray[np.int64]) -> Self:
        """Return the same case with only some of its judged users, by their positions, in that order."""
        starts, times = self.histories.indptr, self.history_times
        theirs = [np.arange(starts[user], starts[user + 1]) for user in users]
        return replace(
            self,
            histories=self.histories[users],
            history_times=times if times is None else times[np.concatenate(theirs)],
            seen=self.seen[users],
            held_out=self.held_out[users],
            user_ids=[self.user_ids[user] for user in users],
            traits=None if self.traits is None else self.traits[users],
        )

    def _check_traits(self) -> None:
        if self.train_user_ids is not None and len(self.train_user_ids) != self.train.shape[0]:
            raise self._invalid(f"train has {self.train.shape[0]:,} rows and {len(self.train_user_ids):,} users")
        if (self.traits is None) != (self.train_traits is None):
            raise self._invalid("traits are known of the judged users or of those of train alone")
        if self.traits is not None and self.train_traits is not None:
            shapes = (self.train_traits.shape, self.traits.shape)
            n_traits = self.train_traits.shape[1]
            if shapes != ((self.train.shape[0], n_traits), (len(self.user_ids), n_traits)):
                raise self._invalid(f"traits have the shapes {shapes[0]} and {shapes[1]}")

    def _check_entries(self) -> None:
        if (np.diff(self.held_out.indptr) == 0).any():
            raise self._invalid("a judged user has nothing held out")
        held_out, seen, shown = (entry_keys(m) for m in (self.held_out, self.seen, self.histories))
        known = int(np.isin(held_out, np.concatenate([seen, shown])).sum())
        if known:
            raise self._invalid(f"{known:,} held-out films are already known")
        if self.candidates is not None and not self.candidates[self.held_out.indices].all():
            raise self._invalid("a held-out film is not among the candidates")
        if not np.isin(shown, seen).all():
            raise self._invalid("a film of a history is not among the seen ones")

    def _invalid(self, problem: str) -> CaseInvalidError:
        return CaseInvalidError(
            f"The evaluation case {self.name!r} contradicts itself: {problem}.",
            next_step="Make it with one of the protocols of movie_mlops.evaluation, or correct its arrays.",
        )


def entry_keys(matrix: sparse.csr_matrix) -> NDArray[np.int64]:
    """Return int64[nnz]: ``row * columns + column`` of each stored entry, in stored order."""
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return rows * matrix.shape[1] + matrix.indices
