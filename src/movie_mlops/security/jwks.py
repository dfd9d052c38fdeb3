"""The identity provider's public keys: asked for over https, kept, and asked for again when an unknown one is named."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from movie_mlops.security.config import OidcConfig
from movie_mlops.security.errors import SecurityError

_LOG: Final = logging.getLogger("movie_mlops.security.jwks")
_LONGEST: Final = 256 * 1024
_MOST_KEYS: Final = 100
_SECONDS: Final = 5.0
_WHOLE_SECONDS: Final = 15.0
_KINDS: Final = frozenset({"RSA", "EC", "OKP"})
_LEAST_BITS: Final = 2048
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class ProviderKeys:
    """Keys by their ids.

    Args:
        config: The provider.
    """

    def __init__(self, config: OidcConfig) -> None:
        self._config = config
        self._url = config.jwks_url
        self._keys: dict[str, Any] = {}
        self._read_at: float | None = None
        self._asked_at: float | None = None
        self._lock = threading.Lock()
        self.generation = 0
        """Grows whenever the keys become others."""

    def find(self, kid: str) -> Any | None:
        """Return a key of joserfc's; ``None`` where it is not known, or all are too old to be believed."""
        return None if self.is_stale else self._keys.get(kid)

    @property
    def is_stale(self) -> bool:
        """Whether what is known is too old to be believed, or nothing is."""
        return self._read_at is None or time.monotonic() - self._read_at > self._config.stale_seconds

    @property
    def may_ask(self) -> bool:
        """Whether the provider was left alone for long enough."""
        return self._asked_at is None or time.monotonic() - self._asked_at > self._config.pause_seconds

    def refresh_if_old(self) -> None:
        """Ask again where it is time; for a thread of its own."""
        if self._read_at is None or time.monotonic() - self._read_at > self._config.fresh_seconds:
            self.refresh()

    def refresh(self) -> None:
        """Ask the provider, unless somebody did a moment ago; waits for whoever is asking. It takes seconds at most.

        What goes wrong is logged, and what was known goes on, until it is too old.
        """
        # Imported where a provider is configured, and nowhere else.
        import httpx  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415

        with self._lock:
            if not self.may_ask:
                return
            self._asked_at = time.monotonic()
            try:
                found = self._read()
            except (httpx.HTTPError, SecurityError, JoseError, ValueError, TypeError, KeyError) as error:
                _LOG.warning("the keys of %s cannot be read: %s", self._config.issuer, error)
                return
            self._keys = found
            self.generation += 1
            self._read_at = time.monotonic()

    def _read(self) -> dict[str, Any]:
        if self._url is None:
            issuer = self._config.issuer
            told = _fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
            if told.get("issuer") != issuer:
                raise _wrong(f"The provider calls itself {told.get('issuer')!r}, not {issuer!r}.")
            url = OidcConfig.model_validate({"issuer": issuer, "audience": "-", "jwks_url": told["jwks_uri"]}).jwks_url
            assert url is not None
            self._url = url
        keys = _fetch(self._url)["keys"]
        if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
            raise _wrong("The provider's keys are no list, or too long a one.")
        return dict(filter(None, (_import(key) for key in keys)))


def _wrong(problem: str) -> SecurityError:
    return SecurityError(problem, next_step="Correct oidc in config/security.yaml.")


def _fetch(url: str) -> Mapping[str, Any]:
    """Return a JSON object; no redirect is followed, and no more is read than keys can be long."""
    import httpx  # noqa: PLC0415
    import orjson  # noqa: PLC0415

    local = urlsplit(url).hostname in _LOOPBACK
    body, until = bytearray(), time.monotonic() + _WHOLE_SECONDS
    with (
        httpx.Client(timeout=_SECONDS, follow_redirects=False, trust_env=not local) as client,
        client.stream("GET", url, headers={"accept": "application/json"}) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise _wrong(f"{url} answers {answer.status_code}.")
        for part in answer.iter_bytes():
            body += part
            if len(body) > _LONGEST or time.monotonic() > until:
                raise _wrong(f"{url} answers more than {_LONGEST:,} bytes, or for more than {_WHOLE_SECONDS:g} s.")
    document = orjson.loads(bytes(body))
    if not isinstance(document, dict):
        raise _wrong(f"{url} answers no JSON object.")
    return document


def _import(key: Any) -> tuple[str, Any] | None:
    """Return a key with its id; ``None`` for one that signs no token: a secret, one for encryption, a weak one.

    A key that is a secret (``oct``) is never taken: what is public would then be enough to make a token.
    """
    from joserfc.jwk import RSAKey, import_key  # noqa: PLC0415

    if not isinstance(key, dict) or key.get("kty") not in _KINDS or not isinstance(key.get("kid"), str):
        return None
    if key.get("use", "sig") != "sig":
        return None
    public = {name: value for name, value in key.items() if name not in {"d", "p", "q", "dp", "dq", "qi", "oth"}}
    taken = import_key(public)
    if isinstance(taken, RSAKey) and taken.raw_value.key_size < _LEAST_BITS:
        return None
    return key["kid"], taken
