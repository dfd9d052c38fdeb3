"""How a model is named on the command line: ``NAME[:PARAM=VALUE,…]``."""

from typing import Any


def read_model(word: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the parameters that a word such as ``ease:regularisation=300`` says.

    Raises:
        ConfigurationError: A parameter is not ``PARAM=NUMBER``.
    """
    name, _, given = word.partition(":")
    return name, params_of(given) if given else {}


def params_of(given: str) -> dict[str, Any]:
    """Return the parameters that are written behind a model's name.

    Raises:
        ConfigurationError: One is no number.
    """
    from movie_mlops.core.errors import ConfigurationError

    params: dict[str, Any] = {}
    for word in given.split(","):
        name, equals, value = word.partition("=")
        try:
            params[name] = float(value) if "." in value or "e" in value else int(value)
        except ValueError as error:
            raise ConfigurationError(
                f"{word!r} is not PARAM=NUMBER.", next_step="Write for example ease:regularisation=300"
            ) from error
        assert equals
    return params
