"""JSON answers, written by orjson."""

from typing import Any

import orjson
from starlette.responses import Response


class Json(Response):
    """An answer in JSON; NumPy-free plain data, tuples as lists."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the content as bytes."""
        return orjson.dumps(content)
