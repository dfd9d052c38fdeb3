"""From looks to messages: what must hold for a while, what is told together, and what is told again."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from movie_mlops.core import clock
from movie_mlops.monitoring.notify.conditions import CONDITIONS, Condition, Look
from movie_mlops.monitoring.notify.config import NotifyConfig
from movie_mlops.monitoring.notify.memory import Remembered, Standing
from movie_mlops.monitoring.notify.notices import Notice, Told
from movie_mlops.monitoring.notify.samples import Samples

_BETWEEN: Final = timedelta(minutes=5)
_REQUESTS: Final = "movie_mlops_requests_total"


class Watch:
    """Decides what is told and when.

    Args:
        config: How often what is told.
        conditions: What is looked at.
        now: The clock, where it is not the usual one.
        remembered: What one that ran before went by, so that nothing is told twice and no end is forgotten.
    """

    def __init__(
        self,
        config: NotifyConfig,
        conditions: Sequence[Condition] = CONDITIONS,
        now: Callable[[], datetime] | None = None,
        remembered: Remembered | None = None,
    ) -> None:
        self._config = config
        self._conditions = conditions
        self._now = now or clock.now
        before, known = remembered or Remembered(), {condition.key for condition in conditions}
        # What is looked at no more would never end.
        self._standing = {key: replace(one) for key, one in before.standing.items() if key in known}
        self._over = dict(before.over)
        self._said: deque[tuple[datetime, Samples]] = deque()
        self._last_notice = before.last_notice
        self._longest_gap = max(_BETWEEN, 2 * timedelta(seconds=config.every_seconds))

    @property
    def remembered(self) -> Remembered:
        """What another one could go on with."""
        return Remembered(
            {key: replace(one) for key, one in self._standing.items()}, dict(self._over), self._last_notice
        )

    def look(self, samples: Samples, *, reached: bool) -> Notice | None:
        """Take what was seen; return what is to be told now, if anything."""
        now = self._now()
        self._turn_back(now)
        seen = Look(reached, samples, *(self._before(samples, now) if reached else (None, False)))
        for condition in self._conditions:
            self._judge(condition, condition.value(seen), now)
        return self._notice(now)

    def _turn_back(self, now: datetime) -> None:
        """Where the clock was set back, count from now on: else nothing would be due until it is as late again."""
        for one in self._standing.values():
            one.since, one.seen = min(one.since, now), min(one.seen, now)
            one.told = one.told and min(one.told, now)
        self._last_notice = self._last_notice and min(self._last_notice, now)
        if self._said and self._said[-1][0] > now:
            self._said.clear()

    def _before(self, samples: Samples, now: datetime) -> tuple[Samples | None, bool]:
        """Return what was said before, if counters did not begin anew since, and whether that was minutes ago."""
        if self._said and samples.watched(_REQUESTS) < self._said[-1][1].watched(_REQUESTS):
            self._said.clear()
        self._said.append((now, samples))
        # The oldest is the youngest that is old enough.
        while len(self._said) > 1 and now - self._said[1][0] >= _BETWEEN:
            self._said.popleft()
        return (self._said[0][1], now - self._said[0][0] >= _BETWEEN) if len(self._said) > 1 else (None, False)

    def _judge(self, condition: Condition, value: float | None, now: datetime) -> None:
        if value is None:
            # Not known: what was so stays so, and nothing begins.
            return
        standing = self._standing.get(condition.key)
        if value > 0:
            sentence = condition.sentence.format(value=value)
            # Nobody looked for long: what was not told yet may have been over meanwhile.
            anew = standing is not None and standing.told is None and now - standing.seen > self._longest_gap
            if standing is None or anew:
                self._standing[condition.key] = Standing(now, now, sentence)
            else:
                standing.sentence, standing.seen = sentence, now
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

    def _is_due(self, condition: Condition, standing: Standing, now: datetime) -> bool:
        if standing.told is not None:
            return (now - standing.told).total_seconds() >= self._config.repeat_seconds[condition.severity]
        return (now - standing.since).total_seconds() >= condition.holds_seconds

    def _told(self, condition: Condition, standing: Standing) -> Told:
        runbook = f"{self._config.runbooks}#{condition.alert.lower()}"
        return Told(condition.key, condition.severity, standing.sentence, standing.since, runbook)
