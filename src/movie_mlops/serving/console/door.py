"""The console's door: a token, a key, or a name and a password; one at a time, and so many wrong ones."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from movie_mlops.security import PRINCIPAL, RULES, AccessError, KeyNeededError, Principal
from movie_mlops.serving.console import session
from movie_mlops.serving.errors import BadRequestError
from movie_mlops.serving.rendering import Pages
from movie_mlops.serving.services import Services

_STRICT: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
PRIVATE: Final = {"content-security-policy": _STRICT, "cache-control": "no-store"}
_PATIENCE_SECONDS: Final = 0.5
"""How long somebody waits who has sent a wrong token."""
_LONGEST_FORM: Final = 8_192
_WRONG: Final = "This is not the admin token. Nor is it the API key of an analyst, operator or admin."
_WRONG_NAME: Final = "This is not the name and password of an account."
_SEES: Final = RULES["GET", "/console"].roles


class ConsoleDoor:
    """Lets in.

    Args:
        services: The stores.
        pages: The templates.
    """

    def __init__(self, services: Services, pages: Pages) -> None:
        self._services = services
        self._pages = pages

    def shown(self) -> Response:
        """Return the door to whoever has not signed in."""
        return self.page(None, 403 if self._services.access.is_console_shut else 401)

    def sign_in(self, request: Request, form: Mapping[str, str]) -> tuple[Response, Principal | None]:
        """Return the answer to a token, a key or a name and a password, and whose it was; for one at a time."""
        access, address = self._services.access, "" if request.client is None else request.client.host
        wait = access.tries.wait_seconds(address)
        if wait:
            answer = self.page(f"Too many wrong tokens came from where you are. Try again in {wait} s.", 429)
            answer.headers["retry-after"] = str(wait)
            return answer, None
        name = form.get("name", "").strip()
        principal = self._principal(name, form.get("token", ""))
        cookie = None if principal is None else session.begin_of(principal, access)
        if cookie is None:
            access.tries.was_wrong(address)
            return self.page(_WRONG_NAME if name else _WRONG, 401), None
        answer = RedirectResponse("/console", 303, PRIVATE)
        proto = request.headers.get("x-forwarded-proto")
        encrypted = self._services.config.security.tls or "https" in {request.url.scheme, proto}
        answer.set_cookie(
            session.COOKIE,
            cookie,
            max_age=session.LASTS_SECONDS,
            path="/console",
            httponly=True,
            secure=encrypted,
            samesite="strict",
        )
        return answer, principal

    def page(self, trouble: str | None, status: int) -> Response:
        """Return the page of the door."""
        text = self._pages.render(
            "console/login.html.j2",
            script=None,
            sheets=("app.css", "console.css"),
            title="Console",
            description="Sign in to the console.",
            shut=self._services.access.is_console_shut,
            trouble=trouble,
        )
        return HTMLResponse(text, status, headers=PRIVATE)

    def _principal(self, name: str, secret: str) -> Principal | None:
        """Return whose a secret is: an account's password, or without a name a token or key; ``None`` for nobody's."""
        access = self._services.access
        try:
            principal = access.account(name, secret) if name else access.holder(secret)
        except (AccessError, KeyNeededError):
            return None
        return principal if principal is not None and principal.roles & _SEES else None

    def mount(self, app: FastAPI) -> None:
        """Serve the way in, and out."""

        @cache
        def one() -> anyio.CapacityLimiter:
            # A password takes memory and time; and no two guesses are made before one of them is counted.
            return anyio.CapacityLimiter(1)

        @app.post("/console/sign-in", include_in_schema=False)
        async def sign_in(request: Request) -> Response:
            form = await read_form(request)
            answer, who = await anyio.to_thread.run_sync(self.sign_in, request, form, limiter=one())
            if who is not None:
                PRINCIPAL.set(who)
            elif answer.status_code == HTTPStatus.UNAUTHORIZED:
                await anyio.sleep(_PATIENCE_SECONDS)
            return answer

        @app.post("/console/sign-out", include_in_schema=False)
        async def sign_out() -> Response:
            answer = RedirectResponse("/console", 303, PRIVATE)
            answer.delete_cookie(session.COOKIE, path="/console")
            return answer


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form that a page of ours sent."""
    body = await request.body()
    if len(body) > _LONGEST_FORM:
        raise BadRequestError("The form is too long.", next_step="Write a shorter reason.")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20))
