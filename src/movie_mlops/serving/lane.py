"""A short way for the request that comes most: recommendations for a user, asked for in words that were read before.

The framework reads every address anew, which takes longer than the answer. What it has once read it reads the same the
next time, so the wish is kept by its very letters. Whatever is unusual goes the long way, and so does whatever fails.
"""

from collections.abc import Callable
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.serving.shapes import UserId
from movie_mlops.serving.wishes import Wish

_BEFORE: Final = "/v1/users/"
_AFTER: Final = "/recommendations"
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
    """

    def __init__(self, app: ASGIApp, *, before: ReadBefore, answer: Callable[[str, Wish], Response]) -> None:
        self._app = app
        self._before = before
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = None
        if scope["type"] == "http" and scope["method"] == "GET":
            path: str = scope["path"]
            if path.startswith(_BEFORE) and path.endswith(_AFTER):
                response = self._short(scope, path[len(_BEFORE) : -len(_AFTER)])
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
