"""The secret of this platform that API keys and sessions are hashed with; it is not in the database."""

import secrets
from hashlib import blake2b
from pathlib import Path
from typing import Final

from movie_mlops.security.errors import SecurityError
from movie_mlops.security.key_files import make_once, others_may_read

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

    def pepper(self, name: str, role: str) -> bytes:
        """Return what the password of an account is hashed with besides: in another role it would be another one."""
        return blake2b(f"{name} {role}".encode(), key=self._key, digest_size=32, person=b"mm-account").digest()

    def session(self, digest: str) -> str:
        """Return what signs the sessions of a key or an account: known to whoever has the digest and this secret."""
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
        make_once(path, secrets.token_hex(32).encode())
        if others_may_read(path):
            raise SecurityError(f"Others can read {path}.", next_step=f"Take that from them: chmod 600 {path}")
        return KeySecret(path.read_text("ascii").strip())
    except OSError as error:
        raise SecurityError(
            f"The access secret {path} cannot be read ({error.strerror}).",
            next_step="Make the folder yours, or set MOVIE_MLOPS_ACCESS_SECRET.",
        ) from error
