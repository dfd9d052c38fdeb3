"""Ed25519 signatures over plain data (RFC 8032): who signed exactly this.

A signature is over the canonical JSON of the data together with the purpose that it was signed for, so that a
signature of one kind of document is none of another.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from movie_mlops.core.digests import Plain, canonical_json
from movie_mlops.release.errors import SigningError

_PUBLIC_BYTES: Final = 32
_SECRET_MODE: Final = 0o600


def make_key(path: Path) -> Ed25519PrivateKey:
    """Make a private key and write it where nobody but its owner can read it; a file that is there stays.

    Raises:
        SigningError: The file is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET_MODE)
    except OSError as error:
        raise SigningError(
            f"No key can be written to {path} ({error.strerror}).", next_step="Name a file that is not there yet."
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return key


def read_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        SigningError: There is none, or it is not an Ed25519 key.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise SigningError(
            f"The key {path} cannot be read ({error.strerror}).",
            next_step="Name your private key, or make one with 'movie-mlops release operator'.",
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(
            f"{path} holds no private key without a password.",
            next_step="Make one with 'movie-mlops release operator'.",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(
            f"{path} holds a key of another kind than Ed25519.",
            next_step="Make one with 'movie-mlops release operator'.",
        )
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """Return the public half as text, to be given to those who verify."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def sign(key: Ed25519PrivateKey, document: Plain, *, purpose: str) -> str:
    """Return the signature of plain data as text."""
    return base64.b64encode(key.sign(_message(document, purpose))).decode()


def is_signed(public: str, document: Plain, signature: str, *, purpose: str) -> bool:
    """Return whether ``signature`` is that of exactly this data, for this purpose, by the owner of ``public``.

    Raises:
        SigningError: ``public`` is no public key.
    """
    try:
        raw = base64.b64decode(public, validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError) as error:
        raise SigningError(
            f"{public!r} is no Ed25519 public key.",
            next_step=f"Give its {_PUBLIC_BYTES} bytes in base64, as 'movie-mlops release operator' prints them.",
        ) from error
    try:
        key.verify(base64.b64decode(signature, validate=True), _message(document, purpose))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _message(document: Plain, purpose: str) -> bytes:
    return canonical_json({"purpose": purpose, "document": document})
