"""Ed25519 keys and signatures (RFC 8032), for whatever is signed here: manifests of bundles, waivers.

What is signed begins with what it is, so that a signature of one kind of document is none of another. Keys and
signatures are told in hex.
"""

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from movie_mlops.release.errors import KeyRefusedError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_HEX: Final = re.compile(r"[0-9a-f]{64}")
"""Either half of a key pair: 32 bytes in hex."""


class SigningKey:
    """A private key; it signs, and does not show itself.

    Args:
        private: The key.
        made: The file that it was just made in; ``None`` where it was there before.
    """

    def __init__(self, private: "Ed25519PrivateKey", made: Path | None = None) -> None:
        self._private = private
        self.made = made

    @property
    def public_key(self) -> str:
        """The public half, in hex."""
        return self._private.public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature; the same message gives the same ones."""
        return self._private.sign(message)

    @classmethod
    def of_seed(cls, seed: str) -> Self:
        """Return the key of 64 hex digits."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 (heavy)

        return cls(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)))

    @classmethod
    def read(cls, path: Path, *, next_step: str) -> Self:
        """Read a key from a file: PEM, or 64 hex digits.

        Args:
            path: The file.
            next_step: What to do where there is no key in it.

        Raises:
            KeyRefusedError: There is none.
        """
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 (heavy)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 (heavy)
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 (heavy)

        try:
            text = path.read_bytes().strip()
            if KEY_HEX.fullmatch(text.decode("ascii", "replace")):
                return cls.of_seed(text.decode())
            private = load_pem_private_key(text, password=None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            # What the file holds is a secret, whatever it is: no error may show it.
            reason = error.strerror if isinstance(error, OSError) else "it holds no key without a password"
            raise KeyRefusedError(f"The signing key {path} cannot be read ({reason}).", next_step=next_step) from error
        if not isinstance(private, Ed25519PrivateKey):
            raise KeyRefusedError(f"The signing key {path} is not an Ed25519 key.", next_step=next_step)
        return cls(private)


def write_key(path: Path) -> bool:
    """Write a new key where only its owner may read it, whole or not at all; return whether there was none yet."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 (heavy)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 (heavy)

    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp's file is its owner's alone from the start.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        return False
    finally:
        Path(name).unlink()
    return True


def is_signed(public_key: str, message: bytes, signature: str) -> bool:
    """Return whether ``signature`` is that of these very bytes by the owner of ``public_key``, both in hex."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 (heavy)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 (heavy)

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True
