"""How often somebody may be wrong at a door, by the address that they come from, in memory that has an end."""

import ipaddress
import math
import time
from collections import OrderedDict

from movie_mlops.security.config import SignInConfig


class Tries:
    """Counts wrong tokens.

    Args:
        config: How many.
    """

    def __init__(self, config: SignInConfig) -> None:
        self._config = config
        self._wrong: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, address: str) -> int:
        """Return how long an address has to wait; 0 where it may try."""
        wrong = self._now(_network(address))
        if wrong + 1 <= self._config.tries:
            return 0
        return max(1, math.ceil((wrong + 1 - self._config.tries) * self._config.seconds / self._config.tries))

    def was_wrong(self, address: str) -> None:
        """Count a wrong token."""
        network = _network(address)
        wrong = self._now(network)
        self._wrong.pop(network, None)
        self._wrong[network] = (time.monotonic(), wrong + 1)
        if len(self._wrong) > self._config.addresses:
            self._wrong.popitem(last=False)

    def __len__(self) -> int:
        """Return of how many addresses it is remembered."""
        return len(self._wrong)

    def _now(self, network: str) -> float:
        at, wrong = self._wrong.get(network, (0.0, 0.0))
        return max(0.0, wrong - (time.monotonic() - at) * self._config.tries / self._config.seconds)


def _network(address: str) -> str:
    """Return what one household has: an IPv4 address, or the 64-bit network of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address  # noqa: PLR2004
