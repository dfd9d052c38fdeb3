"""Pseudonyms in the place of users' ids, at every door: nothing behind it ever knows the ids themselves."""

import re
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from hashlib import blake2b
from pathlib import Path
from typing import Final

from movie_mlops.security.errors import SecurityError
from movie_mlops.security.key_files import make_once, others_may_read

_FILE: Final = "users.key"
_KEY_BYTES: Final = 32
_SHAPE: Final = re.compile(r"~[0-9a-f]{32}")
_DIGEST_BYTES: Final = 16


class UserPseudonyms:
    """Keyed BLAKE2b (RFC 7693) of data set and id, 128 bits: ``~`` and 32 hex digits.

    Who has neither the key nor the ids can tell nothing from them but that two are the same person. The same id in
    another data set is somebody else. A pseudonym stays what it is, so that whoever works with them may name them.

    Args:
        key: Of the pseudonyms, 32 bytes.
        dataset: The data set.
    """

    def __init__(self, key: bytes, dataset: str) -> None:
        self._key = key
        told = f"{dataset}\0".encode("utf-8", "replace")
        self._begun = blake2b(told, key=key, digest_size=_DIGEST_BYTES, person=b"mm-user")

    def of(self, user_id: str) -> str:
        """Return the pseudonym of a user."""
        if is_pseudonym(user_id):
            return user_id
        digest = self._begun.copy()
        digest.update(user_id.encode("utf-8", "replace"))
        return "~" + digest.hexdigest()

    def words(self, text: str) -> str:
        """Return what is kept of a line that may name anybody: a keyed hash, the same for the same line."""
        digest = blake2b(text.encode("utf-8", "replace"), key=self._key, digest_size=_DIGEST_BYTES, person=b"mm-line")
        return f"hash:{digest.hexdigest()}"


def read_user_pseudonyms(folder: Path, dataset: str, *, in_use: Callable[[], bool]) -> UserPseudonyms:
    """Return those of a data set; the key is made in the folder of keys on first need.

    Args:
        folder: Of keys.
        dataset: The data set.
        in_use: Whether anybody is known by a pseudonym already: then the key must be there.

    Raises:
        SecurityError: The key is gone, is none, or others may read it.
    """
    path = folder / _FILE
    if not path.exists() and in_use():
        raise SecurityError(
            f"The key of the users' pseudonyms ({path}) is gone, so nobody would be known again.",
            next_step="Put the file back from a back-up of the keys.",
        )
    make_once(path, secrets.token_bytes(_KEY_BYTES))
    if others_may_read(path):
        raise SecurityError(f"Others can read {path}.", next_step=f"Take that from them: chmod 600 {path}")
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise SecurityError(f"{path} holds no key.", next_step="Put the file back from a back-up of the keys.")
    return UserPseudonyms(key, dataset)


def is_pseudonym(user_id: str) -> bool:
    """Return whether an id has the shape of a pseudonym."""
    return user_id.startswith("~") and _SHAPE.fullmatch(user_id) is not None


KNOWN_AS: ContextVar[Callable[[str], str] | None] = ContextVar("known_as", default=None)
"""What gives the pseudonym of a user of the request that is being answered; ``None`` where ids are kept."""


def known_as(user_id: str) -> str:
    """Return by which name the user of a request is known."""
    given = KNOWN_AS.get()
    return user_id if given is None else given(user_id)
