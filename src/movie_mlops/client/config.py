"""How a client asks."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ClientConfig:
    """Settings of a client.

    Attributes:
        url: The address of the API, such as ``http://127.0.0.1:8000``.
        key: What shows who asks: an API key, or a token of the identity provider; ``None`` for nothing.
        timeout_seconds: How long one try may take.
        tries: How often a request is sent at most.
        first_wait_seconds: How long the first repetition waits where the server does not say; each further one twice as
            long, and each by chance up to half of it less.
        longest_wait_seconds: A server that wants a longer wait is not asked again.
    """

    url: str = "http://127.0.0.1:8000"
    key: str | None = field(default=None, repr=False)
    timeout_seconds: float = 10.0
    tries: int = 4
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 30.0
