"""Passwords that people choose: kept so that guessing is slow, and none that everybody tries first."""

import base64
import re
import secrets
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from movie_mlops.security.errors import AccountError

SHORTEST: Final = 12
LONGEST: Final = 128
_DIFFERENT: Final = 5
_LEFT: Final = 6
_SALT_BYTES, _HASH_BYTES = 16, 32
_COST: Final = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$")
_FIRST_TRIED: Final = re.compile(
    "passwor[dt]|passwd|passphrase|qwert[yz]?|azerty|asdfg?h?|letmein|welcome|iloveyou|admin(istrator)?|root|"
    "login|secret|master|changeme|default|dragon|monkey|sunshine|princess|football|baseball|superman|trustno|"
    "movie|mlops|console|film|netflix|(19|20)\\d\\d"
)
"""Of these the passwords are made that are tried first (NCSC, *Most hacked passwords*, 2019); and of our own name."""
_WRITTEN: Final = str.maketrans("0134578@$!", "oleastbasi")
"""How those words are disguised."""


@dataclass(frozen=True)
class Argon2Cost:
    """What one guess costs: the second recommended choice of RFC 9106.

    Attributes:
        memory_kib: Memory, KiB.
        iterations: Passes over it.
        lanes: Parts of it that can be worked on at once.
    """

    memory_kib: int = 65_536
    iterations: int = 3
    lanes: int = 4

    @property
    def words(self) -> str:
        """As it stands before each hash."""
        return f"$argon2id$v=19$m={self.memory_kib},t={self.iterations},p={self.lanes}$"

    def nobody(self) -> str:
        """Return a hash of which nobody knows a password: to compare with it takes as long as with any other."""
        salt, digest = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_HASH_BYTES)
        return self.words + "$".join(base64.b64encode(part).decode().rstrip("=") for part in (salt, digest))


def hashed(password: str, cost: Argon2Cost, pepper: bytes) -> str:
    """Return what is kept of a password: Argon2id (RFC 9106) under a secret that is not in the database."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 - only where there are passwords

    kdf = Argon2id(
        salt=secrets.token_bytes(_SALT_BYTES),
        length=_HASH_BYTES,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
        secret=pepper,
    )
    return kdf.derive_phc_encoded(_bytes(password))


def is_password(password: str, kept: str, pepper: bytes) -> bool:
    """Return whether a password is the one of which this was kept."""
    from cryptography.exceptions import InvalidKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415

    try:
        Argon2id.verify_phc_encoded(_bytes(password), kept, secret=pepper)
    except InvalidKey:
        return False
    return True


def is_cheaper(kept: str, cost: Argon2Cost) -> bool:
    """Return whether what was kept is easier to guess than what would be kept now."""
    found = _COST.match(kept)
    now = (cost.memory_kib, cost.iterations, cost.lanes)
    return found is None or any(int(then) < wanted for then, wanted in zip(found.groups(), now, strict=True))


def check_password(password: str, name: str) -> None:
    """Refuse a password that would be guessed.

    Raises:
        AccountError: It is too short or too long, or made of what everybody tries first.
    """
    why = _weakness(unicodedata.normalize("NFKC", password), name)
    if why is not None:
        raise AccountError(
            f"The password {why}.",
            next_step=f"Take another one of {SHORTEST} to {LONGEST} characters; four words by chance are a good one.",
        )


def _weakness(password: str, name: str) -> str | None:
    if not SHORTEST <= len(password) <= LONGEST:
        return f"has {len(password)} characters"
    folded = password.casefold()
    if len(set(folded)) < _DIFFERENT:
        return f"has fewer than {_DIFFERENT} different characters"
    # A word that is tried first, or the name, adds nothing; nor does a letter that follows the one before, as in 12345.
    for text in (folded, folded.translate(_WRITTEN)):
        rest = _FIRST_TRIED.sub("", text.replace(name.casefold(), ""))
        steps = [ord(after) - ord(before) for before, after in pairwise(rest)]
        if len(rest) - sum(abs(step) <= 1 for step in steps) < _LEFT:
            return "is made of what everybody tries first"
    return None


def _bytes(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")
