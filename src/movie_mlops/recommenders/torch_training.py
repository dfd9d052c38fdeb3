"""What the models that are trained by PyTorch have in common; only training needs it, never an answer.

Imported when a training begins: PyTorch is in the extra ``deep``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from movie_mlops.recommenders.config import SasrecParams, VaeParams

_RISE: Final = 0.1
"""Share of the steps over which the learning rate rises."""


@contextmanager
def seeded(params: VaeParams | SasrecParams) -> Iterator[tuple[Any, Any]]:
    """Yield the device, a GPU where there is one, and its source of chance; PyTorch's threads are put back after."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    threads = torch.get_num_threads()
    torch.set_num_threads(params.threads)
    try:
        yield device, torch.Generator(device).manual_seed(params.seed)
    finally:
        torch.set_num_threads(threads)


def learn(
    parameters: Sequence[Any],
    loss: Callable[[NDArray[np.int64], float], Any],
    n_histories: int,
    params: VaeParams | SasrecParams,
    after: Callable[[float], None],
) -> None:
    """Change the parameters, step by step, so that the loss falls: AdamW under a one-cycle learning rate.

    Args:
        parameters: The network's; changed in place.
        loss: The mean loss of some histories, given their numbers and the share of the steps that is done.
        n_histories: How many histories there are; each epoch meets them in a new order.
        params: Epochs, batch, learning rate and seed.
        after: Told, after each epoch, the share of them that is done.

    References:
        I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
        L. Smith, N. Topin, "Super-Convergence", 2018 (the learning rate).
    """
    order = np.random.default_rng(params.seed)
    batches = -(-n_histories // params.batch)
    steps = batches * params.epochs
    # Fused: one pass over each parameter instead of seven; these passes take most of a step where films are many.
    optimiser = torch.optim.AdamW(parameters, params.learning_rate, weight_decay=0.0, fused=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, params.learning_rate, total_steps=steps + 1, pct_start=_RISE, cycle_momentum=False
    )
    done = 0
    for epoch in range(params.epochs):
        shuffled = order.permutation(n_histories)
        for start in range(0, n_histories, params.batch):
            value = loss(shuffled[start : start + params.batch], done / steps)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            rate.step()
            done += 1
        after((epoch + 1) / params.epochs)


def parameter(shape: tuple[int, ...], spread: float, chance: Any, device: Any) -> Any:
    """Return a parameter drawn from a normal distribution."""
    return (torch.randn(shape, generator=chance, device=device) * spread).requires_grad_()


def constant(values: NDArray[Any], device: Any) -> Any:
    """Return a parameter that begins with given values."""
    return torch.tensor(values, dtype=torch.float32, device=device).requires_grad_()


def plain(tensor: Any) -> NDArray[np.float32]:
    """Return a parameter as an array of its own: in the middle of a training the parameter goes on changing."""
    return np.array(tensor.detach().cpu().numpy(), np.float32, order="C")
