"""JSON answers, written by orjson."""

from collections.abc import Callable
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Json(Response):
    """An answer in JSON; NumPy-free plain data, tuples as lists.

    Args:
        content: What it says.
        status_code: HTTP's word for it.
        afterwards: Called once it is on its way, or cannot be sent: what whoever asked need not wait for.
    """

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, *, afterwards: Callable[[], object] | None = None) -> None:
        super().__init__(content, status_code)
        self._afterwards = afterwards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._afterwards is not None:
                self._afterwards()

    def render(self, content: Any) -> bytes:
        """Return the content as bytes."""
        return orjson.dumps(content)
