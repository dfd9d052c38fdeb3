"""A short way for the requests that come most: recommendations for users and for lists of films, and events.

The framework reads every address and every body anew, which takes longer than the answer. What it has once read of an
address it reads the same the next time, so the wish is kept by its very letters; bodies of the usual words are read at
a glance. Whatever is unusual goes the long way, and so does whatever fails.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.security import RULES
from movie_mlops.serving.shapes import UserId
from movie_mlops.serving.wishes import Wish

_BEFORE: Final = "/v1/users/"
_AFTER: Final = "/recommendations"
_TELLING: Final = frozenset({b"content-type", b"prefer", b"ce-specversion"})
_PLAIN: Final = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_LONGEST: Final = 500
_MOST: Final = 1000
_USER_ID: Final = TypeAdapter[str](UserId)


class ReadBefore:
    """The wishes that addresses said, by the letters after their question mark."""

    def __init__(self) -> None:
        self._wishes: dict[bytes, Wish] = {}
        self.route: object = None

    def keep(self, scope: Scope, wish: Wish) -> None:
        """Keep what a request wished, if the next one with the same letters may go the short way."""
        letters = scope["query_string"]
        if wish.plain and wish.cursor is None and len(letters) <= _LONGEST:
            if len(self._wishes) >= _MOST:
                self._wishes.clear()
            self.route = scope["route"]
            self._wishes[letters] = wish

    def find(self, letters: bytes) -> Wish | None:
        """Return the wish that was read from these letters."""
        return self._wishes.get(letters)


class Lane:
    """Pure ASGI, because every request pays for it.

    Args:
        app: The long way.
        before: What was read on it.
        answer: Answers a user's wish.
        takes: For each path that something is posted to, what answers a body in JSON; ``None`` where that has to go the
            long way.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        before: ReadBefore,
        answer: Callable[[str, Wish], Response],
        takes: Mapping[str, Callable[[bytes], Awaitable[Response | None]]],
    ) -> None:
        self._app = app
        self._before = before
        self._answer = answer
        self._takes = takes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = None
        if scope["type"] == "http" and scope["method"] == "GET":
            path: str = scope["path"]
            if path.startswith(_BEFORE) and path.endswith(_AFTER):
                response = self._short(scope, path[len(_BEFORE) : -len(_AFTER)])
        elif (
            scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._takes and _is_plain(scope)
        ):
            response, receive = await self._posted(scope, receive)
        await (response or self._app)(scope, receive, send)

    def _short(self, scope: Scope, user_id: str) -> Response | None:
        wish = self._before.find(scope["query_string"])
        if wish is None:
            return None
        try:
            response = self._answer(_USER_ID.validate_python(user_id), wish)
        except (MovieMlopsError, ValidationError):
            # On the long way it fails again, and there it is said well.
            return None
        scope["route"] = self._before.route
        return response

    async def _posted(self, scope: Scope, receive: Receive) -> tuple[Response | None, Receive]:
        """Return the answer to a body, or that there is none and what the long way receives instead."""
        path: str = scope["path"]
        messages, more = list[Message](), True
        while more:
            messages.append(await receive())
            more = messages[-1].get("more_body", False)
        if messages[-1]["type"] != "http.request":
            return None, _again(messages, receive)
        response = await self._takes[path](b"".join(each["body"] for each in messages))
        if response is not None:
            scope["route"] = RULES["POST", path]
        return response, _again(messages, receive)


def _is_plain(scope: Scope) -> bool:
    """Return whether a request brings JSON and nothing that changes what it means.

    A body that does not tell its size is measured on the long way.
    """
    names = {name: value for name, value in scope["headers"] if name in _TELLING}
    sized = any(name == b"content-length" for name, _ in scope["headers"])
    return (
        sized and not scope["query_string"] and names.keys() == {b"content-type"} and names[b"content-type"] in _PLAIN
    )


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Return what gives messages that were received already, and then whatever comes."""
    waiting = iter(messages)

    async def received() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return received
