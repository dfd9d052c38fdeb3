"""What a server for production must not start with: secrets that can be guessed, a debugger, doors that stand open."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from movie_mlops.security.errors import UnfitForProductionError

_LEAST_BITS: Final = 100
"""How hard a secret must be to guess, reckoned by its letters; 32 hex digits made by chance are 128."""
_LEAST_PASSWORD: Final = 12
_KNOWN: Final = re.compile(
    r"(?i)change.?me|default|example|password|passwd|secret|admin|token|qwerty|letmein|movie.?mlops|placeholder|"
    r"postgres|redis|minio|guest|root|test|12345|abcdef|01234"
)
_HEX_KEY: Final = re.compile(r"(?i)[0-9a-f]{64}")
_OTHERS_MAY_READ: Final = 0o077


@dataclass(frozen=True)
class Exposure:
    """What a server is about to start with.

    Attributes:
        host: The address on which it listens.
        encrypted: Whether it speaks TLS itself, or a proxy of ours stands before it that does.
        admin_token: The admin token; ``None`` shuts the admin routes.
        keys: Of 64 hex digits or the path of a file, by the name of their setting; empty where one is made on first
            need.
        addresses: Of other stores, which may hold passwords, by the name of their setting.
        secrets: Further secrets, by the name of their setting.
        debugging: What of Python's or the framework's own debugging is on.
        origins: Pages of which other sites may ask from a browser.
    """

    host: str = "127.0.0.1"
    encrypted: bool = False
    admin_token: str | None = field(default=None, repr=False)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    debugging: Sequence[str] = ()
    origins: Sequence[str] = ()


def require_fit(exposure: Exposure) -> None:
    """Do nothing where a server may start with this in production.

    Raises:
        UnfitForProductionError: It may not; every reason is named, and no secret is shown.
    """
    if reasons := list(_reasons(exposure)):
        raise UnfitForProductionError(
            "This is not fit for production: " + "; ".join(reasons) + ".",
            next_step="Correct it, or leave MOVIE_MLOPS_PRODUCTION out for development. 'openssl rand -hex 32' makes a"
            " secret.",
        )


def weakness(secret: str) -> str | None:
    """Return why a secret can be guessed; ``None`` where it cannot."""
    # What is known of it need not be guessed.
    rest = _KNOWN.sub("", secret)
    counts = Counter(rest)
    bits = -sum(count * math.log2(count / len(rest)) for count in counts.values())
    if bits < _LEAST_BITS:
        words = "is made of known words" if rest != secret else "is too short or too even"
        return f"{words} ({bits:.0f} bits are left to guess; {_LEAST_BITS} at least)"
    steps = Counter(ord(after) - ord(before) for before, after in pairwise(secret))
    if max(steps.values()) > len(secret) // 2:
        return "is a row of letters in order"
    return None


def _reasons(exposure: Exposure) -> Iterator[str]:
    named = {"MOVIE_MLOPS_ADMIN_TOKEN": exposure.admin_token, **exposure.secrets}
    for name, secret in named.items():
        if secret and (why := weakness(secret)):
            yield f"{name} {why}"
    for name, key in exposure.keys.items():
        yield from _key(name, key)
    for name, address in exposure.addresses.items():
        yield from _address(name, address)
    for what in exposure.debugging:
        yield f"{what} is on, which shows strangers the inside"
    if any("*" in origin for origin in exposure.origins):
        yield "every site may ask from a browser (CORS origin *)"
    if any(origin.startswith("http://") for origin in exposure.origins):
        yield "a site without encryption may ask from a browser (CORS origin http://)"
    if not _is_loopback(exposure.host) and not exposure.encrypted:
        yield (
            f"it would speak HTTP without encryption on {exposure.host}: give it a certificate with --tls-cert and"
            " --tls-key, or let a proxy that speaks TLS stand before it and say so with MOVIE_MLOPS_BEHIND_PROXY=true"
        )


def _key(name: str, given: str) -> Iterator[str]:
    if not given:
        return
    if _HEX_KEY.fullmatch(given):
        if why := weakness(given.lower()):
            yield f"{name} {why}"
        return
    try:
        mode = Path(given).expanduser().stat().st_mode
    except OSError:
        yield f"{name} is neither 64 hex digits nor a file that is there"
    else:
        if mode & _OTHERS_MAY_READ:
            yield f"{name} names a file that others than its owner may read"


def _address(name: str, address: str) -> Iterator[str]:
    parts = urlsplit(address)
    password = unquote(parts.password or "")
    if not parts.hostname or (_is_loopback(parts.hostname) and not password):
        return
    if not password:
        yield f"{name} has no password"
    elif len(password) < _LEAST_PASSWORD or _KNOWN.search(password) or password == unquote(parts.username or ""):
        yield f"{name} has a password that can be guessed"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
