"""The list of keys whose bundles are used; whoever may write it decides what may serve."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from movie_mlops.core import clock
from movie_mlops.release.errors import KeyRefusedError, SignatureRefusedError
from movie_mlops.release.signing import KEY_HEX


class Standing(StrEnum):
    """What a key's signatures are worth."""

    TRUSTED = "trusted"
    RETIRED = "retired"
    REVOKED = "revoked"


class TrustedKey(BaseModel):
    """A line of the list.

    Attributes:
        public_key: 32 bytes in hex.
        standing: ``trusted``: signs and is believed; ``retired``: what it signed is believed, it signs no more;
            ``revoked``: nothing that it signed is believed.
        since: Since when it stands so (aware UTC).
        note: Whose it is, or why it stands so, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    public_key: str
    standing: Standing
    since: datetime
    note: str

    @property
    def key_id(self) -> str:
        """Its short name."""
        return key_id(self.public_key)


_LIST = TypeAdapter(list[TrustedKey])


def key_id(public_key: str) -> str:
    """Return a public key's short name: the first 16 hex digits of the SHA-256 of its bytes."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


@dataclass(frozen=True)
class TrustList:
    """The list of keys, in a file that is read anew for every question: a key that is revoked counts no more at once.

    Attributes:
        path: A JSON file; where there is none, nobody is trusted.
    """

    path: Path

    def listed(self) -> list[TrustedKey]:
        """Return the keys, in the order in which they came.

        Raises:
            KeyRefusedError: The file cannot be read as a list of keys.
        """
        try:
            return _LIST.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValidationError) as error:
            raise KeyRefusedError(
                f"The list of trusted keys {self.path} cannot be read.",
                next_step="Put it back from a back-up, or move it away and trust each key again with"
                " 'movie-mlops models keys trust'.",
            ) from error

    def find(self, public_key: str) -> TrustedKey | None:
        """Return the key's line."""
        return next((key for key in self.listed() if key.public_key == public_key), None)

    def named(self, name: str) -> TrustedKey:
        """Return the key of a short name, or of the beginning of one.

        Raises:
            KeyRefusedError: There is none, or several.
        """
        found = [key for key in self.listed() if name and name in {key.key_id[: len(name)], key.public_key}]
        if len(found) != 1:
            raise KeyRefusedError(
                f"{'No key is' if not found else 'Several keys are'} called {name!r} in {self.path}.",
                next_step="List them with: movie-mlops models keys list",
            )
        return found[0]

    def check(self, public_key: str, what: str) -> None:
        """Make sure that what this key signed may be used.

        Raises:
            SignatureRefusedError: The key is not in the list, or was revoked.
        """
        key = self.find(public_key)
        if key is None:
            raise SignatureRefusedError(
                f"{what} is signed by the key {key_id(public_key)}, which is not trusted here.",
                next_step="If you know whose key it is, trust it with:"
                f" movie-mlops models keys trust {public_key} --note WHOSE",
            )
        if key.standing is Standing.REVOKED:
            raise SignatureRefusedError(
                f"{what} is signed by the key {key.key_id}, which was revoked ({key.note}).",
                next_step="Train again, or sign the bundle anew where you know that it is good:"
                " movie-mlops models sign BUNDLE --reason …",
            )

    def put(self, public_key: str, standing: Standing, note: str) -> TrustedKey:
        """Write a key's line, a new one or in place of the one that it has; a repetition changes nothing.

        Raises:
            KeyRefusedError: That is no public key, or a revoked key is to be believed again.
        """
        if not KEY_HEX.fullmatch(public_key):
            raise KeyRefusedError(
                f"{public_key!r} is not a public key.",
                next_step="Give 64 hex digits, as 'models keys list' shows them.",
            )
        new = TrustedKey(public_key=public_key, standing=standing, since=clock.now(), note=note)

        def change(keys: list[TrustedKey]) -> list[TrustedKey]:
            known = next((key for key in keys if key.public_key == public_key), None)
            if known is None:
                return [*keys, new]
            if known.standing is standing:
                return keys
            if known.standing is Standing.REVOKED:
                raise KeyRefusedError(
                    f"The key {known.key_id} was revoked ({known.note}), and stays so.",
                    next_step="Make a new one with: movie-mlops models keys new",
                )
            return [new if key.public_key == public_key else key for key in keys]

        self._rewrite(change)
        return new

    def _rewrite(self, change: Callable[[list[TrustedKey]], list[TrustedKey]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with (self.path.parent / f".{self.path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self.listed()
            after = change(before)
            if after == before:
                return
            descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_LIST.dump_json(after, indent=2) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            # Public keys are no secret, and the server may run as somebody else.
            Path(name).chmod(0o644)
            Path(name).replace(self.path)
