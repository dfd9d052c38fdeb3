"""One exchange with the server, without what carries it: what is sent, what an answer means, when to send again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Generic, TypeVar, cast

import httpx

from movie_mlops import __version__
from movie_mlops.client.calls import Call
from movie_mlops.client.config import ClientConfig
from movie_mlops.client.errors import ApiError, NoAnswerError
from movie_mlops.client.retries import retry_after, wait_after

T = TypeVar("T")

_HEADERS = {"user-agent": f"movie-mlops/{__version__}", "accept": "application/json"}


def headers_of(config: ClientConfig) -> dict[str, str]:
    """Return what every request of a client carries."""
    return _HEADERS if config.key is None else {**_HEADERS, "authorization": f"Bearer {config.key}"}


def config_of(given: ClientConfig | str, key: str | None) -> ClientConfig:
    """Return the settings that a client was given, as they are or as an address and a key."""
    config = ClientConfig(url=given) if isinstance(given, str) else given
    return config if key is None else replace(config, key=key)


@dataclass
class Exchange(Generic[T]):
    """A call that is sent until it is answered, refused or given up.

    Attributes:
        config: The settings.
        call: What is asked.
        tried: How often it was sent.
    """

    config: ClientConfig
    call: Call[T]
    tried: int = field(default=0, init=False)

    def request(self) -> dict[str, Any]:
        """Return the request as httpx takes it."""
        self.tried += 1
        call = self.call
        told: dict[str, Any] = {"method": call.method, "url": call.path, "params": dict(call.query)}
        return told if call.body is None else {**told, "json": call.body}

    def answer(self, response: httpx.Response) -> T:
        """Return what the server answered."""
        return cast("T", response.json())

    def refused(self, response: httpx.Response) -> float:
        """Return the seconds after which to send again.

        Raises:
            ApiError: It makes no sense to, or the server wants to be left alone for too long.
        """
        said = retry_after(response.headers)
        wait = wait_after(self.config, self.tried, response.status_code, said)
        if wait is None:
            raise ApiError.of(response.status_code, _problem(response), retry_after_seconds=said)
        return wait

    def unanswered(self, error: httpx.TransportError) -> float:
        """Return the seconds after which to send again.

        Raises:
            NoAnswerError: It was sent often enough.
        """
        wait = wait_after(self.config, self.tried, None, None)
        if wait is None:
            raise NoAnswerError(
                f"{self.config.url} does not answer ({type(error).__name__}), asked {self.tried} times.",
                next_step="Start it with 'movie-mlops serve', or correct the address.",
            ) from error
        return wait


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    """Return the problem document; what stands between the server and us may answer otherwise."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if isinstance(document, dict):
        return document
    phrase = HTTPStatus(response.status_code).phrase
    return {"status": response.status_code, "title": phrase, "detail": f"{phrase}. What answers is not the API itself."}
