"""What operators and administrators ask for is written into the audit log before they are told how it ended."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import anyio.to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movie_mlops.core.logs import REQUEST_ID
from movie_mlops.security import AuditLog, Outcome, Refusals
from movie_mlops.serving.guarded import template
from movie_mlops.serving.problems import problem
from movie_mlops.state import StateError

_LOG: Final = logging.getLogger("movie_mlops.serving.audited")
_WATCHED: Final = ("/v1/admin/", "/console/")
_OF_USERS: Final = "/v1/users/"
_RIGHTS: Final = frozenset({"/v1/users/{user_id}", "/v1/users/{user_id}/export", "/v1/users/{user_id}/consents"})
"""Whoever gets everything that is known of somebody, has it erased, or says what they permit, is on record, too."""
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_TOLD: Final = frozenset({"bundle_id", "bundle", "expected", "reason", "approved_by", "move", "name"})
"""What is taken from a body; tokens and codes of forms are not."""
_TARGETS: Final = ("bundle_id", "bundle", "move", "name")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_KNOWN: Final = frozenset({"promote", "canary", "move", "roll-back", "rollback", "reload", "pause", "resume", "stop"})
_HARMLESS: Final = frozenset({"/console/sign-out"})
_SHUT: Final = frozenset({401, 403, 429})
_FAILED: Final = 400
_LONGEST: Final = 8_192


class Audited:
    """Pure ASGI, behind the door, so that no route under these paths can be forgotten.

    What was done has an entry of its own. What came to nothing, which anybody can cause, is counted and summed. Reads
    that were answered are not noted.

    Args:
        app: What is behind it.
        log: Where entries go.
        refusals: Counts what came to nothing.
        who: Tells who has shown who they are in the request that goes on; what they say of it themselves is a fact.
    """

    def __init__(
        self, app: ASGIApp, *, log: AuditLog, refusals: Refusals, who: Callable[[], str] = lambda: "admin-token"
    ) -> None:
        self._app = app
        self._log = log
        self._refusals = refusals
        self._who = who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _is_watched(scope):
            await self._app(scope, receive, send)
            return
        body = bytearray()
        withheld = False

        async def overheard() -> Message:
            message = await receive()
            body.extend(message.get("body", b"")[: _LONGEST + 1 - len(body)])
            return message

        async def told(message: Message) -> None:
            nonlocal withheld
            if message["type"] == "http.response.start":
                try:
                    await anyio.to_thread.run_sync(self._note, scope, bytes(body), message["status"])
                except StateError as error:
                    _LOG.error("%s is not on record: %s", _action(scope), error)
                    withheld = True
                    detail = (
                        "What was asked for is not on record, done or not. Look how it stands before you ask again."
                    )
                    await problem(503, detail, code="not-on-record", instance=scope["path"])(scope, receive, send)
            if not withheld:
                await send(message)

        await self._app(scope, overheard, told)

    def _note(self, scope: Scope, body: bytes, status: int) -> None:
        params: Mapping[str, Any] = scope.get("path_params", {})
        right = template(getattr(scope.get("route"), "path", None) or "") in _RIGHTS
        read = scope["method"] in _READS and not right
        changes = right or not (read or params.get("action", "reload") not in _KNOWN or scope["path"] in _HARMLESS)
        if status < _FAILED and not changes:
            return
        action, request_id = _action(scope), REQUEST_ID.get() or ""
        host = scope["client"][0] if scope.get("client") else None
        if status >= _FAILED:
            # Pages that are not there are no business of an audit.
            if not read or status in _SHUT:
                self._refusals.count(action, status=status, host=host, request_id=request_id)
            return
        said = _said(body)
        names = [str(params["name"])] if "name" in params else [said[name] for name in _TARGETS if name in said]
        self._log.note(
            action,
            who=self._who(),
            outcome=Outcome.DONE,
            target=names[0] if names else "",
            origin=self._log.pseudonyms.address(host),
            request_id=request_id,
            facts={"status": status, **said},
        )


def _is_watched(scope: Scope) -> bool:
    # As the path itself says: which route it is, the router finds out later.
    path: str = scope["path"]
    return path.startswith(_WATCHED) or (
        path.startswith(_OF_USERS) and (scope["method"] in {"DELETE", "PUT"} or path.endswith("/export"))
    )


def _action(scope: Scope) -> str:
    """Return what is asked for, such as ``POST /v1/admin/promote``: the route's template, no word of the caller's."""
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    route = getattr(scope.get("route"), "path", None) or "unmatched"
    action = scope.get("path_params", {}).get("action")
    return f"{method} {template(route.replace('{action}', action) if action in _KNOWN else route)}"


def _said(body: bytes) -> dict[str, str]:
    """Return the words of a JSON body or a form that are worth keeping; of what is neither, none."""
    if len(body) > _LONGEST:
        return {}
    try:
        given = json.loads(body)
    except ValueError:
        given = dict(parse_qsl(body.decode("utf-8", "replace")))
    members = given.items() if isinstance(given, dict) else ()
    return {name: value for name, value in members if name in _TOLD and isinstance(value, str) and value}
