"""The secret of this platform that API keys and sessions are hashed with; it is not in the database."""

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from movie_mlops.security.errors import SecurityError

_FILE: Final = "access-secret"
_SHORTEST: Final = 32


class KeySecret:
    """Hashes what must not be kept as it is.

    Args:
        text: The secret, at least 32 characters.

    Raises:
        SecurityError: It is too short.
    """

    def __init__(self, text: str) -> None:
        if len(text) < _SHORTEST:
            raise SecurityError(
                f"The access secret has {len(text)} characters, fewer than {_SHORTEST}.",
                next_step="Set MOVIE_MLOPS_ACCESS_SECRET to 64 random hex digits: openssl rand -hex 32",
            )
        self._key = blake2b(text.encode(), person=b"mm-access").digest()

    def digest(self, secret: str) -> str:
        """Return what is kept of an API key: keyed BLAKE2b (RFC 7693), 256 bits, in hex.

        A slow hash such as Argon2 is for words that people choose and others guess. Of 256 random bits there is nothing
        to guess, and a slow one would be paid for by every request.
        """
        return blake2b(secret.encode(), key=self._key, digest_size=32, person=b"mm-api-key").hexdigest()

    def session(self, digest: str) -> str:
        """Return what signs the sessions of a key: known to whoever has the key's digest and this secret."""
        return blake2b(digest.encode(), key=self._key, digest_size=32, person=b"mm-session").hexdigest()


def read_key_secret(folder: Path, given: str | None) -> KeySecret:
    """Return the secret of the settings, else the one in a folder, which is made on first need.

    Args:
        folder: Where it is kept.
        given: What the settings say.

    Raises:
        SecurityError: It is too short, cannot be read, or can be by others.
    """
    if given:
        return KeySecret(given)
    path = folder / _FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SecurityError(f"Others can read {path}.", next_step=f"Take that from them: chmod 600 {path}")
        return KeySecret(path.read_text("ascii").strip())
    except OSError as error:
        raise SecurityError(
            f"The access secret {path} cannot be read ({error.strerror}).",
            next_step="Make the folder yours, or set MOVIE_MLOPS_ACCESS_SECRET.",
        ) from error


def _make(path: Path) -> None:
    """Make a secret; of two processes that do so at once, one does, and nobody ever reads half of it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        with suppress(FileExistsError):
            path.hardlink_to(made)
    finally:
        made.unlink()
