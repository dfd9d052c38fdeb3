"""How many different users somebody may ask for within an hour: whoever copies everybody's lists asks for very many.

The hour is that of the clock, the same on every server. Whoever has asked for as many as they may goes on with those;
of others they are told when to come back.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from movie_mlops.security.config import LimitConfig
from movie_mlops.security.errors import TooManyUsersError
from movie_mlops.security.principals import Principal, Role

HOUR_SECONDS: Final = 3600
_MOST: Final = 2_000_000


class SharedUsers(Protocol):
    """What counts for several servers."""

    def take(self, name: str, users: Sequence[str], *, most: int) -> bool | None:
        """Return whether users fit in whom somebody may ask for, and count them; ``None`` where nobody can be asked.

        It may wait, and is called in a thread.
        """
        ...


class AskedUsers:
    """Remembers whom each was answered of, on this server; what is new goes by the others, where they share a store.

    Args:
        limits: By role.
        shared: What counts for all servers; without it this one counts for itself.
        most: So many users are remembered, of all who ask together; whoever asked longest ago is forgotten first, and
            begins anew.
    """

    def __init__(
        self, limits: Mapping[Role, LimitConfig], *, shared: SharedUsers | None = None, most: int = _MOST
    ) -> None:
        self._limits = {role: limit.users_per_hour for role, limit in limits.items()}
        self._shared = shared
        self._most = most
        self._hour = 0
        self._seen: OrderedDict[str, set[int]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    @property
    def waits(self) -> bool:
        """Whether :meth:`check` may wait, and is to be called in a thread."""
        return self._shared is not None

    def limit(self, principal: Principal) -> int | None:
        """Return of how many users somebody may ask; ``None`` for any number. A viewer has one anyway."""
        if not principal.roles or principal.bound:
            return None
        most = [self._limits[role] for role in principal.roles]
        known = [each for each in most if each is not None]
        return max(known) if len(known) == len(most) else None

    def knows(self, principal: Principal, user_id: str) -> bool:
        """Return whether somebody may go on with a user, as far as this server knows; it never waits."""
        if self.limit(principal) is None:
            return True
        with self._lock:
            return hash(user_id) in self._of(principal)

    def check(self, principal: Principal, user_ids: Iterable[str]) -> None:
        """Count users that somebody asks for: all of them, or where they are too many none.

        Raises:
            TooManyUsersError: They have asked for too many.
        """
        most = self.limit(principal)
        if most is None:
            return
        with self._lock:
            seen = self._of(principal)
            # The hash of this process, which nobody outside it can aim at.
            new = {user_id: hash(user_id) for user_id in user_ids if hash(user_id) not in seen}
            fits = len(seen) + len(new) <= most
        if not new:
            return
        if fits and self._shared is not None:
            fits = self._shared.take(principal.name, list(new), most=most) is not False
        if not fits:
            wait = max(1, math.ceil(HOUR_SECONDS - time.time() % HOUR_SECONDS))
            raise TooManyUsersError(
                f"You may ask for {most:,} different users an hour; these are used up.",
                next_step=f"Go on with those whom you asked for, and ask for others in {wait} s.",
                wait_seconds=wait,
            )
        with self._lock:
            seen = self._of(principal)
            before = len(seen)
            seen.update(new.values())
            self._total += len(seen) - before
            while self._total > self._most and len(self._seen) > 1:
                self._total -= len(self._seen.popitem(last=False)[1])

    def _of(self, principal: Principal) -> set[int]:
        """Return whom somebody was answered of within this hour; the caller has the lock."""
        hour = int(time.time() // HOUR_SECONDS)
        if hour != self._hour:
            self._hour, self._total = hour, 0
            self._seen.clear()
        seen = self._seen.setdefault(principal.name, set())
        self._seen.move_to_end(principal.name)
        return seen
