"""Sealing and opening: AES-256-GCM (NIST SP 800-38D) under a key of the owner's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import urandom
from typing import TYPE_CHECKING, Final

from movie_mlops.security.envelope.data_keys import DataKey, DataKeys
from movie_mlops.security.envelope.errors import KeyDestroyedError, TamperedError
from movie_mlops.security.envelope.master import MasterKey, MasterKeys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NAME: Final = 16
_KEY: Final = 32
_NONCE: Final = 12
"""Bytes, drawn anew for each seal: a key may seal 2**32 times before two would be alike with chance 2**-33 (8.3)."""


@dataclass(frozen=True)
class Seal:
    """What was encrypted.

    Attributes:
        key_id: The key's name, in the clear.
        data: The nonce, the encrypted bytes, and the 16 bytes that tell tampering.
    """

    key_id: str
    data: bytes


class Envelopes:
    """Seals for owners, and opens what was sealed as long as its key is there.

    Args:
        keys: The owners' keys.
        masters: What wraps them.
    """

    def __init__(self, keys: DataKeys, masters: MasterKeys) -> None:
        self._keys = keys
        self._masters = masters
        self._open: dict[str, AESGCM] = {}
        self._by_master: dict[str, AESGCM] = {}

    def prepare(self, owners: Sequence[str]) -> dict[str, str]:
        """Make a key for every owner who has none; return the names of all of them.

        Many at once cost one transaction. Nothing of them is kept in the clear but in this object.
        """
        known = self._keys.of(owners)
        missing = [owner for owner in dict.fromkeys(owners) if owner not in known]
        if missing:
            known |= self._keys.add(self._made(missing))
        for key in known.values():
            self._cipher(key)
        return {owner: key.key_id for owner, key in known.items()}

    def seal(self, key_id: str, data: bytes, *, place: str) -> Seal:
        """Encrypt.

        Args:
            key_id: The owner's key, from :meth:`prepare`.
            data: What.
            place: Where it will lie, in words: it opens only under the same.

        Raises:
            KeyDestroyedError: The key is gone.
        """
        nonce = urandom(_NONCE)
        return Seal(key_id, nonce + self._of(key_id).encrypt(nonce, data, _bound(key_id, place)))

    def open(self, seal: Seal, *, place: str) -> bytes:
        """Decrypt.

        Raises:
            KeyDestroyedError: Its key was destroyed, or was never here.
            TamperedError: It was changed, or sealed for another owner or place.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 (heavy)

        try:
            return self._of(seal.key_id).decrypt(seal.data[:_NONCE], seal.data[_NONCE:], _bound(seal.key_id, place))
        except (InvalidTag, ValueError) as error:
            raise TamperedError(
                f"What was sealed for {place} was changed, or belongs somewhere else.",
                next_step="Use another copy of it.",
            ) from error

    def load(self, key_ids: Sequence[str]) -> set[str]:
        """Make these keys ready at once, and return those that are there."""
        found = self._keys.named(key_ids)
        for key in found.values():
            self._cipher(key)
        return set(found)

    def destroy(self, owner: str) -> str | None:
        """Destroy an owner's key: nothing that it sealed can be opened again. Return its name, if there was one.

        Raises:
            EnvelopeError: That is the key of what is nobody's.
        """
        key_id = self._keys.destroy(owner)
        if key_id is not None:
            self._open.pop(key_id, None)
        return key_id

    def rewrap(self) -> int:
        """Wrap every key by the current master key; return how many were not. What they sealed is not touched.

        While it goes on, either master key opens what is wrapped by it: nothing has to stop.
        """
        pairs = []
        for key in self._keys.wrapped_by_others(self._masters.current.key_id):
            plain = self._unwrap(key)
            pairs.append((key, self._wrap(key.key_id, key.owner, plain, self._masters.current)))
        return self._keys.rewrap(pairs)

    def _of(self, key_id: str) -> "AESGCM":
        if key_id not in self._open:
            found = self._keys.named([key_id])
            if key_id not in found:
                raise KeyDestroyedError(
                    f"The key {key_id} was destroyed or is not here, and what it sealed cannot be read.",
                    next_step="Where it should be here, bring the keys of the back-up's place with it.",
                )
            self._cipher(found[key_id])
        return self._open[key_id]

    def _made(self, owners: Sequence[str]) -> list[DataKey]:
        """Return new keys, ready to be used; one whose owner turns out to have another by now is used by nobody."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 (heavy)

        made = []
        for owner in owners:
            drawn = urandom(_NAME + _KEY)
            key_id, plain = drawn[:_NAME].hex(), drawn[_NAME:]
            made.append(self._wrap(key_id, owner, plain, self._masters.current))
            self._open[key_id] = AESGCM(plain)
        return made

    def _cipher(self, key: DataKey) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 (heavy)

        if key.key_id not in self._open:
            self._open[key.key_id] = AESGCM(self._unwrap(key))

    def _wrap(self, key_id: str, owner: str, plain: bytes, master: MasterKey) -> DataKey:
        nonce = urandom(_NONCE)
        wrapped = nonce + self._wrapping(master).encrypt(nonce, plain, _bound(key_id, "wrapped"))
        return DataKey(key_id, owner, wrapped, master.key_id)

    def _unwrap(self, key: DataKey) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 (heavy)

        master = self._masters.of(key.master_id)
        nonce, rest = key.wrapped[:_NONCE], key.wrapped[_NONCE:]
        try:
            return self._wrapping(master).decrypt(nonce, rest, _bound(key.key_id, "wrapped"))
        except (InvalidTag, ValueError) as error:
            raise TamperedError(
                f"The key {key.key_id} was changed where it is kept.", next_step="Put the keys back from their copy."
            ) from error

    def _wrapping(self, master: MasterKey) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 (heavy)

        if master.key_id not in self._by_master:
            self._by_master[master.key_id] = AESGCM(master.secret)
        return self._by_master[master.key_id]


def _bound(key_id: str, place: str) -> bytes:
    """Return what is not encrypted but must be the same when it is opened."""
    return f"movie-mlops\0{key_id}\0{place}".encode()
