"""Who has shown a token, a key or a password: a cookie that it signs, so that no server has to remember anybody.

The token is sent once and kept nowhere in the browser. The cookie holds when it ends and a code (HMAC-SHA-256, RFC
2104) that only the holder of the token can make; with another token every session ends. The session of a key or an
account names it, and ends with the key or the password. Each form carries a code of its session, so that no other site
can have a browser send one.
"""

import hashlib
import hmac
from typing import Final

from movie_mlops.core import clock
from movie_mlops.security import ADMINISTRATOR, Access, Principal

COOKIE: Final = "movie_mlops_console"
LASTS_SECONDS: Final = 8 * 3600
"""How long a session lasts: a working day."""
_ACCOUNT: Final = "~"
"""Stands before the name of an account, where a key has its id."""


def begin(token: str) -> str:
    """Return the cookie of a session that begins now."""
    ends = int(clock.now().timestamp()) + LASTS_SECONDS
    return f"{ends}.{_code(token, f'session {ends}')}"


def holds(token: str, cookie: str) -> bool:
    """Return whether a cookie is of a session of this token that has not ended."""
    ends, _, code = cookie.partition(".")
    if not (ends.isascii() and ends.isdigit()) or int(ends[:12]) <= clock.now().timestamp():
        return False
    return hmac.compare_digest(code.encode(), _code(token, f"session {ends}").encode())


def begin_of(principal: Principal, access: Access) -> str | None:
    """Return the cookie of somebody's session; ``None`` for somebody who can have none."""
    if principal is ADMINISTRATOR and access.admin_token is not None:
        return begin(access.admin_token)
    kind, _, name = principal.name.partition(":")
    whose = {"key": name, "account": _ACCOUNT + name}.get(kind, "")
    found = _signer(access, whose)
    return None if found is None else f"{whose}.{begin(found[1])}"


def who(access: Access, cookie: str) -> tuple[Principal, str] | None:
    """Return whose session a cookie is of, and what signs it; ``None`` where it is of none that goes on."""
    first, _, rest = cookie.partition(".")
    if "." in rest:
        found = _signer(access, first)
        return found if found is not None and holds(found[1], rest) else None
    token = access.admin_token
    return (ADMINISTRATOR, token) if token is not None and holds(token, cookie) else None


def _signer(access: Access, whose: str) -> tuple[Principal, str] | None:
    """Return who a key or an account is, and what signs their sessions; ``None`` where it holds no more."""
    if whose.startswith(_ACCOUNT):
        return None if access.accounts is None else access.accounts.by_name(whose.removeprefix(_ACCOUNT))
    return None if access.keys is None else access.keys.by_id(whose)


def form_code(token: str, cookie: str) -> str:
    """Return what a form of this session carries."""
    return _code(token, f"form {cookie}")


def same(given: str, expected: str) -> bool:
    """Return whether two secrets are one, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _code(token: str, text: str) -> str:
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()
