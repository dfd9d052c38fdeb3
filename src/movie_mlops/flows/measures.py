"""What the API tells of the rooms behind it: how far events, data, features and model are, and what jobs read."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import select

from movie_mlops.core import clock
from movie_mlops.core.conditions import OK, Condition
from movie_mlops.core.measures import Sample
from movie_mlops.events.consumers import positions
from movie_mlops.events.triggers import BudgetConfig, LoopRuns, Memories, Stage, budget_left
from movie_mlops.events.triggers.runs import lately
from movie_mlops.flows import declared
from movie_mlops.flows.ingest import in_lake
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.worker import WORKERS
from movie_mlops.lake import INTERACTIONS
from movie_mlops.monitoring import FreshnessConfig, newest_readings, reading_samples
from movie_mlops.serving import MEASURES as SERVING

_LONGEST_SILENCE: Final = timedelta(days=1)
_OLDEST: Final = 'SELECT recorded_at FROM events WHERE "offset" > ? ORDER BY "offset" LIMIT 1'
_LETTERS: Final = "SELECT count(*) FROM dead_letters"
_LAST: Final = 'SELECT max("offset") FROM events'
_LITTLE_ROOM: Final = 0.1
"""With less of the disk than this share free somebody should look."""
_NO_ROOM: Final = 0.01
"""With less than this, writes fail any moment."""
_LOOKS_BACK: Final = 50
"""So many commits are looked at for one that brought rows; compacting a table makes one, too."""


class PlatformWatched:
    """Tells of one data set: its measures, and how what the API depends on is.

    Args:
        platform: Its stores.
        budget: What the loop may spend a day.
        freshness: How old things may be.
    """

    def __init__(
        self, platform: Platform, budget: BudgetConfig | None = None, freshness: FreshnessConfig | None = None
    ) -> None:
        self._platform = platform
        self._budget = budget or BudgetConfig()
        self._freshness = freshness or FreshnessConfig()
        self._brought: tuple[int, datetime] | None = None

    def parts(self) -> Mapping[str, Callable[[], Iterable[Sample]]]:
        """Return what reads each part; each asks as few stores as it can, so that one that is away hides no other."""
        return {
            "events": self._events,
            "workers": self._workers,
            "data": self._data,
            "features": self._features,
            "model": self._model,
            "bounds": self._bounds,
            "loop": self._loop,
            "readings": self._readings,
            "disk": self._disk,
        }

    def dependencies(self) -> Mapping[str, Callable[[], Condition]]:
        """Return what looks after each thing that the server depends on and does not know itself."""
        return {"lake": self._lake, "disk": self._room}

    def _lake(self) -> Condition:
        if self._platform.lake.version(INTERACTIONS) is None:
            return Condition("degraded", "The lake has no interactions yet.", "Bring data in: movie-mlops run")
        return OK

    def _room(self) -> Condition:
        usage = shutil.disk_usage(self._platform.workspace.home)
        share = usage.free / usage.total
        if share >= _LITTLE_ROOM:
            return OK
        reason = f"{share:.1%} of the disk that holds the state is free."
        step = "Free space (movie-mlops models gc, movie-mlops lake vacuum), or give it a larger disk."
        return Condition("failed" if share < _NO_ROOM else "degraded", reason, step)

    def _events(self) -> Iterator[Sample]:
        database, there = self._platform.database, in_lake(self._platform)
        [(last,)] = database.fetch(_LAST)
        yield Sample(declared.EVENTS_WAITING, max(0, (last or 0) - there))
        for name, place in islice(positions(database).items(), declared.MOST_CONSUMERS):
            yield Sample(declared.CONSUMER_BEHIND, max(0, (last or 0) - place), (name,))
        [(letters,)] = database.fetch(_LETTERS)
        yield Sample(declared.DEAD_LETTERS, letters)
        oldest = database.fetch(_OLDEST, (there,))
        yield Sample(declared.EVENTS_LAG, _since(datetime.fromisoformat(oldest[0][0])) if oldest else 0.0)

    def _workers(self) -> Iterator[Sample]:
        with self._platform.database.read() as connection:
            rows = connection.execute(select(WORKERS.c.name, WORKERS.c.seen_at)).all()
        seen = sorted(((datetime.fromisoformat(at), name) for name, at in rows), reverse=True)
        for at, name in islice(seen, declared.MOST_WORKERS):
            if clock.now() - at < _LONGEST_SILENCE:
                yield Sample(declared.WORKER_AGE, _since(at), (name,))

    def _data(self) -> Iterator[Sample]:
        lake = self._platform.lake
        newest = lake.version(INTERACTIONS)
        if newest is None:
            return
        if self._brought is None or self._brought[0] != newest:
            commits = (lake.commit(INTERACTIONS, version) for version in range(newest, -1, -1))
            brought = next((one.time for one in islice(commits, _LOOKS_BACK) if one.rows), None)
            if brought is None:
                return
            self._brought = (newest, brought)
        yield Sample(declared.DATA_AGE, _since(self._brought[1]))

    def _features(self) -> Iterator[Sample]:
        origin = self._platform.features.origin()
        if origin is not None:
            yield Sample(declared.FEATURES_AGE, _since(clock.from_microseconds(origin["materialised_at"])))

    def _model(self) -> Iterator[Sample]:
        champion = self._platform.ledger.champion()
        found = None if champion is None else self._platform.registry.find(champion.bundle_id)
        if found is not None:
            yield Sample(declared.MODEL_AGE, _since(found.at))

    def _bounds(self) -> Iterator[Sample]:
        for of, seconds in self._freshness.bounds(self._platform.workspace.dataset).items():
            yield Sample(declared.AGE_BOUND, seconds, (of,))

    def _loop(self) -> Iterator[Sample]:
        now, kept = clock.now(), LoopRuns(self._platform.database)
        for stage, count in kept.by_stage().items():
            yield Sample(declared.LOOP_RUNS, count, (stage.value,))
        runs = kept.since(lately(now))
        if runs:
            yield Sample(declared.LOOP_PROPOSAL_AGE, _since(runs[0].began_at))
        going = next((run for run in runs if run.open), None)
        yield Sample(declared.LOOP_OPEN, 0.0 if going is None else _since(going.began_at))
        ended = next((run for run in kept.newest(2) if not run.open), None)
        yield Sample(declared.LOOP_FAILED, float(ended is not None and ended.stage is Stage.FAILED))
        left, minutes = budget_left(self._budget, runs, now)
        yield Sample(declared.LOOP_RUNS_LEFT, max(0, left))
        yield Sample(declared.LOOP_SECONDS_LEFT, max(0.0, 60 * minutes))
        for rule, memory in sorted(Memories(self._platform.database).all().items()):
            if memory.value is not None:
                yield Sample(declared.TRIGGER_VALUE, memory.value, (rule,))
            if memory.looked_at is not None:
                yield Sample(declared.TRIGGER_LOOK_AGE, _since(memory.looked_at), (rule,))

    def _readings(self) -> Iterator[Sample]:
        return reading_samples(newest_readings(self._platform.database), (*SERVING, *declared.MEASURES))

    def _disk(self) -> Iterator[Sample]:
        usage = shutil.disk_usage(self._platform.workspace.home)
        yield Sample(declared.DISK_FREE, usage.free)
        yield Sample(declared.DISK_SIZE, usage.total)


def _since(moment: datetime) -> float:
    """Return the seconds since a time; 0 where a clock says that it is to come."""
    return max(0.0, (clock.now() - moment).total_seconds())
