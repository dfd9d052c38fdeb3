"""Tokens of an identity provider: signed JWTs (RFC 7519), checked as RFC 8725 asks, and what they say of somebody."""

import base64
import time
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson

from movie_mlops.security.config import OidcConfig
from movie_mlops.security.errors import CredentialsUnreadableError, SecurityError, UnauthorisedError
from movie_mlops.security.jwks import ProviderKeys
from movie_mlops.security.principals import How, Principal, Role

_LONGEST: Final = 8_192
_PARTS: Final = 3
_REMEMBERED: Final = 4_096
_BELIEVED_SECONDS: Final = 60.0
"""For so long a token that was checked is not checked again, unless the provider's keys have changed."""
_HEADER: Final = frozenset({"alg", "kid", "typ"})
"""A header with anything more is refused: it names a key of its own (``jku``, ``jwk``, ``x5u``), or asks for more."""
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_NEXT: Final = "Get another one from the identity provider."


class KeyNeededError(SecurityError):
    """A token names a key that is not known: its provider is to be asked first."""

    code = "key-needed"


class Tokens:
    """Takes tokens of one provider.

    Args:
        config: The provider.
        keys: Its keys.
    """

    def __init__(self, config: OidcConfig, keys: ProviderKeys) -> None:
        self._config = config
        self.keys = keys
        self._algorithms = frozenset(config.algorithms)
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._generation = keys.generation

    def find(self, text: str) -> Principal:
        """Return whoever a token is of.

        Raises:
            UnauthorisedError: It does not hold.
            KeyNeededError: It names a key that is not known, and the provider may be asked.
            CredentialsUnreadableError: The provider's keys cannot be read.
        """
        if self._generation != self.keys.generation:
            self._known.clear()
            self._generation = self.keys.generation
        # No longer kept than it is good: the token itself would be a secret in memory for as long.
        mark = blake2b(text.encode(), digest_size=16).digest()
        known = self._known.get(mark)
        if known is not None and time.time() < known[0]:
            return known[1]
        claims = self._claims(text)
        principal = self._principal(claims)
        now = time.time()
        self._known[mark] = (min(now + _BELIEVED_SECONDS, claims["exp"] + self._config.leeway_seconds), principal)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return principal

    def _claims(self, text: str) -> Mapping[str, Any]:
        from joserfc import jwt  # noqa: PLC0415 - only where a provider is configured
        from joserfc.errors import JoseError  # noqa: PLC0415

        header = _header(text)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._algorithms:
            raise _refused("is signed in a way that is not taken here")
        if not isinstance(kid, str) or not header.keys() <= _HEADER:
            raise _refused("does not name its key by a kid alone")
        if str(header.get("typ", "JWT")).lower() not in _TYPES:
            raise _refused("is no token for access")
        key = self.keys.find(kid)
        if key is None:
            raise self._missing(kid)
        if key.alg is not None and key.alg != algorithm:
            raise _refused("is signed in another way than its key is for")
        try:
            claims = jwt.decode(text, key, algorithms=[algorithm]).claims
        # joserfc says of a key of another kind that it does not fit by a plain error.
        except (JoseError, ValueError, TypeError) as error:
            raise _refused("is not signed by its provider") from error
        self._check(claims)
        return claims

    def _missing(self, kid: str) -> SecurityError:
        """Return what is to be done about a key that is not known."""
        if self.keys.may_ask:
            return KeyNeededError(f"The key {kid!r} is not known.", next_step="Ask the provider.")
        if self.keys.is_stale:
            return CredentialsUnreadableError(
                "The identity provider's keys cannot be read at the moment.", next_step="Send the request again later."
            )
        return _refused("is signed with a key that its provider does not have")

    def _check(self, claims: Mapping[str, Any]) -> None:
        """Refuse claims that are not for us, or not for now."""
        config, now = self._config, time.time()
        if claims.get("iss") != config.issuer:
            raise _refused("is of another issuer")
        audience = claims.get("aud")
        if config.audience not in (audience if isinstance(audience, list) else [audience]):
            raise _refused("is for somebody else")
        ends, begins, made = (_number(claims, name) for name in ("exp", "nbf", "iat"))
        if ends is None:
            raise _refused("has no end")
        if now >= ends + config.leeway_seconds:
            raise _refused("has expired")
        if max(begins or 0, made or 0) > now + config.leeway_seconds:
            raise _refused("does not hold yet")

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        config = self._config
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise _refused("names nobody")
        words: Any = claims
        for name in config.roles_claim.split("."):
            words = words.get(name) if isinstance(words, dict) else None
        named = words.split() if isinstance(words, str) else words if isinstance(words, list) else []
        roles = {config.roles[word] for word in named if isinstance(word, str) and word in config.roles}
        if not roles and config.default_role is not None:
            roles = {config.default_role}
        if not roles:
            raise _refused("names no role that means anything here")
        user = claims.get(config.user_claim)
        user_id = user if isinstance(user, str) and user else None
        if roles == {Role.VIEWER} and user_id is None:
            raise _refused("does not say which user its viewer is")
        return Principal(name=f"oidc:{subject}", how=How.TOKEN, roles=frozenset(roles), user_id=user_id)


def _header(text: str) -> dict[str, Any]:
    parts = text.split(".")
    if len(text) > _LONGEST or len(parts) != _PARTS:
        raise _refused("is none")
    try:
        header = orjson.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except ValueError as error:
        raise _refused("is none") from error
    if not isinstance(header, dict):
        raise _refused("is none")
    return header


def _number(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a time of the claims; one that is no finite number is none."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("1e18"):
        raise _refused(f"says {name} in a way that is no time")
    return float(value)


def _refused(why: str) -> UnauthorisedError:
    return UnauthorisedError(f"The token {why}.", next_step=_NEXT)
