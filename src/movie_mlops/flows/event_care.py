"""Looking after the event log: how far everybody is with it, and what may go from it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from movie_mlops.core import clock
from movie_mlops.events.errors import PruneError
from movie_mlops.events.places import all_places
from movie_mlops.events.stored import ERASED
from movie_mlops.flows.carrying import dead_letters
from movie_mlops.flows.ingest import in_lake
from movie_mlops.flows.platform import Platform
from movie_mlops.state import run_for_each

_BY_TYPE: Final = "SELECT type, count(*) FROM events GROUP BY type ORDER BY type"
_OLDEST: Final = 'SELECT min("offset"), min(recorded_at), max(recorded_at) FROM events'
# The newest stays: the next offset is known by it.
_PRUNABLE: Final = 'FROM events WHERE "offset" <= ? AND recorded_at < ?'


@dataclass(frozen=True)
class Pruned:
    """What went from the log.

    Attributes:
        events: How many.
        upto: Everybody has the log up to this offset: nothing beyond may go.
        before: What was recorded since stays.
    """

    events: int
    upto: int
    before: str


def stats(platform: Platform) -> dict[str, Any]:
    """Return how much there is, and how far everybody is."""
    database, last = platform.database, platform.events.last_offset()
    by_type = {str(kind): int(count) for kind, count in database.fetch(_BY_TYPE)}
    [(oldest, since, newest)] = database.fetch(_OLDEST)
    places = {"lake": in_lake(platform), **all_places(database)}
    return {
        "log": platform.events.name,
        "effects": platform.config.events.effects,
        "events": sum(count for kind, count in by_type.items() if kind != ERASED),
        "erased": by_type.get(ERASED, 0),
        "by_type": {kind: count for kind, count in by_type.items() if kind != ERASED},
        "offsets": [oldest, last or None],
        "recorded": [since, newest],
        "places": {name: {"offset": place, "behind": max(0, last - place)} for name, place in places.items()},
        "dead_letters": len(dead_letters(platform).all()),
    }


def prune(platform: Platform, *, days: float | None = None, dry_run: bool = False) -> Pruned:
    """Remove events that are old and that the lake and every consumer have.

    An id that was pruned is known no more: the same event sent again would count again in features, though not in the
    lake. Senders repeat within minutes; an age of days is safe.

    Args:
        platform: The stores.
        days: How old they must be; by default as ``config/platform.yaml`` says.
        dry_run: Only say how many.

    Raises:
        PruneError: Nobody said how old.
    """
    days = platform.config.events.keep_days if days is None else days
    if days <= 0:
        raise PruneError(
            "Nobody said how old events must be to go.",
            next_step="Set events.keep_days in config/platform.yaml, or give --older-than DAYS.",
        )
    places = [in_lake(platform), *all_places(platform.database).values(), platform.events.last_offset() - 1]
    before, upto = clock.to_iso(clock.now() - timedelta(days=days)), max(0, min(places))
    if dry_run:
        [(count,)] = platform.database.fetch(f"SELECT count(*) {_PRUNABLE}", (upto, before))
        return Pruned(int(count), upto, before)
    with platform.database.write() as connection:
        count = run_for_each(connection, f"DELETE {_PRUNABLE}", [(upto, before)])
    return Pruned(count, upto, before)
