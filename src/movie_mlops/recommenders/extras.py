"""Libraries that are not part of the platform's own environment."""

from importlib.util import find_spec

from movie_mlops.recommenders.errors import LibraryMissingError


def require_torch(name: str) -> None:
    """Refuse to train what is trained by PyTorch where it is not installed.

    Args:
        name: The recommender.

    Raises:
        LibraryMissingError: It is not.
    """
    if find_spec("torch") is None:
        raise LibraryMissingError(
            f"The recommender {name} is trained by PyTorch, which is not installed.",
            next_step="Run scripts/setup/setup_deep.sh, or choose another recommender; what was trained elsewhere"
            " answers without it.",
        )
