"""The arithmetic that a trained network answers with, on plain arrays."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

NORM_EPSILON: Final = 1e-5
"""Added to a variance before its root; as PyTorch has it."""


def silu(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``x · sigmoid(x)`` (Elfwing, Uchibe and Doya, 2018)."""
    # By the hyperbolic tangent, which cannot overflow.
    activated: NDArray[np.float32] = values * (np.float32(0.5) * (np.tanh(np.float32(0.5) * values) + np.float32(1)))
    return activated


def layer_norm(
    values: NDArray[np.float32], scale: NDArray[np.float32], shift: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return each row with mean 0 and variance 1, scaled and shifted (Ba, Kiros and Hinton, 2016)."""
    centred = values - values.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    normed: NDArray[np.float32] = centred / np.sqrt(variance + np.float32(NORM_EPSILON)) * scale + shift
    return normed


def log_lift(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithm of how many times likelier than by an even chance each film is, from its row's logits.

    Unlike the logits themselves, that can be compared between two histories.
    """
    logits -= logits.max(axis=-1, keepdims=True)
    total = np.exp(logits).sum(axis=-1, keepdims=True, dtype=np.float64)
    logits += np.log(logits.shape[-1] / total).astype(np.float32)
    return logits


def cosines(vectors: NDArray[np.float32], item: int) -> NDArray[np.float32]:
    """Return the cosine of every row with one of them; 0 where a row is all zeros."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)) * np.linalg.norm(vectors[item])
    products = vectors @ vectors[item]
    found: NDArray[np.float32] = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return found
