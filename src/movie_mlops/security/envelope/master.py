"""The master key: it wraps the keys of persons and encrypts nothing else, so that changing it costs little."""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from movie_mlops.security.envelope.errors import EnvelopeError
from movie_mlops.security.key_files import make_once, others_may_read, replace

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_FILE: Final = "master-key"
_BEFORE: Final = "master-key.before"


@dataclass(frozen=True)
class MasterKey:
    """256 bits that never show themselves.

    Attributes:
        secret: The key.
    """

    secret: bytes = field(repr=False)

    @cached_property
    def key_id(self) -> str:
        """Its short name, which tells nothing of it."""
        return hmac.new(self.secret, b"movie-mlops master key", hashlib.sha256).hexdigest()[:16]

    @classmethod
    def read(cls, given: str) -> "MasterKey":
        """Return the key that 64 hex digits say, or a file that holds them.

        Raises:
            EnvelopeError: They are none. What was given is not shown, for it may be a secret with a slip.
        """
        text = given.strip().lower()
        if not _HEX.fullmatch(text):
            path = Path(given).expanduser()
            try:
                text = path.read_text(encoding="ascii").strip().lower()
            except (OSError, ValueError):
                text = ""
        if not _HEX.fullmatch(text):
            raise EnvelopeError(
                "The master key is neither 64 hex digits nor a file that holds them.",
                next_step="Make one with: openssl rand -hex 32",
            )
        return cls(bytes.fromhex(text))


@dataclass(frozen=True)
class MasterKeys:
    """The key that wraps, and the one before it, which still unwraps.

    Attributes:
        current: What wraps.
        before: What wrapped before; ``None`` once nothing is wrapped by it any more.
    """

    current: MasterKey
    before: MasterKey | None = None

    @property
    def names(self) -> list[str]:
        """The short names of both."""
        return [key.key_id for key in (self.current, self.before) if key is not None]

    def of(self, key_id: str) -> MasterKey:
        """Return the key of a short name.

        Raises:
            EnvelopeError: Neither is called so.
        """
        for key in (self.current, self.before):
            if key is not None and key.key_id == key_id:
                return key
        raise EnvelopeError(
            f"A key is wrapped by the master key {key_id}, which is not here.",
            next_step="Bring it from where it was made (data/keys/master-key there), as MOVIE_MLOPS_MASTER_KEY, or as"
            " MOVIE_MLOPS_MASTER_KEY_BEFORE beside a newer one. Where nobody has it any more:"
            " movie-mlops security rotate-master --lost",
        )


def read_master_keys(folder: Path, given: str | None, before: str | None) -> MasterKeys:
    """Return the master keys: those of the settings, or those of a folder, made on first need.

    Args:
        folder: Where a key that is made here lies, for its owner alone.
        given: What the settings say; ``None`` for the folder's.
        before: What they say of the one before.

    Raises:
        EnvelopeError: One cannot be read, or others may read the file.
    """
    if given:
        return MasterKeys(MasterKey.read(given), MasterKey.read(before) if before else None)
    path, older = folder / _FILE, folder / _BEFORE
    make_once(path, _made())
    return MasterKeys(_own(path), _own(older) if older.exists() else None)


def renew_master_key(folder: Path) -> None:
    """Put a new master key in the folder's; the present one goes on unwrapping from the file beside it.

    Raises:
        EnvelopeError: The last renewal was not finished: a third key would leave some keys that nothing unwraps.
    """
    path, older = folder / _FILE, folder / _BEFORE
    if older.exists():
        raise EnvelopeError(
            "The master key before this one is still there.",
            next_step=f"Finish that with 'movie-mlops security rotate-master --resume', then remove {older}.",
        )
    make_once(path, _made())
    # A crash after the link leaves both names on one key: nothing is lost, and a repetition goes on from there.
    os.link(path, older)
    replace(path, _made())


def _own(path: Path) -> MasterKey:
    if others_may_read(path):
        raise EnvelopeError(
            f"Others than its owner may read the master key {path}.",
            next_step=f"chmod 600 {path}; if somebody did read it: movie-mlops security rotate-master",
        )
    return MasterKey.read(str(path))


def _made() -> bytes:
    return secrets.token_hex(32).encode()
