"""Models brought up to date between trainings: what was said since goes in, without a training from the beginning.

Popularity is a sum, and grows by what is new. The inverse that EASE is made of changes by few rows where few users said
something: the Woodbury identity gives the new one out of the old. iALS goes on from the films' vectors that it has.

References:
    M. A. Woodbury, "Inverting modified matrices", Princeton Statistical Research Group, Memorandum 42, 1950.
    H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019 (the inverse that EASE is made of).
    Y. Hu, Y. Koren, C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008 (vectors of one
    side, solved for against those of the other).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lu_factor, lu_solve
from threadpoolctl import threadpool_limits

from movie_mlops.recommenders.config import EaseParams
from movie_mlops.recommenders.errors import MatrixError, UpdateError
from movie_mlops.recommenders.gram import row_blocks
from movie_mlops.recommenders.ials import IalsRecommender
from movie_mlops.recommenders.inputs import AnyCsr, Csr, check_matrix, positions, take_columns
from movie_mlops.recommenders.linear import EaseRecommender
from movie_mlops.recommenders.popular import PopularRecommender
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.stored import Arrays

SWEEPS: Final = 3
"""So many iterations iALS goes on for: beyond them its lists hardly change."""

_AT_ONCE: Final = 512
"""So many changed rows are worked in at a time; the memory that this takes is that of as many rows of the inverse."""

_HUBS: Final = 64
"""From so many films, those that most like, the others' place in the inverse is found."""

_TRAIN_ANEW: Final = "Train it anew with: movie-mlops run"


@dataclass(frozen=True)
class Change:
    """What was known when a model was trained, and what is known now.

    Attributes:
        before: Users by items, what it was trained on.
        after: The same users in the same rows, and new ones; the same items in the same columns, and new ones.
        places: int64[items of the model]; the column of each.
    """

    before: AnyCsr
    after: AnyCsr
    places: NDArray[np.int64]


def updated(model: Recommender, change: Change) -> Recommender:
    """Return a recommender of the same kind that knows what was said since; the one that was given stays as it is.

    Args:
        model: Trained on what was known before.
        change: What that was, and what is known now.

    Raises:
        UpdateError: This kind cannot be brought up to date so, or so much has changed that training is the quicker way.
        MatrixError: The matrices do not belong together.
        TrainingError: The numbers broke down.
    """
    how = _HOW.get(model.name)
    if how is None:
        raise UpdateError(
            f"A model of the kind {model.name} is not brought up to date; {', '.join(sorted(_HOW))} are.",
            next_step=_TRAIN_ANEW,
        )
    before, after = check_matrix(change.before), check_matrix(change.after)
    if before.shape != after.shape or len(change.places) != model.n_items:
        raise MatrixError(
            f"The matrices are {before.shape} and {after.shape}, and the model has {model.n_items:,} items, not"
            f" {len(change.places):,}.",
            next_step="Give both the same rows and columns, and say where each of the model's items is.",
        )
    if not after.nnz:
        raise MatrixError("The new matrix holds no like.", next_step="Give at least one weight above 0.")
    old, known = model.arrays()["known_items"], np.unique(after.indices).astype(np.int32)
    position = positions(known, after.shape[1])
    # Of what the model knew: where it is among what is known now, -1 where nobody likes it any more.
    places = position[change.places[old]]
    own = {name: array for name, array in model.arrays().items() if name not in {"n_items", "known_items"}}
    everywhere = np.unique(np.concatenate([known, before.indices])).astype(np.int32)
    learned = how(model, own, _Known(before, after, known, everywhere, change.places[old].astype(np.int32), places))
    kept: Arrays = {"n_items": np.array([after.shape[1]], np.int64), "known_items": known, **learned}
    return type(model).restore(_plain(model), kept)


@dataclass(frozen=True)
class _Known:
    """The two matrices, and which films are in which.

    Attributes:
        before: Users by all items.
        after: Likewise.
        films: The columns that somebody likes now.
        ever: Those that somebody liked before or likes now.
        old: The column of each film that the model knows.
        places: Where among ``films`` each film is that the model knows, -1 where it is not.
    """

    before: Csr
    after: Csr
    films: NDArray[np.int32]
    ever: NDArray[np.int32]
    old: NDArray[np.int32]
    places: NDArray[np.int32]


def _popular(_model: Recommender, learned: Arrays, known: _Known) -> Arrays:
    counts = np.zeros(known.after.shape[1])
    counts[known.old] = learned["popularity"]
    counts += np.bincount(known.after.indices, minlength=len(counts))
    counts -= np.bincount(known.before.indices, minlength=len(counts))
    return {"popularity": counts[known.films].astype(np.float32)}


def _ials(model: Recommender, learned: Arrays, known: _Known) -> Arrays:
    assert isinstance(model, IalsRecommender)
    position = positions(known.films, known.after.shape[1])
    matrix = take_columns(known.after, position, len(known.films))
    likes = matrix[np.flatnonzero(np.diff(matrix.indptr) > 0)]
    return {"item_factors": model.continued(likes, learned["item_factors"], known.places, SWEEPS)}


def _ease(model: Recommender, learned: Arrays, known: _Known) -> Arrays:
    params = model.params
    assert isinstance(params, EaseParams)
    if params != EaseParams(regularisation=params.regularisation, threads=params.threads):
        raise UpdateError(
            "EASE whose histories are scaled or whose cosines are bent is not brought up to date: with every new like"
            " all of them change.",
            next_step=_TRAIN_ANEW,
        )
    width = known.after.shape[1]
    position = positions(known.ever, width)
    before, after = (take_columns(one, position, len(known.ever)) for one in (known.before, known.after))
    rows, signs = _changed(before, after)
    if rows.shape[0] > len(known.ever):
        raise UpdateError(
            f"{rows.shape[0]:,} rows changed, of {len(known.ever):,} films: to train anew is the quicker way.",
            next_step=_TRAIN_ANEW,
        )
    with threadpool_limits(limits=params.threads, user_api="blas"):
        inverse = _inverse(learned["weights"], before, position[known.old], params.regularisation)
        for start in range(0, rows.shape[0], _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            _work_in(inverse, rows[some], signs[some])
    kept = position[known.films]
    if len(kept) < len(inverse):
        # What nobody likes any more has to do with no other film: leaving it out leaves the others as they are.
        inverse = inverse[np.ix_(kept, kept)]
    inverse *= -1 / np.diagonal(inverse)
    np.fill_diagonal(inverse, 0)
    return {"weights": inverse}


def _inverse(
    weights: NDArray[np.float32], before: Csr, places: NDArray[np.int32], regularisation: float
) -> NDArray[np.float32]:
    """Return ``P = (XᵀX + λI)⁻¹`` out of the weights that were made of it; films that nobody liked stand apart in it.

    Off the diagonal ``B_ij = -P_ij / P_jj``, so that all there is to find is the diagonal.
    """
    diagonal = _diagonal(weights, before[:, places], regularisation)
    known = weights * (-diagonal).astype(np.float32)
    known[np.diag_indices_from(known)] = diagonal
    if len(places) == before.shape[1]:
        # Every film is one that the model knows; they are in its order.
        return known
    inverse = np.zeros((before.shape[1], before.shape[1]), np.float32)
    inverse[np.diag_indices_from(inverse)] = 1 / regularisation
    inverse[np.ix_(places, places)] = known
    return inverse


def _diagonal(weights: NDArray[np.float32], likes: Csr, regularisation: float) -> NDArray[np.float64]:
    """Return the diagonal of P, exactly for the films that most like, and from these for all others.

    Row h of ``(XᵀX + λI) P = I`` gives ``P_hh = 1 / (G_hh + λ - Σ_i G_hi B_ih)``. P is symmetric, so that
    ``B_jh P_hh = B_hj P_jj`` for every other film j: the least squares of these equations over all h give P_jj.
    """
    counts = np.bincount(likes.indices, minlength=len(weights))
    squares = np.bincount(likes.indices, likes.data.astype(np.float64) ** 2, minlength=len(weights))
    hubs = np.argsort(-counts, kind="stable")[:_HUBS]
    rows, columns = weights[hubs].astype(np.float64), weights[:, hubs].astype(np.float64)
    evidence = (rows**2).sum(axis=0)
    evidence[hubs] = 0
    # What has nothing to do with any of them is found as they are.
    apart = np.setdiff1d(np.flatnonzero(evidence == 0), hubs)
    exact = np.concatenate([hubs, apart])
    gram = (likes[:, exact].T @ likes).tocoo()
    said = np.bincount(gram.row, gram.data * weights[gram.col, exact[gram.row]].astype(np.float64), len(exact))
    diagonal = np.zeros(len(weights))
    diagonal[exact] = 1 / (squares[exact] + regularisation - said)
    others = np.flatnonzero(evidence)
    told = np.einsum("hj,jh,h->j", rows, columns, diagonal[hubs])
    diagonal[others] = told[others] / evidence[others]
    return diagonal


def _changed(before: Csr, after: Csr) -> tuple[Csr, NDArray[np.float64]]:
    """Return the rows that changed, as they are now and as they were, and +1 for each that comes, -1 that goes."""
    differs = np.flatnonzero(np.diff(sparse.csr_array(before - after).indptr) > 0)
    new, old = after[differs], before[differs]
    new, old = (rows[np.flatnonzero(np.diff(rows.indptr) > 0)] for rows in (new, old))
    signs = np.concatenate([np.ones(new.shape[0]), -np.ones(old.shape[0])])
    return sparse.vstack([new, old], format="csr"), signs


def _work_in(inverse: NDArray[np.float32], rows: Csr, signs: NDArray[np.float64]) -> None:
    """Replace P by ``(P⁻¹ + VᵀSV)⁻¹ = P - PVᵀ (S + VPVᵀ)⁻¹ VP``, S being its own inverse."""
    towards = np.asarray(rows @ inverse, np.float32)
    system = np.asarray(rows @ towards.T, np.float64)
    system[np.diag_indices_from(system)] += signs
    # The small system in double precision: rows that go are nearly those that come.
    solved = lu_solve(lu_factor(system), towards.astype(np.float64)).astype(np.float32)
    for start, stop in row_blocks(len(inverse), len(inverse)):
        inverse[start:stop] -= towards[:, start:stop].T @ solved


def _plain(model: Recommender) -> Mapping[str, object]:
    return dict(vars(model.params))


_HOW: Final[Mapping[str, Callable[[Recommender, Arrays, _Known], dict[str, NDArray[Any]]]]] = {
    PopularRecommender.name: _popular,
    EaseRecommender.name: _ease,
    IalsRecommender.name: _ials,
}
