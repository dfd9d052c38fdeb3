"""The arrays of a trained recommender: which there must be, and whether they are sound."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.recommenders.errors import RestoreError
from movie_mlops.recommenders.inputs import positions

Arrays = dict[str, NDArray[Any]]
"""What was learned, by name."""

AfterStep = Callable[[float, Callable[[], Arrays]], None]
"""Told, within a training, which share of it is done, and how to get what would be learned if it ended there."""

Form = tuple[type[np.generic], tuple[int | None, ...]]
"""Type and shape of an array; None stands for any length."""

Layout = Mapping[str, Form]
"""The form of each array, by name."""

COMMON: Layout = {"n_items": (np.int64, (1,)), "known_items": (np.int32, (None,))}
"""The arrays that every recommender has beside its own."""

_BLOCK = 1 << 22


def check_finite(arrays: Mapping[str, NDArray[Any]], name: str, error: type[MovieMlopsError]) -> None:
    """Raise ``error`` where a number of ``arrays`` is not finite; in blocks, so that no big copy is made."""
    for key, array in arrays.items():
        if array.dtype.kind != "f":
            continue
        flat = array.reshape(-1)
        for start in range(0, flat.size, _BLOCK):
            if not np.isfinite(flat[start : start + _BLOCK]).all():
                raise error(
                    f"The array {key} of the recommender {name} holds a number that is not finite.",
                    next_step="Train again with more regularisation, or with smaller weights.",
                )


def check_arrays(
    arrays: Mapping[str, NDArray[Any]], layout: Callable[[int], Layout], name: str
) -> tuple[NDArray[np.int32], NDArray[np.int32], Arrays]:
    """Take apart what `Recommender.arrays` returned.

    Args:
        arrays: The arrays by name.
        layout: What the model's own arrays must look like, for a number of known films.
        name: The recommender's name, for the error.

    Returns:
        The known films, the position of each film, and the model's own arrays.

    Raises:
        RestoreError: An array is missing, too many, of the wrong type or shape, or holds what it must not.
    """
    _match({key: arrays[key] for key in COMMON if key in arrays}, COMMON, name)
    n_items, known = int(arrays["n_items"][0]), np.asarray(arrays["known_items"])
    if not known.size or known[0] < 0 or known[-1] >= n_items or (np.diff(known) <= 0).any():
        raise _refusal(name, "known_items is not a rising list of film indices")
    learned = {key: np.asarray(array) for key, array in arrays.items() if key not in COMMON}
    _match(learned, layout(len(known)), name)
    check_finite(learned, name, RestoreError)
    return known, positions(known, n_items), learned


def _match(arrays: Mapping[str, NDArray[Any]], layout: Layout, name: str) -> None:
    if arrays.keys() != layout.keys():
        raise _refusal(name, f"there are {sorted(arrays)} where {sorted(layout)} belong")
    for key, (dtype, shape) in layout.items():
        array = arrays[key]
        fits = len(array.shape) == len(shape) and all(
            want is None or want == have for want, have in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype != dtype:
            raise _refusal(name, f"{key} is {array.dtype} of shape {array.shape}, not {np.dtype(dtype)} of {shape}")


def _refusal(name: str, reason: str) -> RestoreError:
    return RestoreError(
        f"The stored arrays of the recommender {name} cannot be used: {reason}.",
        next_step="Train the recommender again, or restore another bundle.",
    )
