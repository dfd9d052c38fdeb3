"""The API keys as a server knows them: all in memory, so that no request waits for the database."""

import hmac
import time
from typing import Final

from movie_mlops.core import clock
from movie_mlops.security.api_keys import is_whole
from movie_mlops.security.errors import CredentialsUnreadableError, UnauthorisedError
from movie_mlops.security.key_secret import KeySecret
from movie_mlops.security.key_store import ApiKey, note_uses, read_keys
from movie_mlops.security.principals import Principal
from movie_mlops.state import Database

_NOTED_SECONDS: Final = 300.0
_NEXT: Final = "Ask whoever runs this server for another one."


class KeyRing:
    """Knows keys by their digests.

    Args:
        database: Where they are.
        secret: What they are hashed with.
        stale_seconds: How long they are believed while the database does not answer.
    """

    def __init__(self, database: Database, secret: KeySecret, *, stale_seconds: float) -> None:
        self._database = database
        self._secret = secret
        self._stale_seconds = stale_seconds
        self._keys: dict[str, ApiKey] = {}
        self._by_digest: dict[str, tuple[ApiKey, Principal]] = {}
        self._change = -1
        self._read_at: float | None = None
        self._used: dict[str, float] = {}
        self._noted: dict[str, float] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is no key at all."""
        return not self._keys

    def refresh(self) -> None:
        """Ask the database for what has changed; called every half second, by a thread of its own.

        Raises:
            StateError: It refuses; what is known goes on, for a while.
        """
        newest = self._database.fetch("SELECT MAX(change) FROM api_keys")[0][0]
        if newest is not None and newest > self._change:
            with self._database.read() as connection:
                changed = read_keys(connection, since=self._change)
            for key in changed:
                self._keys[key.key_id] = key
                self._by_digest[key.digest] = (key, key.principal())
            self._change = max(key.change for key in changed)
        self._read_at = time.monotonic()
        self._note_uses()

    def find(self, text: str) -> Principal:
        """Return whoever holds a key.

        Raises:
            UnauthorisedError: It is none, or holds no more.
            CredentialsUnreadableError: The database has not answered for too long.
        """
        if self._is_stale():
            raise CredentialsUnreadableError(
                "The API keys cannot be read at the moment.", next_step="Send the request again in a moment."
            )
        digest = self._secret.digest(text)
        known = self._by_digest.get(digest)
        # Found by a digest that only this server can make: what is compared here again tells nobody of a key.
        if known is None or not hmac.compare_digest(known[0].digest, digest):
            if not is_whole(text):
                raise UnauthorisedError(
                    "This is no API key: a letter of it is wrong or missing.", next_step="Copy it again, whole."
                )
            raise UnauthorisedError("This API key is not known here.", next_step=_NEXT)
        key, principal = known
        standing = key.standing(clock.now())
        if standing != "good":
            raise UnauthorisedError(f"This API key is {standing}.", next_step=_NEXT)
        self._used[key.key_id] = time.time()
        return principal

    def by_id(self, key_id: str) -> tuple[Principal, str] | None:
        """Return a key that holds, by its id, and what signs its sessions; for sessions of the console."""
        key = self._keys.get(key_id)
        if key is None or self._is_stale() or key.standing(clock.now()) != "good":
            return None
        return self._by_digest[key.digest][1], self._secret.session(key.digest)

    def _note_uses(self) -> None:
        """Write when keys were used, each at most every five minutes."""
        used = self._used.copy().items()
        due = [(key_id, at) for key_id, at in used if at - self._noted.get(key_id, 0) > _NOTED_SECONDS]
        note_uses(self._database, [(key_id, int(at * 1_000_000)) for key_id, at in due])
        self._noted.update(due)

    def _is_stale(self) -> bool:
        return self._read_at is None or time.monotonic() - self._read_at > self._stale_seconds
