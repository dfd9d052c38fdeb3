"""Where the state lives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StateConfig:
    """Settings of the state database.

    Attributes:
        url: SQLAlchemy's address; ``sqlite:///<path>`` or ``postgresql+psycopg://…``.
        busy_timeout_seconds: How long a writer waits for another process's write to end.
    """

    url: str
    busy_timeout_seconds: float = 30.0
