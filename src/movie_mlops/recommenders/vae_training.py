"""How the variational autoencoder is trained, by PyTorch."""

from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # as PyTorch's own documents have it
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders.config import VaeParams
from movie_mlops.recommenders.inputs import Csr
from movie_mlops.recommenders.neural import NORM_EPSILON
from movie_mlops.recommenders.stored import AfterStep, Arrays
from movie_mlops.recommenders.torch_training import constant, learn, parameter, plain, seeded

_NARROW: Final = -2.0
"""Logarithm of a code's variance at the start: near to certain, so that the first steps learn the codes themselves."""

_WARM_UP: Final = 0.4
"""Share of the steps over which the pull of the prior rises from nothing."""


def train_vae(matrix: Csr, params: VaeParams, advance: Advance, after_step: AfterStep) -> Arrays:
    """Train on every history; an empty one is left out.

    Args:
        matrix: Users by films.
        params: Sizes, epochs, seed.
        advance: Told of each epoch, in percent.
        after_step: Told of each epoch, and shown what is learned so far.

    Returns:
        The arrays that `VaeRecommender` answers with.
    """
    with seeded(params) as (device, chance):
        training = _Training(matrix, params, device, chance)

        def after(share: float) -> None:
            advance(100 / params.epochs)
            after_step(share, lambda: _learned(training.parameters, params))

        learn(training.parameters, training.loss, len(training.users), params, after)
    return _learned(training.parameters, params)


def _learned(parameters: list[Any], params: VaeParams) -> Arrays:
    into, bias, scale, shift, code, code_bias, decoder, decoder_bias = map(plain, parameters)
    return {
        "encoder": into,
        "encoder_bias": bias,
        "norm_scale": scale,
        "norm_shift": shift,
        "code": np.ascontiguousarray(code[:, : params.factors]),
        "code_bias": np.ascontiguousarray(code_bias[: params.factors]),
        "decoder": decoder,
        "decoder_bias": decoder_bias,
    }


class _Training:
    def __init__(self, matrix: Csr, params: VaeParams, device: Any, chance: Any) -> None:
        self._params, self._device, self._chance = params, device, chance
        n_items, hidden, factors = matrix.shape[1], params.hidden, params.factors
        self._starts, self._lengths = matrix.indptr[:-1].astype(np.int64), np.diff(matrix.indptr).astype(np.int64)
        self.users = np.flatnonzero(self._lengths)
        self._items = torch.from_numpy(matrix.indices.astype(np.int64)).to(device)
        self._weights = torch.from_numpy(matrix.data).to(device)
        popularity = np.log1p(np.bincount(matrix.indices, weights=matrix.data, minlength=n_items))
        self.parameters = [
            parameter((n_items, hidden), 3 * (2 / (n_items + hidden)) ** 0.5, chance, device),
            constant(np.zeros(hidden), device),
            constant(np.ones(hidden), device),
            constant(np.zeros(hidden), device),
            parameter((hidden, 2 * factors), hidden**-0.5, chance, device),
            constant(np.repeat([0.0, _NARROW], factors), device),
            parameter((n_items, factors), (2 / (n_items + factors)) ** 0.5, chance, device),
            constant(popularity - popularity.mean(), device),
        ]

    def loss(self, chosen: NDArray[np.int64], done: float) -> Any:
        """Return what is lost in rebuilding histories from codes of a part of them, and how far these are pulled."""
        users = self.users[chosen]
        lengths = self._lengths[users]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        places = np.repeat(self._starts[users] - starts[:-1], lengths) + np.arange(starts[-1])
        rows = torch.from_numpy(np.repeat(np.arange(len(users)), lengths)).to(self._device)
        at = torch.from_numpy(places).to(self._device)
        items, weights = self._items[at], self._weights[at]
        squares = torch.zeros(len(users), device=self._device).index_add_(0, rows, weights**2)
        inputs = weights / squares.sqrt()[rows]
        shown = torch.rand(inputs.shape, generator=self._chance, device=self._device) >= self._params.dropout
        offsets = torch.from_numpy(starts[:-1]).to(self._device)
        mean, spread = self._encode(items, offsets, inputs * shown / (1 - self._params.dropout))
        noise = torch.randn(mean.shape, generator=self._chance, device=self._device)
        code = mean + noise * torch.exp(spread / 2)
        logits = F.linear(code, self.parameters[6], self.parameters[7])
        told = (logits[rows, items] - torch.logsumexp(logits, 1)[rows]) * weights
        divergence = -0.5 * (1 + spread - mean**2 - spread.exp()).sum(1)
        amounts = torch.from_numpy(lengths).to(self._device)
        pulled = self._params.pull * min(1.0, done / _WARM_UP) * (amounts * divergence).sum()
        return (pulled - told.sum()) / len(users)

    def _encode(self, items: Any, offsets: Any, inputs: Any) -> Any:
        into, bias, scale, shift, code, code_bias = self.parameters[:6]
        # A history is a few films of thousands: their rows are added up, which is the product with the history.
        summed = F.embedding_bag(items, into, offsets, mode="sum", per_sample_weights=inputs)
        hidden = F.layer_norm(F.silu(summed + bias), bias.shape, scale, shift, NORM_EPSILON)
        return (hidden @ code + code_bias).split(self._params.factors, 1)
