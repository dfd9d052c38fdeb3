"""What somebody without an account tells of themselves: checked by what the released model knows, and kept nowhere.

An age, a gender and an occupation together may say who somebody is. So they reach the model and nothing else: no
impression, no log, no cache of answers. What is kept is which of them were told, not what they were.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, StrictInt, StrictStr

from movie_mlops.features import known_traits, named_traits
from movie_mlops.serving.errors import BadRequestError
from movie_mlops.serving.model import Snapshot

NO_USE: Final = "The released model makes no use of what was told of you."
"""What an answer says where traits were told to a model that does not read them."""

_MOST: Final = 10
_LARGEST: Final = 150
_LONGEST_NAME: Final = 40
_LONGEST_WORD: Final = 100

Traits = NDArray[np.float32]
"""1 for each trait that somebody has, in the order of the released model."""


def _as_traits(value: Any) -> Any:
    """Refuse what can be no traits in a sentence that repeats none of them."""
    if isinstance(value, dict) and len(value) <= _MOST and all(map(_is_trait, value, value.values())):
        return value
    message = f"must be at most {_MOST} traits by name, each a word or a whole number from 0 to {_LARGEST}"
    raise ValueError(message)


def _is_trait(name: Any, value: Any) -> bool:
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or isinstance(value, bool):
        return False
    return 0 <= value <= _LARGEST if isinstance(value, int) else isinstance(value, str) and len(value) <= _LONGEST_WORD


TraitsIn = Annotated[
    dict[
        Annotated[StrictStr, Field(max_length=_LONGEST_NAME)],
        Annotated[StrictInt, Field(ge=0, le=_LARGEST)] | Annotated[StrictStr, Field(max_length=_LONGEST_WORD)],
    ],
    Field(max_length=_MOST),
    BeforeValidator(_as_traits),
]
"""What is told in a request, by name."""


def read_traits(snapshot: Snapshot, told: Mapping[str, str | int]) -> Traits | None:
    """Return the traits of somebody as the released model reads them.

    Args:
        snapshot: What the request sees.
        told: What is told, such as ``{"gender": "F", "age": 27}``.

    Returns:
        ``None`` where nothing is told, or nothing is released that reads traits.

    Raises:
        BadRequestError: The model knows no such trait, or no such value of it. What was told is not repeated.
    """
    names = () if snapshot.model is None else snapshot.model.traits
    if not told or not names:
        return None
    known = known_traits(names)
    if any(name not in known for name in told):
        raise BadRequestError(
            "The traits name something that the released model does not know.",
            next_step=f"Tell some of {', '.join(known)}, or nothing.",
        )
    for name, trait in zip(told, named_traits(told), strict=True):
        if trait not in names:
            raise BadRequestError(
                f"The released model does not know this value of the trait '{name}'.",
                next_step=f"Tell one of {', '.join(known[name])}, or leave '{name}' out.",
            )
    return np.isin(names, named_traits(told)).astype(np.float32)
