"""Who somebody is and where they sit, told so that nobody can read it and the same is always told the same."""

import hashlib
import hmac
import secrets
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final, Self

from movie_mlops.core.logs.redaction import Redaction
from movie_mlops.security.key_files import make_once

_KEY_BYTES: Final = 32
_SHOWN: Final = 16
_LONGEST: Final = 300
_PREFIX: Final = {4: 24, 6: 48}
"""How much of an address is told: the network of a house or a company, not the machine."""


class Pseudonyms:
    """Makes them (HMAC-SHA-256, RFC 2104).

    Other than those of the logs they outlive the process, so that entries of one person can be found. Who throws the
    key away makes all of them nameless for ever.

    Args:
        key: Of the pseudonyms, 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._words = Redaction(key)

    @classmethod
    def kept_in(cls, folder: Path) -> Self:
        """Return those of a home; their key is made in its folder of keys on first need, for its owner's eyes alone."""
        path = folder / "audit.key"
        make_once(path, secrets.token_bytes(_KEY_BYTES))
        return cls(path.read_bytes())

    def user(self, user_id: str) -> str:
        """Return the pseudonym of a user."""
        return self._of("user", user_id)

    def address(self, host: str | None) -> str:
        """Return where a request comes from: the network, and a pseudonym of the machine; this machine is named."""
        try:
            address = ip_address(host or "")
        except ValueError:
            return "unknown"
        if address.is_loopback:
            return str(address)
        network = ip_network((address, _PREFIX[address.version]), strict=False)
        return f"{network} {self._of('address', str(address))}"

    def words(self, value: Any) -> Any:
        """Return plain data without secrets, addresses of people and ids of users; long texts are cut off."""
        if isinstance(value, str):
            # Only what every database can keep.
            plain = value[:_LONGEST].encode("utf-8", "replace").decode().replace("\0", "")
            return self._words.words(plain)
        if isinstance(value, dict):
            return {str(name)[:_LONGEST]: self.words(member) for name, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.words(member) for member in value]
        return value

    def _of(self, kind: str, value: str) -> str:
        told = hmac.new(self._key, f"{kind}:{value}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
        return f"{kind}-{told[:_SHOWN]}"
