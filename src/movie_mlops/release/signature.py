"""Signatures of manifests: Ed25519 over the manifest's bytes, in a file beside it.

The manifest names every array by its SHA-256, so one signature vouches for the whole bundle. The signature is not part
of what a bundle's id is made of: the same model signed with another key is the same bundle.
"""

import json
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from movie_mlops.release.arrays import ArrayFileError, open_regular
from movie_mlops.release.signing import is_signed

SIGNATURE: Final = "signature.json"
MAX_SIGNATURE_BYTES: Final = 4096

# What is signed says what it is, so that no signature made for anything else can stand here.
_CONTEXT: Final = b"movie-mlops bundle manifest 1\n"


class SignatureFileError(Exception):
    """What lies beside a manifest is not its signature; the message completes the sentence "signature.json …"."""


class Signature(BaseModel):
    """What lies beside a manifest.

    Attributes:
        algorithm: Always Ed25519.
        public_key: Of whoever signed, in hex. It proves nothing by itself: it must be in the reader's own list.
        signature: Over the manifest's bytes, in hex.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    algorithm: Literal["ed25519"] = "ed25519"
    public_key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]

    def to_bytes(self) -> bytes:
        """Return the one spelling that is accepted on disk."""
        return (json.dumps(self.model_dump(), sort_keys=True, indent=2) + "\n").encode()

    def check(self, manifest: bytes) -> None:
        """Make sure that the key signed these very bytes.

        Raises:
            SignatureFileError: It did not.
        """
        if not is_signed(self.public_key, _CONTEXT + manifest, self.signature):
            raise SignatureFileError("is not the signature of this manifest")


class Signer(Protocol):
    """Whoever can sign: holds a private key and does not give it away."""

    @property
    def public_key(self) -> str:
        """The public half, in hex."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature."""
        ...


def sign_manifest(manifest: bytes, signer: Signer) -> Signature:
    """Return the signature of a manifest's bytes; the same key gives the same signature every time."""
    return Signature(public_key=signer.public_key, signature=signer.sign(_CONTEXT + manifest).hex())


def parse_signature(raw: bytes) -> Signature:
    """Read a signature.

    Raises:
        SignatureFileError: It is none, or not spelt as :meth:`Signature.to_bytes` spells it.
    """
    if len(raw) > MAX_SIGNATURE_BYTES:
        raise SignatureFileError(f"is longer than {MAX_SIGNATURE_BYTES:,} bytes")
    try:
        signature = Signature.model_validate_json(raw)
    except (ValidationError, ValueError, RecursionError) as error:
        raise SignatureFileError("is not a signature") from error
    if signature.to_bytes() != raw:
        raise SignatureFileError("was changed: it is not spelt as it was written")
    return signature


def read_signature(folder: Path) -> Signature | None:
    """Return the signature in a bundle's folder; ``None`` where there is none.

    Raises:
        SignatureFileError: Something else lies there.
    """
    path = folder / SIGNATURE
    if not path.exists() and not path.is_symlink():
        return None
    try:
        with open_regular(path) as file:
            return parse_signature(file.read(MAX_SIGNATURE_BYTES + 1))
    except ArrayFileError as error:
        raise SignatureFileError(str(error)) from error
