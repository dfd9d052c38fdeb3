"""The door that every request passes: its id, its body's limit, its time, safe headers, and errors nobody foresaw."""

import logging
import re
import secrets
import time
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movie_mlops.core.logs import REQUEST_ID, LogLines
from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.problems import internal, problem

_LOG: Final = logging.getLogger("movie_mlops.serving")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# Scripts, styles and pictures come from our own files, nothing stands inline, and nobody frames the page.
_STRICT: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_POLICY: Final = b"content-security-policy"
_ENCRYPTED: Final = (b"strict-transport-security", b"max-age=31536000")
_SAFE: Final = ((_POLICY, _STRICT), (b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))


class Door:
    """Pure ASGI, because every request pays for it.

    Args:
        app: What is behind it.
        metrics: Where requests are counted.
        max_body_bytes: The largest body.
        lines: Where each request is logged; without them, none is.
        encrypted: Whether browsers are told to come by https alone (RFC 6797).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        max_body_bytes: int,
        lines: LogLines | None = None,
        encrypted: bool = False,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._lines = lines
        self._safe = (*_SAFE, _ENCRYPTED) if encrypted else _SAFE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id"))
        # Whatever is said during the request, in whichever thread, says it with its id.
        REQUEST_ID.set(request_id.decode())
        status = 0

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = message["headers"]
                # A page that needs another policy says so itself.
                safe = self._safe[1:] if any(name == _POLICY for name, _ in own) else self._safe
                message["headers"] = [*own, *safe, (b"x-request-id", request_id)]
            await send(message)

        try:
            await self._enter(scope, headers, receive, tell)
        except Exception:
            _LOG.exception("request %s failed: %s %s", request_id.decode(), scope["method"], scope["path"])
            if status:
                # The answer has begun: it cannot be taken back, only cut off.
                raise
            await internal(scope["path"], request_id.decode())(scope, receive, tell)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            route, seconds = _template(scope), time.perf_counter() - began
            self._metrics.request(method, route, status, seconds)
            if self._lines is not None:
                self._lines.request(
                    request_id=request_id.decode(),
                    method=method,
                    route=route,
                    path=scope["path"],
                    status=status,
                    seconds=seconds,
                )

    async def _enter(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared[:20]) > self._max_body_bytes:
            detail = f"The body is larger than {self._max_body_bytes:,} bytes. Send it in smaller parts."
            await problem(413, detail, code="too-large", instance=scope["path"])(scope, receive, send)
        elif b"transfer-encoding" in headers:
            await self._app(scope, self._measured(receive), send)
        else:
            await self._app(scope, receive, send)

    def _measured(self, receive: Receive) -> Receive:
        """Return ``receive`` for a body that does not tell its size."""
        size = 0

        async def measured() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._max_body_bytes:
                raise HTTPException(413)
            return message

        return measured


def _request_id(given: bytes | None) -> bytes:
    """Return the caller's id of the request where it is a harmless one, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8).encode()


def _template(scope: Scope) -> str:
    """Return the route's template, such as ``/v1/movies/{movie_id}``."""
    path = getattr(scope.get("route"), "path", None)
    return path.replace(":path}", "}") if isinstance(path, str) and path else "unmatched"
