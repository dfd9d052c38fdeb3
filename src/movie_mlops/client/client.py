"""The client that waits for its answers."""

import time
from collections.abc import Callable, Iterator
from functools import wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar, Unpack, cast

import httpx

from movie_mlops.client import calls
from movie_mlops.client.calls import Call
from movie_mlops.client.config import ClientConfig
from movie_mlops.client.exchange import Exchange, config_of, headers_of
from movie_mlops.client.shapes import Recommendations, Wishes

P = ParamSpec("P")
T = TypeVar("T")


def _method(call: Callable[P, Call[T]]) -> "Callable[Concatenate[Client, P], T]":
    """Return the method that makes a call and waits for its answer."""

    @wraps(call)
    def ask(client: "Client", *arguments: P.args, **named: P.kwargs) -> T:
        return client.ask(call(*arguments, **named))

    return cast("Callable[Concatenate[Client, P], T]", ask)


class Client:
    """Asks the API and waits for the answer; safe to share between threads.

    Every method raises :class:`~movie_mlops.client.ApiError` where the server refuses, with its problem document, and
    :class:`~movie_mlops.client.NoAnswerError` where it cannot be reached. A server that is too busy is asked again
    after the time that it names. What the methods take and give is said in :mod:`movie_mlops.client.calls`.

    Args:
        config: The settings, or the address alone.
        key: What shows who asks; over that of the settings.
        transport: What carries requests; httpx's own where it is left out.
    """

    def __init__(
        self, config: ClientConfig | str, *, key: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._config = config_of(config, key)
        self._http = httpx.Client(
            base_url=self._config.url,
            timeout=self._config.timeout_seconds,
            headers=headers_of(self._config),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give connections back."""
        self._http.close()

    recommend = _method(calls.recommend)
    recommend_for = _method(calls.recommend_for)
    recommend_group = _method(calls.recommend_group)
    rerank = _method(calls.rerank)
    passport = _method(calls.passport)
    history = _method(calls.history)
    send = _method(calls.send)
    search = _method(calls.search)
    movie = _method(calls.movie)
    similar = _method(calls.similar)
    genres = _method(calls.genres)

    def pages(self, user_id: str, **wishes: Unpack[Wishes]) -> Iterator[Recommendations]:
        """Yield one page after the other of films for a user; no film comes twice."""
        cursor: str | None = wishes.get("cursor", calls.START)
        while cursor is not None:
            wishes["cursor"] = cursor
            page = self.recommend(user_id, **wishes)
            yield page
            cursor = page.get("next")

    def ask(self, call: Call[T]) -> T:
        """Send a call until it is answered, refused or given up."""
        exchange = Exchange(self._config, call)
        while True:
            try:
                response = self._http.request(**exchange.request())
            except httpx.TransportError as error:
                wait = exchange.unanswered(error)
            else:
                if response.is_success:
                    return exchange.answer(response)
                wait = exchange.refused(response)
            time.sleep(wait)
