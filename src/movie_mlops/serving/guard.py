"""The guard, behind the door: who asks, whether they may, and whether they have not asked too much."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import anyio.to_thread
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movie_mlops.security import (
    NOBODY,
    PRINCIPAL,
    Access,
    AccessError,
    Check,
    Decision,
    Entry,
    KeyNeededError,
    LeaseNeededError,
    Principal,
    Rule,
    Taken,
    TooManyRequestsError,
    UnauthorisedError,
)
from movie_mlops.security.people import KNOWN_AS
from movie_mlops.serving.console import session
from movie_mlops.serving.guarded import Guarded
from movie_mlops.serving.problems import refusal

_LEASES: Final = 3


class Guard:
    """Pure ASGI, because every request pays for it: what it needs is in memory, and only a rare request waits.

    Args:
        app: What is behind it.
        access: Decides.
        guarded: Which rule a request comes under.
        known_as: Gives the pseudonym of a user; ``None`` where ids are kept.
    """

    def __init__(
        self, app: ASGIApp, *, access: Access, guarded: Guarded, known_as: Callable[[str], str] | None = None
    ) -> None:
        self._known_as = known_as
        self._app = app
        self._access = access
        self._guarded = guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rule, user_id = self._guarded.find(scope["method"], scope["path"])
        if self._known_as is not None:
            KNOWN_AS.set(self._known_as)
            user_id = None if user_id is None else self._known_as(user_id)
        principal, taken = NOBODY, None
        refused: AccessError | None = None
        try:
            principal = self._by_pseudonym(await self._identify(rule, scope))
            if principal is not NOBODY:
                taken = await self._take(principal)
                _check(taken)
            await self._decide(rule, principal, user_id)
        except AccessError as error:
            refused = error
        if principal is not NOBODY:
            PRINCIPAL.set(principal)
            if taken is not None:
                send = _with_headers(send, taken)
        if self._access.is_recorded:
            send = self._recorded(send, Decision(None if rule is None else rule.name, principal, 0, user_id))
        if refused is None:
            await self._app(scope, receive, send)
        else:
            # Counted under its route, as any other answer.
            scope["route"] = rule
            await refusal(refused, scope["path"])(scope, receive, send)

    async def _identify(self, rule: Rule | None, scope: Scope) -> Principal:
        if rule is not None and rule.entry is Entry.PUBLIC:
            return NOBODY
        if rule is not None and rule.entry is Entry.SESSION:
            return _of_session(self._access, scope)
        shown = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                if shown is not None:
                    raise UnauthorisedError("Two headers Authorization came.", next_step="Send one.")
                shown = value
        if shown is None:
            return NOBODY
        try:
            return self._access.identify(shown)
        except KeyNeededError:
            tokens = self._access.tokens
            assert tokens is not None
            await anyio.to_thread.run_sync(tokens.keys.refresh)
        return self._access.identify(shown)

    def _by_pseudonym(self, principal: Principal) -> Principal:
        """Return them as whoever they see the data of is known here."""
        if self._known_as is None or principal.user_id is None:
            return principal
        return replace(principal, user_id=self._known_as(principal.user_id))

    async def _take(self, principal: Principal) -> Taken | None:
        limiter = self._access.limiter
        for _ in range(_LEASES):
            try:
                return limiter.take(principal)
            except LeaseNeededError:
                await anyio.to_thread.run_sync(limiter.lease, principal)
        # Others were quicker, again and again: there is too little for all of them.
        raise TooManyRequestsError("Too many requests at once.", next_step="Send it again in a moment.")

    async def _decide(self, rule: Rule | None, principal: Principal, user_id: str | None) -> None:
        if principal is not NOBODY or rule is None or rule.entry is not Entry.SESSION:
            self._access.decide(rule, principal, user_id)
        asked = self._access.asked
        if rule is None or rule.check is not Check.PATH or user_id is None or asked.knows(principal, user_id):
            return
        if asked.waits:
            await anyio.to_thread.run_sync(asked.check, principal, [user_id])
        else:
            asked.check(principal, [user_id])

    def _recorded(self, send: Send, decision: Decision) -> Send:
        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._access.tell(Decision(decision.route, decision.principal, message["status"], decision.user_id))
            await send(message)

        return tell


def _check(taken: Taken | None) -> None:
    if taken is not None and not taken.good:
        bucket = taken.level.bucket
        raise TooManyRequestsError(
            f"You may send {bucket.holds:g} requests at once and {bucket.per_second:g} a second; these are used up."
            if bucket.name == "second"
            else f"You may send {bucket.holds:g} requests a day; these are used up.",
            next_step=f"Send the request again in {taken.wait_seconds} s.",
            wait_seconds=taken.wait_seconds,
        )


def _of_session(access: Access, scope: Scope) -> Principal:
    for name, value in scope["headers"]:
        if name == b"cookie":
            found = session.who(access, cookie_parser(value.decode("latin-1")).get(session.COOKIE, ""))
            return NOBODY if found is None else found[0]
    return NOBODY


def _with_headers(send: Send, taken: Taken) -> Send:
    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *taken.headers()]
        await send(message)

    return tell
