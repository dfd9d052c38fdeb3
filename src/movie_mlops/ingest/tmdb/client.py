"""The client of TMDB's API, version 3: one question in, one JSON document out, whatever happens on the way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from movie_mlops.core import clock
from movie_mlops.ingest.tmdb.config import TmdbConfig
from movie_mlops.ingest.tmdb.errors import (
    GoneError,
    MalformedAnswerError,
    TmdbError,
    TmdbKeyError,
    TmdbUnavailableError,
)
from movie_mlops.ingest.tmdb.key import Key, SigningTransport
from movie_mlops.ingest.tmdb.limits import FULL_JITTER, Jitter, RateLimit, RealTimer, Timer, backoff, retry_after

Params = Mapping[str, str | int]

_OK: Final = 200
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
# TMDB's own word for "no such film"; any other 404 comes from an address that is not the API.
_NO_SUCH_RESOURCE: Final = 34
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SHOWN: Final = 200


@dataclass(frozen=True)
class Answer:
    """What the service answered.

    Attributes:
        data: The JSON document.
        text: The same as it came.
    """

    data: Any
    text: str


class TmdbClient:
    """Asks TMDB, within its limits; safe to share between threads.

    A question is repeated only where that can help: after 429, 5xx, a time-out, a connection that fails or is cut, and
    once after a body that is not JSON. ``Retry-After`` is kept by all workers together.

    Args:
        config: How to ask.
        key: The user's key.
        timer: The time, for tests.
        jitter: What spreads the waits, for tests.

    Raises:
        TmdbKeyError: There is no key, or it cannot be one.
        TmdbError: The address cannot be used.
    """

    def __init__(
        self, config: TmdbConfig, key: SecretStr | None, *, timer: Timer | None = None, jitter: Jitter = FULL_JITTER
    ) -> None:
        self._config = config
        self._key = Key(key)
        self._timer = timer or RealTimer()
        self._jitter = jitter
        self._stopped = False
        self._limit = RateLimit(config.requests_per_second, config.burst, self._timer)
        self._host = _check_url(config.url)
        self._http = httpx.Client(
            base_url=config.url,
            timeout=config.timeout_seconds,
            headers={"Accept": "application/json"},
            transport=SigningTransport(self._key, httpx.HTTPTransport(proxy=config.proxy)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def popular(self, page: int) -> Answer:
        """Return a page of the popular films."""
        return self._ask("movie/popular", {"language": self._config.language, "page": page})

    def discover(self, page: int, filters: Params) -> Answer:
        """Return a page of the films that ``filters`` (in TMDB's words) leave, the most voted first."""
        fixed: Params = {"include_adult": "false", "sort_by": "vote_count.desc", "language": self._config.language}
        return self._ask("discover/movie", {**fixed, **filters, "page": page})

    def details(self, tmdb_id: int) -> Answer:
        """Return a film with its credits and keywords.

        Raises:
            GoneError: TMDB has no such film.
        """
        return self._ask(
            f"movie/{tmdb_id}", {"language": self._config.language, "append_to_response": "credits,keywords"}
        )

    def changes(self, page: int, first: date, last: date) -> Answer:
        """Return a page of the films that changed from ``first`` to ``last``; the service takes 14 days at most."""
        days = {"start_date": first.isoformat(), "end_date": last.isoformat()}
        return self._ask("movie/changes", {**days, "page": page})

    def configuration(self) -> Answer:
        """Return the service's configuration: the cheapest way to try a key."""
        return self._ask("configuration", {})

    def genres(self) -> Answer:
        """Return the genres and their identifiers."""
        return self._ask("genre/movie/list", {"language": self._config.language})

    def stop(self) -> None:
        """Let no question be asked any more, and end every wait."""
        self._stopped = True
        self._timer.wake()

    def close(self) -> None:
        """Stop, and close the connections."""
        self.stop()
        self._http.close()

    def _ask(self, path: str, params: Params) -> Answer:
        deadline = self._timer.now() + self._config.patience_seconds
        malformed = False
        for attempt in range(1, self._config.attempts + 1):
            self._limit.acquire()
            try:
                return self._once(path, params)
            except _NotNow as trouble:
                self._wait(trouble, attempt, deadline)
            except MalformedAnswerError:
                if malformed:
                    raise
                malformed = True
                self._timer.sleep(backoff(attempt, self._config, self._jitter))
        raise self._unavailable(f"its answers to {self._config.attempts} attempts were of no use")

    def _wait(self, trouble: "_NotNow", attempt: int, deadline: float) -> None:
        """Wait before the next attempt; raise where there is to be none."""
        seconds = max(backoff(attempt, self._config, self._jitter), trouble.after or 0.0)
        in_time = self._timer.now() + seconds <= deadline
        if trouble.after is not None and in_time:
            self._limit.hold(seconds)  # for every worker; this one waits for its next token
        if not in_time:
            asks = f" and asks to wait {trouble.after:,.0f} s" if trouble.after else ""
            raise self._unavailable(f"{trouble}{asks}") from trouble
        if attempt == self._config.attempts:
            raise self._unavailable(f"{trouble}, in {attempt} attempts") from trouble
        if trouble.after is None:
            self._timer.sleep(seconds)

    def _once(self, path: str, params: Params) -> Answer:
        if self._stopped:
            raise self._unavailable("this run is being stopped")
        try:
            with self._http.stream("GET", path, params=params) as response:
                body = self._read(response)
        except httpx.TimeoutException as error:
            raise _NotNow(f"it did not answer in {self._config.timeout_seconds:g} s") from error
        except httpx.HTTPError as error:
            raise _NotNow(f"the connection failed ({type(error).__name__}: {self._key.hide_in(str(error))})") from error
        text = self._key.hide_in(body.decode("utf-8", "backslashreplace"))
        return self._judge(response, path, text)

    def _read(self, response: httpx.Response) -> bytes:
        deadline = self._timer.now() + self._config.timeout_seconds
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._config.max_bytes:
                raise TmdbError(
                    f"{self._host} answers with more than {self._config.max_bytes:,} bytes.",
                    next_step="Check MOVIE_MLOPS_TMDB_URL: this is not TMDB's API.",
                )
            # httpx watches each read by itself; a server that drips would keep a worker for ever.
            if self._timer.now() > deadline:
                raise _NotNow(f"it did not finish in {self._config.timeout_seconds:g} s")
        return bytes(body)

    def _judge(self, response: httpx.Response, path: str, text: str) -> Answer:
        status = response.status_code
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            raise _NotNow(f"it answered {status}", after=retry_after(response.headers, now=clock.now()))
        if status == _UNAUTHORIZED:
            raise TmdbKeyError(
                f"{self._host} does not take the key in MOVIE_MLOPS_TMDB_KEY (401).",
                next_step="Copy it again from themoviedb.org/settings/api; both the API key and the token will do.",
            )
        data = _parse(text)
        if status == _NOT_FOUND and isinstance(data, dict) and data.get("status_code") == _NO_SUCH_RESOURCE:
            raise GoneError(f"TMDB has no {path}.", next_step="Nothing is to be done.")
        if status != _OK:
            said = data.get("status_message") if isinstance(data, dict) else None
            raise TmdbError(
                f"{self._host} answered {status} to {path}{f' ({str(said)[:_SHOWN]})' if said else ''}.",
                next_step="Check MOVIE_MLOPS_TMDB_URL; it is https://api.themoviedb.org/3 unless you say otherwise.",
            )
        if data is None:
            raise MalformedAnswerError(
                f"{self._host} answered {path} with something that is not JSON.",
                next_step="Run the same command again later: it goes on where it stopped.",
                text=text,
            )
        return Answer(data, text)

    def _unavailable(self, why: str) -> TmdbUnavailableError:
        return TmdbUnavailableError(
            f"{self._host} cannot be asked now: {why}.",
            next_step="Run the same command again later: it goes on where it stopped.",
        )


class _NotNow(Exception):  # noqa: N818 - not an error yet: the next attempt may do
    """An attempt failed in a way that another may not.

    Attributes:
        after: The seconds that the server asks to wait.
    """

    def __init__(self, why: str, *, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


def _check_url(url: str) -> str:
    """Return the host of the address; a key goes over plain HTTP to this machine only."""
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        raise TmdbError(
            "MOVIE_MLOPS_TMDB_URL is not an http(s) address without a password.",
            next_step="Leave it out for https://api.themoviedb.org/3.",
        )
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise TmdbError(
            f"MOVIE_MLOPS_TMDB_URL would send the key to {parts.hostname} unencrypted.",
            next_step="Write https:// instead of http://.",
        )
    return parts.hostname


def _parse(text: str) -> Any:
    """Return the JSON document, or ``None`` where it is none (the document ``null`` is no answer either)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
