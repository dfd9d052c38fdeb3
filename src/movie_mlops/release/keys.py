"""The key that signs bundles here: from the settings, or made on first need and kept beside the trust list."""

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from movie_mlops.release.config import KeysConfig
from movie_mlops.release.errors import KeyRefusedError
from movie_mlops.release.signature import KEY_HEX
from movie_mlops.release.trust import Standing, TrustedKey, TrustList

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PRIVATE: Final = "signing-key.pem"
_TRUSTED: Final = "trusted-keys.json"
_SEED: Final = "64 hex digits, or a file with an Ed25519 private key as PEM ('openssl genpkey -algorithm ed25519')"


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
    def read(cls, path: Path) -> Self:
        """Read a key from a file: PEM, or 64 hex digits.

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
            raise KeyRefusedError(
                f"The signing key {path} cannot be read ({reason}).", next_step=f"MOVIE_MLOPS_SIGNING_KEY is {_SEED}."
            ) from error
        if not isinstance(private, Ed25519PrivateKey):
            raise KeyRefusedError(
                f"The signing key {path} is not an Ed25519 key.", next_step=f"MOVIE_MLOPS_SIGNING_KEY is {_SEED}."
            )
        return cls(private)


class Keys:
    """The signing key and the list of trusted ones.

    Attributes:
        trust: Whose bundles are used.

    Args:
        config: Where they are.
    """

    def __init__(self, config: KeysConfig) -> None:
        self._config = config
        self.trust = TrustList(config.trusted or config.folder / _TRUSTED)

    @property
    def own_file(self) -> Path:
        """Where a key that is made here lies."""
        return self._config.folder / _PRIVATE

    def signer(self) -> SigningKey:
        """Return the key that signs; one is made on first need, and what signs here is trusted here.

        Raises:
            KeyRefusedError: It cannot be read, others may read it, or it was retired or revoked.
        """
        signer = self._configured() or self._own()
        known = self.trust.find(signer.public_key)
        if known is None:
            self.trust.put(signer.public_key, Standing.TRUSTED, "signs here")
        elif known.standing is not Standing.TRUSTED:
            raise KeyRefusedError(
                f"The signing key {known.key_id} was {known.standing}, and signs no more.",
                next_step="Make a new one with 'movie-mlops models keys new', or set another MOVIE_MLOPS_SIGNING_KEY.",
            )
        return signer

    def renew(self) -> tuple[SigningKey, TrustedKey | None]:
        """Make a new signing key; the one before is retired, its file removed, and what it signed stays readable.

        Raises:
            KeyRefusedError: The key comes from the settings, so that only they can change it.
        """
        if self._config.signing_key:
            raise KeyRefusedError(
                "The signing key comes from MOVIE_MLOPS_SIGNING_KEY, not from this folder.",
                next_step="Set another one there, then: movie-mlops models keys retire KEY",
            )
        retired: TrustedKey | None = None
        if self.own_file.exists():
            old = SigningKey.read(self.own_file).public_key
            known = self.trust.find(old)
            if known is None or known.standing is Standing.TRUSTED:
                retired = self.trust.put(old, Standing.RETIRED, "followed by a new key")
            self.own_file.unlink()
        return self.signer(), retired

    def _configured(self) -> SigningKey | None:
        given = self._config.signing_key
        if not given:
            return None
        if KEY_HEX.fullmatch(given.lower()):
            return SigningKey.of_seed(given.lower())
        return SigningKey.read(Path(given).expanduser())

    def _own(self) -> SigningKey:
        made = None if self.own_file.exists() else self._make()
        if stat.S_IMODE(self.own_file.stat().st_mode) & 0o077:
            raise KeyRefusedError(
                f"Others than its owner may read the signing key {self.own_file}.",
                next_step=f"chmod 600 {self.own_file}; if somebody did read it: movie-mlops models keys new",
            )
        signer = SigningKey.read(self.own_file)
        signer.made = made
        return signer

    def _make(self) -> Path | None:
        """Write a new key; whole or not at all, and never over one that another process made in the meantime."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 (heavy)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 (heavy)

        text = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.own_file.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp's file is its owner's alone from the start.
        descriptor, name = tempfile.mkstemp(prefix=f".{_PRIVATE}.", dir=self.own_file.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(name, self.own_file)
        except FileExistsError:
            return None
        finally:
            Path(name).unlink()
        return self.own_file
