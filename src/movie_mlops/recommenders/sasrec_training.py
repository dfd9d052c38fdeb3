"""How the sequential model is trained, by PyTorch."""

from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # as PyTorch's own documents have it
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.config import SasrecParams
from movie_mlops.recommenders.inputs import Training
from movie_mlops.recommenders.neural import NORM_EPSILON
from movie_mlops.recommenders.sequences import BUCKETS, UNKNOWN, rank_buckets, time_buckets
from movie_mlops.recommenders.stored import AfterStep, Arrays
from movie_mlops.recommenders.torch_training import constant, learn, parameter, plain, seeded

Stamps = NDArray[np.int64] | None
"""Unix seconds of each film of a history; None where none is known."""

NAMES: Final = (
    "vectors",
    "queries",
    "keys",
    "values",
    "mix",
    "rank_bias",
    "time_bias",
    "inner_scale",
    "inner_shift",
    "widen",
    "widen_bias",
    "narrow",
    "narrow_bias",
    "outer_scale",
    "outer_shift",
    "film_scale",
    "film_shift",
    "popularity",
)
"""What is learned, in the order in which it is made."""


def train_sasrec(training: Training, params: SasrecParams, advance: Advance, after_step: AfterStep) -> Arrays:
    """Train on every history of at least two films.

    Args:
        training: Who liked what, and when.
        params: Sizes, epochs, seed.
        advance: Told of each epoch, in percent.
        after_step: Told of each epoch, and shown what is learned so far.

    Returns:
        The arrays that `SasrecRecommender` answers with.
    """
    with seeded(params) as (device, chance):
        made = _Training(training, params, device, chance)

        def after(share: float) -> None:
            advance(100 / params.epochs)
            after_step(share, lambda: _learned(made.parameters))

        if len(made.users):
            learn(list(made.parameters.values()), made.loss, len(made.users), params, after)
        else:
            advance(100)
    return _learned(made.parameters)


def _learned(parameters: dict[str, Any]) -> Arrays:
    return {name: plain(tensor) for name, tensor in parameters.items()}


class _Training:
    def __init__(self, training: Training, params: SasrecParams, device: Any, chance: Any) -> None:
        self._params, self._device, self._chance = params, device, chance
        self._random = np.random.default_rng(params.seed + 1)
        matrix = training.matrix
        assert training.times is not None  # the port has checked it
        self._matrix, self._times = matrix, training.times
        self.users = np.flatnonzero(np.diff(matrix.indptr) > 1)
        self.parameters = dict(zip(NAMES, _start(matrix.shape[1], matrix, params, chance, device), strict=True))

    def loss(self, chosen: NDArray[np.int64], done: float) -> Any:  # noqa: ARG002  # the same at every step
        """Return what is lost in foretelling films that came after places of some histories."""
        batch = self._draw(self.users[chosen])
        items, weights = self._put(batch.items), self._put(batch.weights)
        films = self._drop(self.parameters["vectors"][items])
        normed = self._norm(films, "film")
        looked = self._attend(films, normed, weights, batch)
        wide = F.silu(self._norm(looked, "inner") @ self.parameters["widen"] + self.parameters["widen_bias"])
        told = looked + self._drop(wide @ self.parameters["narrow"] + self.parameters["narrow_bias"])
        told = self._norm(told, "outer")[self._put(batch.asks)]
        logits = F.linear(told, self.parameters["vectors"], self.parameters["popularity"])
        return F.cross_entropy(logits, self._put(batch.wanted[batch.asks]))

    def _draw(self, users: NDArray[np.int64]) -> "_Batch":
        """Draw a stretch of each history, places in it, and a film that comes soon after each."""
        matrix, params, random = self._matrix, self._params, self._random
        lengths = np.minimum(np.diff(matrix.indptr)[users], params.length + 1)
        batch = _Batch(len(users), int(lengths.max()), params.targets)
        for row, (user, length) in enumerate(zip(users.tolist(), lengths.tolist(), strict=True)):
            entries = np.arange(matrix.indptr[user], matrix.indptr[user + 1])
            # Of films that were met at the same moment any may have been the first.
            random.shuffle(entries)
            untimed = random.random() < params.untimed or self._times[entries].max() < 0
            if not untimed:
                entries = entries[np.argsort(self._times[entries], kind="stable")]
            first = int(random.integers(0, len(entries) - length + 1))
            entries = entries[first : first + length]
            batch.fill(row, matrix.indices[entries], matrix.data[entries])
            places = random.permutation(length - 1)[: params.targets]
            soon = np.full(len(places), length - 1) if untimed else np.minimum(length - 1, places + params.ahead)
            wanted = random.integers(places + 1, soon + 1)
            batch.ask(row, places, wanted, None if untimed else self._times[entries])
        return batch

    def _attend(self, films: Any, normed: Any, weights: Any, batch: "_Batch") -> Any:
        params, heads = self.parameters, self._params.heads
        places = self._put(batch.places)
        users = torch.arange(len(batch.places), device=self._device)[:, None]
        asking = normed[users, places]
        query, key, value = (
            (which @ params[name]).unflatten(2, (heads, -1)).transpose(1, 2)
            for which, name in ((asking, "queries"), (normed, "keys"), (normed, "values"))
        )
        closeness = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5
        closeness = closeness + params["rank_bias"][:, self._put(batch.ranks)].transpose(0, 1)
        closeness = closeness + params["time_bias"][:, self._put(batch.gaps)].transpose(0, 1)
        closeness = closeness + torch.log(weights)[:, None, None, :]
        closeness = closeness.masked_fill(self._put(batch.later)[:, None], float("-inf"))
        found = (closeness.softmax(3) @ value).transpose(1, 2).flatten(2)
        return films[users, places] + self._drop(found @ params["mix"])

    def _norm(self, values: Any, name: str) -> Any:
        scale, shift = self.parameters[f"{name}_scale"], self.parameters[f"{name}_shift"]
        return F.layer_norm(values, scale.shape, scale, shift, NORM_EPSILON)

    def _drop(self, values: Any) -> Any:
        rate = self._params.dropout
        kept = torch.rand(values.shape, generator=self._chance, device=self._device) >= rate
        return values * kept / (1 - rate)

    def _put(self, array: NDArray[Any]) -> Any:
        return torch.from_numpy(array).to(self._device)


class _Batch:
    """Histories side by side, their latest films first cut off at a length, the rest filled up.

    Attributes:
        items: int64[users, length]; the films in order of time.
        weights: float32[users, length]; 1 where there is none.
        places: int64[users, targets]; the places from which the next films are foretold.
        wanted: int64[users, targets]; the film to be foretold from each.
        asks: bool[users, targets]; whether there is such a place.
        ranks: int64[users, targets, length]; bucket of how many films lie between.
        gaps: int64[users, targets, length]; bucket of how much time lies between.
        later: bool[users, targets, length]; what the place may not see.
    """

    def __init__(self, n_users: int, length: int, targets: int) -> None:
        self.items = np.zeros((n_users, length), np.int64)
        self.weights = np.ones((n_users, length), np.float32)
        self.places = np.zeros((n_users, targets), np.int64)
        self.wanted = np.zeros((n_users, targets), np.int64)
        self.asks = np.zeros((n_users, targets), np.bool_)
        self.ranks = np.full((n_users, targets, length), UNKNOWN, np.int64)
        self.gaps = np.full((n_users, targets, length), UNKNOWN, np.int64)
        self.later = np.ones((n_users, targets, length), np.bool_)
        self.later[:, :, 0] = False

    def fill(self, row: int, items: NDArray[np.int32], weights: NDArray[np.float32]) -> None:
        """Put the films of a history into a row."""
        self.items[row, : len(items)], self.weights[row, : len(items)] = items, weights

    def ask(self, row: int, places: NDArray[np.int64], wanted: NDArray[np.int64], stamps: Stamps) -> None:
        """Put places of a row's history and the films to be foretold from them; without times all are as far apart."""
        asked = slice(0, len(places))
        self.places[row, asked], self.asks[row, asked] = places, True
        self.wanted[row, asked] = self.items[row, wanted]
        n = self.items.shape[1] if stamps is None else len(stamps)
        before = np.arange(n) <= places[:, np.newaxis]
        self.later[row, asked, :n] = ~before
        if stamps is not None:
            self.ranks[row, asked, :n] = np.where(before, rank_buckets(places[:, np.newaxis] - np.arange(n)), UNKNOWN)
            self.gaps[row, asked, :n] = np.where(before, time_buckets(stamps[places][:, np.newaxis], stamps), UNKNOWN)


def _start(n_items: int, matrix: Any, params: SasrecParams, chance: Any, device: Any) -> list[Any]:
    size, heads = params.factors, params.heads
    popularity = np.log1p(np.bincount(matrix.indices, minlength=n_items))
    square = size**-0.5
    ones, zeros = np.ones(size), np.zeros(size)
    return [
        parameter((n_items, size), square, chance, device),
        *(parameter((size, size), square, chance, device) for _ in range(3)),
        parameter((size, size), square / 2, chance, device),
        constant(np.zeros((heads, BUCKETS)), device),
        constant(np.zeros((heads, BUCKETS)), device),
        constant(ones, device),
        constant(zeros, device),
        parameter((size, 2 * size), square, chance, device),
        constant(np.zeros(2 * size), device),
        parameter((2 * size, size), square / 2, chance, device),
        constant(zeros, device),
        constant(ones, device),
        constant(zeros, device),
        constant(ones, device),
        constant(zeros, device),
        constant(popularity - popularity.mean(), device),
    ]
