"""Taking out of words what must not be logged: secrets, addresses of people, and who somebody is."""

import hashlib
import hmac
import re
import secrets
from typing import Final

_GONE: Final = "[redacted]"
_SECRETS: Final = (
    # API keys of ours, and tokens (three parts in base64), wherever they stand. Here and below so many characters at
    # most: a text that somebody chose must not take long.
    (re.compile(r"mmk_[0-9A-Za-z]{20,60}|\beyJ[\w-]{1,2000}\.[\w-]{1,6000}\.[\w-]{0,1000}"), _GONE),
    # Passwords in addresses.
    (re.compile(r"(?<=://)[^\s/@:]{0,200}:[^\s\"']{0,400}(?=@)"), _GONE),
    # Whole headers: a cookie is several words.
    (re.compile(r"(?i)\b((?:set-)?cookie)\b([\"']?\s*[:=]\s*)[^\n]+"), rf"\1\2{_GONE}"),
    (re.compile(r"(?i)\b((?:proxy-)?authorization)\b([\"']?\s*[:=]\s*[\"']?)(?:\w+\s+)?[^\s\"',;]+"), rf"\1\2{_GONE}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {_GONE}"),
    (
        re.compile(
            r"(?i)(?<![\w-])([\w-]{0,60}?(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|signing[_-]?key))\b"
            r"([\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s\"',;&)]+)"
        ),
        rf"\1\2{_GONE}",
    ),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), "[e-mail]"),
)
_USERS: Final = "/v1/users/"
_IN_ADDRESS: Final = re.compile(r"(?<=/v1/users/)(.+?)(?=/(?:recommendations|rows|history)\b|[\"'\n]|$)")
_IN_WORDS: Final = re.compile(
    r"(?i)\b(user(?:_id)?(?:[\"']?\s*[:=]\s*|\s+(?=[\"'])))(?!\[)(\"[^\"]*\"|'[^']*'|[^\s\"',;&)]+)"
)
_SHOWN: Final = 12


class Redaction:
    """Takes them out.

    A user is told by a pseudonym (HMAC-SHA-256, RFC 2104): the same in all lines of a process, so that what somebody
    met can be followed. Its key lives as long as the process, so that nobody can ever tell who it was.

    Args:
        key: Of the pseudonyms; made up where it is left out.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def user(self, user_id: str) -> str:
        """Return a user's pseudonym."""
        return "user-" + hmac.new(self._key, user_id.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:_SHOWN]

    def user_of(self, path: str) -> str | None:
        """Return the pseudonym of the user whom the path of a request names; ``None`` where it names none."""
        if not path.startswith(_USERS):
            return None
        return self.user(path[len(_USERS) :].rpartition("/")[0] or path[len(_USERS) :])

    def words(self, text: str) -> str:
        """Return a text without secrets, addresses of people and ids of users."""
        # Users first where they are sure to be some: one may be called as an e-mail address is.
        text = _IN_ADDRESS.sub(lambda found: self.user(found[1]), text)
        for pattern, instead in _SECRETS:
            text = pattern.sub(instead, text)
        return _IN_WORDS.sub(lambda found: found[1] + self.user(found[2].strip("\"'")), text)
