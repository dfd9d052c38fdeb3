"""The key: put on a request at the last moment, below everything that logs, shows or raises."""

import re
from typing import Final

import httpx
from pydantic import SecretStr

from movie_mlops.ingest.tmdb.errors import TmdbKeyError

_V3: Final = re.compile(r"[0-9a-fA-F]{32}")
_V4: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_HIDDEN: Final = "[key]"
_GET_ONE: Final = (
    "Put the API key or the read access token of your TMDB account (themoviedb.org/settings/api) into"
    " MOVIE_MLOPS_TMDB_KEY, in the environment or in .env."
)


class Key:
    """A key in either of its two forms: a v3 API key (32 hex digits) or a v4 read access token (a JWT).

    Args:
        secret: What the user gave.

    Raises:
        TmdbKeyError: There is none, or it has neither form; the message does not show it.
    """

    def __init__(self, secret: SecretStr | None) -> None:
        word = "" if secret is None else secret.get_secret_value().strip()
        if not word:
            raise TmdbKeyError("There is no key for TMDB.", next_step=_GET_ONE)
        self._is_token = _V4.fullmatch(word) is not None
        if not self._is_token and _V3.fullmatch(word) is None:
            raise TmdbKeyError(
                "MOVIE_MLOPS_TMDB_KEY is neither a v3 API key (32 hex digits) nor a v4 read access token (three parts"
                " with dots).",
                next_step=_GET_ONE,
            )
        self._secret = SecretStr(word)

    def sign(self, request: httpx.Request) -> httpx.Request:
        """Return a copy of ``request`` that carries the key; ``request`` itself stays without it."""
        url, headers = request.url, request.headers.copy()
        if self._is_token:
            headers["Authorization"] = f"Bearer {self._secret.get_secret_value()}"
        else:
            url = url.copy_merge_params({"api_key": self._secret.get_secret_value()})
        return httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)

    def hide_in(self, text: str) -> str:
        """Return ``text`` without the key, should a server have sent it back."""
        return text.replace(self._secret.get_secret_value(), _HIDDEN)


class SigningTransport(httpx.BaseTransport):
    """Signs what goes out; the client above it, which logs addresses and puts requests into errors, has no key.

    Args:
        key: The key.
        inner: What sends.
    """

    def __init__(self, key: Key, inner: httpx.BaseTransport) -> None:
        self._key = key
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request with the key."""
        return self._inner.handle_request(self._key.sign(request))

    def close(self) -> None:
        """Close what sends."""
        self._inner.close()
