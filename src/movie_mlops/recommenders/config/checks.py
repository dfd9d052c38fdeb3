"""What parameters are held to."""

import math

from movie_mlops.recommenders.errors import ParameterError


def require(holds: bool, name: str, value: float, allowed: str) -> None:
    """Refuse a value.

    Args:
        holds: Whether it is as it must be; what is not finite never is.
        name: Of the parameter.
        value: Its value.
        allowed: What to give instead.

    Raises:
        ParameterError: It is not.
    """
    if not (holds and math.isfinite(value)):
        raise ParameterError(f"{name} is {value}.", next_step=f"Give {allowed}.")
