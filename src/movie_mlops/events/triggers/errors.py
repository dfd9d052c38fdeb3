"""What can go wrong with triggers."""

from typing import ClassVar

from movie_mlops.core.errors import MovieMlopsError


class TriggerError(MovieMlopsError):
    """A trigger cannot be as it was asked for."""

    code: ClassVar[str] = "trigger"
