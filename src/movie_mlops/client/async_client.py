"""The client that is awaited."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack, cast

import httpx

from movie_mlops.client import calls
from movie_mlops.client.calls import Call
from movie_mlops.client.config import ClientConfig
from movie_mlops.client.exchange import Exchange, config_of, headers_of
from movie_mlops.client.shapes import Recommendations, Wishes

P = ParamSpec("P")
T = TypeVar("T")


def _method(call: Callable[P, Call[T]]) -> "Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]":
    """Return the method that makes a call and is awaited for its answer."""

    @wraps(call)
    async def ask(client: "AsyncClient", *arguments: P.args, **named: P.kwargs) -> T:
        return await client.ask(call(*arguments, **named))

    return cast("Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]", ask)


class AsyncClient:
    """Asks the API without holding anybody up; safe to share between tasks of one loop.

    It has the methods of :class:`~movie_mlops.client.Client`, each to be awaited.

    Args:
        config: The settings, or the address alone.
        key: What shows who asks; over that of the settings.
        transport: What carries requests; httpx's own where it is left out.
    """

    def __init__(
        self, config: ClientConfig | str, *, key: str | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._config = config_of(config, key)
        self._http = httpx.AsyncClient(
            base_url=self._config.url,
            timeout=self._config.timeout_seconds,
            headers=headers_of(self._config),
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give connections back."""
        await self._http.aclose()

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

    async def pages(self, user_id: str, **wishes: Unpack[Wishes]) -> AsyncIterator[Recommendations]:
        """Yield one page after the other of films for a user; no film comes twice."""
        cursor: str | None = wishes.get("cursor", calls.START)
        while cursor is not None:
            wishes["cursor"] = cursor
            page = await self.recommend(user_id, **wishes)
            yield page
            cursor = page.get("next")

    async def ask(self, call: Call[T]) -> T:
        """Send a call until it is answered, refused or given up."""
        exchange = Exchange(self._config, call)
        while True:
            try:
                response = await self._http.request(**exchange.request())
            except httpx.TransportError as error:
                wait = exchange.unanswered(error)
            else:
                if response.is_success:
                    return exchange.answer(response)
                wait = exchange.refused(response)
            await asyncio.sleep(wait)
