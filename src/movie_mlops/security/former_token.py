"""The administrator's token before this one: it goes on for a stated time after it was changed, and then dies."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime

from movie_mlops.core import clock


@dataclass(frozen=True)
class FormerToken:
    """A token that ends.

    Attributes:
        token: The token.
        until: When it dies (aware UTC).
    """

    token: str = field(repr=False)
    until: datetime

    def is_this(self, shown: str) -> bool:
        """Return whether somebody shows it while it lives, in a time that tells nothing of where it differs."""
        same = hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), self.token.encode())
        return same and clock.now() < self.until
