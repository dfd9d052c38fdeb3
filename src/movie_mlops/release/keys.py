"""The key that signs bundles here: from the settings, or made on first need and kept beside the trust list."""

import stat
from pathlib import Path
from typing import Final

from movie_mlops.release.config import KeysConfig
from movie_mlops.release.errors import KeyRefusedError
from movie_mlops.release.signing import KEY_HEX, SigningKey, write_key
from movie_mlops.release.trust import Standing, TrustedKey, TrustList

_PRIVATE: Final = "signing-key.pem"
_TRUSTED: Final = "trusted-keys.json"
_NEXT: Final = (
    "MOVIE_MLOPS_SIGNING_KEY is 64 hex digits, or a file with an Ed25519 private key as PEM"
    " ('openssl genpkey -algorithm ed25519')."
)


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
            old = SigningKey.read(self.own_file, next_step=_NEXT).public_key
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
        path = Path(given).expanduser()
        if not path.is_file():
            # A key with a digit too few is no path, and a secret all the same: it is not shown.
            raise KeyRefusedError("MOVIE_MLOPS_SIGNING_KEY is neither a key nor a file with one.", next_step=_NEXT)
        return SigningKey.read(path, next_step=_NEXT)

    def _own(self) -> SigningKey:
        # Another process may make one in the meantime: then that is the key.
        made = self.own_file if not self.own_file.exists() and write_key(self.own_file) else None
        if stat.S_IMODE(self.own_file.stat().st_mode) & 0o077:
            raise KeyRefusedError(
                f"Others than its owner may read the signing key {self.own_file}.",
                next_step=f"chmod 600 {self.own_file}; if somebody did read it: movie-mlops models keys new",
            )
        signer = SigningKey.read(self.own_file, next_step=_NEXT)
        signer.made = made
        return signer
