"""From looks to messages: what must hold for a while, what is told together, and what is told again."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from movie_mlops.core import clock
from movie_mlops.monitoring.notify.conditions import CONDITIONS, Condition, Look
from movie_mlops.monitoring.notify.config import NotifyConfig
from movie_mlops.monitoring.notify.notices import Notice, Told
from movie_mlops.monitoring.notify.samples import Samples

_BETWEEN: Final = timedelta(minutes=5)
_REQUESTS: Final = "movie_mlops_requests_total"


@dataclass
class _Standing:
    """How it stands with one condition; ``told`` is when that it is so was told last."""

    since: datetime
    sentence: str
    told: datetime | None = None


class Watch:
    """Decides what is told and when.

    It remembers nothing beyond its process: one that is started again tells anew what still goes on.

    Args:
        config: How often what is told.
        conditions: What is looked at.
        now: The clock, where it is not the usual one.
    """

    def __init__(
        self,
        config: NotifyConfig,
        conditions: Sequence[Condition] = CONDITIONS,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._config = config
        self._conditions = conditions
        self._now = now or clock.now
        self._standing: dict[str, _Standing] = {}
        self._over: dict[str, Told] = {}
        self._said: deque[tuple[datetime, Samples]] = deque()
        self._last_notice: datetime | None = None

    def look(self, samples: Samples, *, reached: bool) -> Notice | None:
        """Take what was seen; return what is to be told now, if anything."""
        now = self._now()
        seen = Look(reached, samples, self._before(samples, now) if reached else None)
        for condition in self._conditions:
            self._judge(condition, condition.value(seen), now)
        return self._notice(now)

    def _before(self, samples: Samples, now: datetime) -> Samples | None:
        """Return what was said some minutes ago; nothing where counters began anew since."""
        if self._said and samples.watched(_REQUESTS) < self._said[-1][1].watched(_REQUESTS):
            self._said.clear()
        self._said.append((now, samples))
        # The oldest is the youngest that is old enough.
        while len(self._said) > 1 and now - self._said[1][0] >= _BETWEEN:
            self._said.popleft()
        return self._said[0][1] if len(self._said) > 1 else None

    def _judge(self, condition: Condition, value: float | None, now: datetime) -> None:
        if value is None:
            # Not known: what was so stays so, and nothing begins.
            return
        standing = self._standing.get(condition.key)
        if value > 0:
            sentence = condition.sentence.format(value=value)
            if standing is None:
                self._standing[condition.key] = _Standing(now, sentence)
            else:
                standing.sentence = sentence
        elif standing is not None:
            del self._standing[condition.key]
            if standing.told is not None:
                self._over[condition.key] = self._told(condition, standing)

    def _notice(self, now: datetime) -> Notice | None:
        """Return the message that is due, and take it as told."""
        if self._last_notice is not None and (now - self._last_notice).total_seconds() < self._config.group_seconds:
            return None
        firing = []
        for condition in self._conditions:
            standing = self._standing.get(condition.key)
            if standing is not None and self._is_due(condition, standing, now):
                standing.told = now
                # Gone and back between two messages: it goes on.
                self._over.pop(condition.key, None)
                firing.append(self._told(condition, standing))
        resolved = tuple(self._over.values())
        self._over.clear()
        if not (firing or resolved):
            return None
        self._last_notice = now
        return Notice(now, tuple(firing), resolved)

    def _is_due(self, condition: Condition, standing: _Standing, now: datetime) -> bool:
        if standing.told is not None:
            return (now - standing.told).total_seconds() >= self._config.repeat_seconds[condition.severity]
        return (now - standing.since).total_seconds() >= condition.holds_seconds

    def _told(self, condition: Condition, standing: _Standing) -> Told:
        runbook = f"{self._config.runbooks}#{condition.alert.lower()}"
        return Told(condition.key, condition.severity, standing.sentence, standing.since, runbook)
